"""python -m tests.simulation run 100000 | one SEED [MUTANT] | mutants"""

import django

if __name__ == "__main__":
    import os

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    from tests.simulation.run import main

    main()
