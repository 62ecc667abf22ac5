"""Reads settings from the environment, or refuses with a sentence that names the variable and says what to do.

Called by `batchly.settings`, and by manage.py for the file.
"""

import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

SHORTEST_KEY = 32  # characters; what `secrets.token_urlsafe(32)` gives is 43
KEY_ADVICE = 'Make one with: python3 -c "import secrets; print(secrets.token_urlsafe(48))"'


def load_file(repository: Path) -> None:
    """Take what the process environment leaves open from `.env`, or from the file BATCHLY_ENV_FILE names."""
    file = Path(os.environ.get("BATCHLY_ENV_FILE") or repository / ".env")
    if file.is_file():
        environ.Env.read_env(str(file))


class Environment:
    """The process environment. Every method raises ImproperlyConfigured on a wrong value."""

    def __init__(self) -> None:
        self._env = environ.Env()

    def text(self, name: str, default: str | None = None, *, purpose: str = "") -> str:
        """A string; without a default it is required, and `purpose` says what it is for."""
        value = str(self._env.str(name, default="")).strip()
        if value:
            return value
        if default is None:
            raise ImproperlyConfigured(f"{name} is not set. {purpose}".strip())
        return default

    def flag(self, name: str, *, default: bool) -> bool:
        value = self.text(name, "on" if default else "off").lower()
        if value in {"1", "true", "yes", "on"}:
            return True
        if value in {"0", "false", "no", "off"}:
            return False
        raise ImproperlyConfigured(f"{name} is {value!r}. Set it to on or off.")

    def words(self, name: str, default: Sequence[str] = ()) -> list[str]:
        """A comma-separated list."""
        return [word.strip() for word in self.text(name, ",".join(default)).split(",") if word.strip()]

    def choice(self, name: str, allowed: Sequence[str], default: str | None = None) -> str:
        value = self.text(name, default, purpose=f"Set it to one of: {', '.join(allowed)}.")
        if value not in allowed:
            raise ImproperlyConfigured(f"{name} is {value!r}. Set it to one of: {', '.join(allowed)}.")
        return value

    def seconds(self, name: str, default: float, *, at_least: float, why: str) -> float:
        """A duration; `why` says what would go wrong below the least value."""
        value = self.text(name, str(default))
        try:
            number = float(value)
        except ValueError:
            raise ImproperlyConfigured(f"{name} is {value!r}. Set it to a number of seconds.") from None
        if not at_least <= number < float("inf"):
            raise ImproperlyConfigured(f"{name} is {value}. Set it to {at_least:g} seconds or more: {why}")
        return number

    def count(self, name: str, default: int, *, at_most: int | None) -> int:
        """A whole number from 1 on; `at_most` None sets no upper end."""
        value = self.text(name, str(default))
        if not value.isdecimal() or int(value) < 1 or (at_most is not None and int(value) > at_most):
            span = "1 or more" if at_most is None else f"1 to {at_most}"
            raise ImproperlyConfigured(f"{name} is {value!r}. Set it to a whole number, {span}.")
        return int(value)

    def address(self, name: str, default: str | None = None, *, purpose: str = "", secure: bool = False) -> str:
        """An http or https address; `secure` admits https only."""
        value = self.text(name, default, purpose=purpose)
        parts = urlsplit(value)
        if parts.scheme not in ({"https"} if secure else {"http", "https"}) or not parts.hostname:
            wanted = "an https:// address" if secure else "an http:// or https:// address"
            raise ImproperlyConfigured(f"{name} is {value!r}. Set it to {wanted}.")
        return value.rstrip("/")

    def keys(self, name: str) -> list[str]:
        """Secret keys, newest first: always a list, each long. (A plain string would make every letter a key.)"""
        keys = self.words(name)
        short = [number for number, key in enumerate(keys, 1) if len(key) < SHORTEST_KEY]
        if short:
            raise ImproperlyConfigured(
                f"{name}: key number {short[0]} is shorter than {SHORTEST_KEY} characters. {KEY_ADVICE}"
            )
        return keys

    def database(self, name: str, *, purpose: str) -> dict[str, object]:
        url = self.text(name, purpose=purpose)
        if urlsplit(url).scheme not in {"postgres", "postgresql"}:
            raise ImproperlyConfigured(f"{name} does not begin with postgresql://. Batchly runs on PostgreSQL only.")
        return dict(environ.Env.db_url_config(url))

    def mail(self, name: str, default: str) -> dict[str, object]:
        url = self.text(name, default)
        try:
            return dict(environ.Env.email_url_config(url))
        except Exception as wrong:  # the library raises whatever its parsing stumbles over
            raise ImproperlyConfigured(
                f"{name} is not a mail address django-environ understands, such as "
                f"smtp+tls://user:password@host:587 ({type(wrong).__name__})."
            ) from None


def generated_key(file: Path) -> str:
    """A secret for this machine's demo and development, made on first use and kept in a private file."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    candidate = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    if not file.exists():
        candidate.touch(mode=0o600)
        candidate.write_text(secrets.token_urlsafe(48))
        try:
            file.hardlink_to(candidate)  # fails when another process was first: everybody then reads the same key
        except FileExistsError:
            print(f"{file} was made by another process meanwhile", file=sys.stderr)
        candidate.unlink()
    return file.read_text().strip()
