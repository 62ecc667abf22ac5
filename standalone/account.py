"""The demo's sign-in to the console: the user `demo`, with a password made up on this machine and kept in .local/.

Called by `standalone.teller` and by whoever tells the story and has to sign in.
"""

import secrets
from pathlib import Path

NAME = "demo"
PASSWORD_FILE = Path(__file__).resolve().parent.parent / ".local" / "demo-password"


def password() -> str:
    """The same one at every start."""
    if not PASSWORD_FILE.exists():
        PASSWORD_FILE.touch(mode=0o600)
        PASSWORD_FILE.write_text(secrets.token_urlsafe(12))
    return PASSWORD_FILE.read_text()


def ensure() -> None:
    """The user exists, may do everything, and has that password."""
    from django.contrib.auth import get_user_model

    user, _ = get_user_model().objects.get_or_create(
        username=NAME, defaults={"is_staff": True, "is_superuser": True, "email": "demo@localhost"}
    )
    if not user.check_password(password()):
        user.set_password(password())
        user.save(update_fields=["password"])
