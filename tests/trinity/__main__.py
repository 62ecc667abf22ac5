"""`python -m tests.trinity run N`, `one SEED`, `twice N`: with a PostgreSQL of its own, outside of pytest."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

from tests.trinity.run import main  # noqa: E402 - its imports need the applications

if __name__ == "__main__":
    main()
