"""Batchly's settings under test: the same file, with an environment that does not depend on the developer's.

Only DATABASE_URL is taken from outside. Without it the address here reaches nothing, and the database fixture in
conftest.py replaces it by a throw-away cluster as soon as a test asks for the database. mypy reads this file as well.
"""

import os
from pathlib import Path
from tempfile import gettempdir

os.environ.update(
    {
        "BATCHLY_ENV_FILE": os.devnull,
        "DEBUG": "on",
        "SECRET_KEY": "a-key-for-tests-only-" + "x" * 32,
        "BATCHLY_FIELD_KEYS": "a-field-key-for-tests-only-" + "y" * 32,
        "ALLOWED_HOSTS": "testserver,localhost,127.0.0.1",
        "CELERY_BROKER_URL": "memory://",
        "QBO_ENVIRONMENT": "emulator",
        "LOG_LEVEL": "WARNING",
    }
)
for name in [name for name in os.environ if name.startswith(("QBO_", "QBSYNC_")) and name != "QBO_ENVIRONMENT"]:
    del os.environ[name]
DATABASE_IS_GIVEN = bool(os.environ.get("DATABASE_URL"))
if not DATABASE_IS_GIVEN:
    os.environ["DATABASE_URL"] = "postgresql://nobody@/nothing?host=/nonexistent"

from batchly.settings import *  # noqa: E402, F403

if not DATABASE_IS_GIVEN:
    del os.environ["DATABASE_URL"]
DEBUG = False
QBSYNC_WITNESS_FOLDER = ""  # the tests that are about it give it a folder of their own
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
MEDIA_ROOT = Path(gettempdir())
