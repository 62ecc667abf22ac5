"""Runs the demo's story in a process of its own, with Django ready. Started by `standalone.demo`:

python -m standalone.teller WEB_URL EMULATOR_URL whole|opening
"""

import sys


def main(web_url: str, emulator_url: str, part: str) -> int:
    import django

    django.setup()
    from standalone import account, story

    account.ensure()
    return story.run(web_url=web_url, emulator_url=emulator_url, whole=part == "whole")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
