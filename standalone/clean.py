"""`make clean`: deletes the demo's database, wherever it lies."""

from pathlib import Path

from standalone import postgres

HOME = Path(__file__).resolve().parent.parent / ".local" / "postgres"

if __name__ == "__main__":
    try:
        postgres.remove(HOME)
    except postgres.AlreadyRunning as refusal:
        raise SystemExit(str(refusal)) from None
