"""Every setting of Batchly, each read once from the environment; `.env.example` lists and explains them all.

A wrong or missing value refuses the start with a sentence naming the variable. With DEBUG=on (development, demo, tests)
secrets are made and kept under .local/; without it every secret has to be given.
"""

from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from batchly.environment import KEY_ADVICE, Environment, generated_key, load_file
from batchly.logs import logging_configuration

BASE_DIR = Path(__file__).resolve().parent.parent
LOCAL_DIR = BASE_DIR / ".local"  # state of this machine's demo and development, never committed

load_file(BASE_DIR)
env = Environment()

# Core

DEBUG = env.flag("DEBUG", default=False)
DEVELOPMENT_ADVICE = "On a development machine set DEBUG=on instead."

SECRET_KEY = (
    env.text("SECRET_KEY", "") or generated_key(LOCAL_DIR / "secret-key")
    if DEBUG
    else env.text("SECRET_KEY", purpose=f"It signs sessions. {KEY_ADVICE} {DEVELOPMENT_ADVICE}")
)
SECRET_KEY_FALLBACKS = env.keys("SECRET_KEY_FALLBACKS")

ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"] if DEBUG else [])
if not ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS is not set. Set it to the host names of this site, comma-separated.")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "unfold",  # before the admin, whose templates it replaces
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_celery_beat",
    "django_structlog",
    "rest_framework",
    "ledger",
    "qbsync",
    "monitoring",
    "batchly",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "batchly.headers.ContentSecurityPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "batchly.urls"
WSGI_APPLICATION = "batchly.wsgi.application"
ASGI_APPLICATION = "batchly.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# Database. PostgreSQL only. No ATOMIC_REQUESTS: a view may call QuickBooks, which must never happen in a transaction.

DATABASES = {
    "default": {
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        **env.database(
            "DATABASE_URL",
            purpose="Set it to postgresql://user:password@host/name. "
            "In development `DEBUG=on python manage.py ...` and `make demo` bring a PostgreSQL of their own.",
        ),
    },
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Encrypted fields (OAuth tokens). Newest key first: it encrypts, all of them decrypt.

FERNET_KEYS = env.keys("BATCHLY_FIELD_KEYS")
if not FERNET_KEYS and DEBUG:
    FERNET_KEYS = [generated_key(LOCAL_DIR / "field-key")]
if not FERNET_KEYS:
    raise ImproperlyConfigured(
        f"BATCHLY_FIELD_KEYS is not set. It encrypts the QuickBooks tokens in the database; keep it safe: without it "
        f"every company has to be connected again. {KEY_ADVICE} {DEVELOPMENT_ADVICE}"
    )

# Signing in

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "admin:login"
SESSION_COOKIE_AGE = 12 * 60 * 60  # a working day

# Transport security. Cookies stay SameSite=Lax: QuickBooks sends the user back here from its own site.

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = env.flag("HTTPS", default=not DEBUG)
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60 if SECURE_SSL_REDIRECT else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = env.flag("HSTS_WHOLE_DOMAIN", default=False)
SECURE_REDIRECT_EXEMPT = [r"^health/"]  # probes inside the network speak plain http
if env.flag("BEHIND_TLS_PROXY", default=False):  # only then may a request's own header say that it came by https
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# Language and time. Stored times are UTC and aware; the console shows them in UTC, saying so.

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

# Static files, served by whitenoise from the web process itself

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG

# Celery. Messages are wake-ups that may be lost or doubled: what there is to do stands in PostgreSQL.

CELERY_BROKER_URL = env.text("CELERY_BROKER_URL", "filesystem://")
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, object] = {}
if CELERY_BROKER_URL.startswith("filesystem:"):  # one machine, no server; use `-P threads`: its prefork pool can hang
    BROKER_DIR = Path(env.text("CELERY_BROKER_FOLDER", str(LOCAL_DIR / "broker")))
    for folder in ("messages", "control"):
        (BROKER_DIR / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(BROKER_DIR / "messages"),
        "data_folder_out": str(BROKER_DIR / "messages"),
        "control_folder": str(BROKER_DIR / "control"),
    }
elif CELERY_BROKER_URL.startswith(("redis:", "rediss:")):
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "visibility_timeout": 1800,  # above the longest task, or Redis hands a running task out a second time
        "unacked_restore_interval": 5,  # with the default throttle a dead worker's messages come back after 100 s only
        "unacked_restore_throttle": 1,
        # Who saves an invoice or delivers a webhook waits for the wake-up: if Redis is gone they must not (kombu would
        # try for 6 s); the sweep finds what the wake-up would have told.
        "socket_connect_timeout": 1,
        "max_retries": 0,
    }
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a worker waits for its broker for as long as that is gone
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 600
CELERY_TASK_SOFT_TIME_LIMIT = 540
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
DJANGO_STRUCTLOG_CELERY_ENABLED = True

# QuickBooks Online

QBO_ENVIRONMENT = env.choice(
    "QBO_ENVIRONMENT", ["emulator", "sandbox", "production"], default="emulator" if DEBUG else None
)
QBO_IS_EMULATED = QBO_ENVIRONMENT == "emulator"
QBO_EMULATOR_URL = env.address("QBO_EMULATOR_URL", "http://127.0.0.1:8300")
QBO_SANDBOX_URL = env.text("QBO_SANDBOX_URL", "")  # another server in the place of Intuit's sandbox

FROM_INTUIT = "Take it from your app's page at developer.intuit.com, under Keys & credentials."
QBO_CLIENT_ID = env.text("QBO_CLIENT_ID", "emulator-client" if QBO_IS_EMULATED else None, purpose=FROM_INTUIT)
QBO_CLIENT_SECRET = env.text("QBO_CLIENT_SECRET", "emulator-secret" if QBO_IS_EMULATED else None, purpose=FROM_INTUIT)
QBO_REDIRECT_URI = env.address(
    "QBO_REDIRECT_URI",
    "http://127.0.0.1:8000/quickbooks/callback" if QBO_IS_EMULATED else None,
    purpose="Set it to https://<this site>/quickbooks/callback/ and enter the very same text as a redirect URI of your "
    "app at developer.intuit.com.",
    secure=QBO_ENVIRONMENT == "production",
)
QBO_WEBHOOK_VERIFIER_TOKEN = env.text("QBO_WEBHOOK_VERIFIER_TOKEN", "emulator-verifier" if QBO_IS_EMULATED else "")

# Timings of the sync, in seconds. Names and reasons are explained in .env.example.

QBSYNC_REQUEST_LIMIT_SECONDS = env.seconds(
    "QBSYNC_REQUEST_LIMIT_SECONDS",
    120,
    at_least=0 if QBO_IS_EMULATED else 120,
    why="QuickBooks may carry out a request up to 120 s after it was sent; looking earlier could write it twice.",
)
LAG = "QuickBooks shows a change only after a delay, and looking earlier would miss it."
QBSYNC_QUERY_LAG_SECONDS = env.seconds("QBSYNC_QUERY_LAG_SECONDS", 5, at_least=0, why=LAG)
QBSYNC_FEED_LAG_SECONDS = env.seconds("QBSYNC_FEED_LAG_SECONDS", 25, at_least=0, why=LAG)
QBSYNC_OVERLAP_SECONDS = env.seconds("QBSYNC_OVERLAP_SECONDS", 60, at_least=0, why=LAG)
QBSYNC_SEND_GUARD_SECONDS = env.seconds(
    "QBSYNC_SEND_GUARD_SECONDS", 10, at_least=0, why="a request is sent only while the lease surely lasts that long."
)
QBSYNC_LEASE_SECONDS = env.seconds(
    "QBSYNC_LEASE_SECONDS",
    90,
    at_least=QBSYNC_SEND_GUARD_SECONDS + 1,
    why="a lease not longer than QBSYNC_SEND_GUARD_SECONDS would never let anything be sent.",
)
BUSY = "a shorter interval would only keep the machine busy."
QBSYNC_PULL_SECONDS = env.seconds("QBSYNC_PULL_SECONDS", 30, at_least=1, why=BUSY)
QBSYNC_SWEEP_SECONDS = env.seconds("QBSYNC_SWEEP_SECONDS", 15, at_least=1, why=BUSY)

# How fast one company is asked. QuickBooks allows 10 requests a second and 500 a minute; a tenth is left free.
FASTER = None if QBO_IS_EMULATED else 10
QBSYNC_REQUESTS_PER_SECOND = env.count("QBSYNC_REQUESTS_PER_SECOND", 9, at_most=FASTER)
QBSYNC_REQUESTS_PER_MINUTE = env.count("QBSYNC_REQUESTS_PER_MINUTE", 450, at_most=FASTER and 500)

# A file for each company beside the database, by which a database restored from a backup is noticed. "" = none is kept.
QBSYNC_WITNESS_FOLDER = env.text("QBSYNC_WITNESS_FOLDER", str(LOCAL_DIR / "witness"))

# REST

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.LimitOffsetPagination",
    "PAGE_SIZE": 100,
    "COERCE_DECIMAL_TO_STRING": True,  # money never becomes a float on the way
}

# Console

UNFOLD = {
    "SITE_TITLE": "Batchly",
    "SITE_HEADER": "Batchly",
    "SITE_SUBHEADER": "QuickBooks Online sync",
    "DASHBOARD_CALLBACK": "monitoring.overview.add_overview",
    "SIDEBAR": {"show_search": True, "navigation": "qbsync.admin.navigation.sidebar"},
}

# E-mail, for the alerts

vars().update(env.mail("EMAIL_URL", "consolemail://" if DEBUG else "smtp://localhost:25"))
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.text("DEFAULT_FROM_EMAIL", "batchly@localhost")
EMAIL_TIMEOUT = 20

# Logs. JSON lines in production, readable ones in development; secrets are struck out by name on the way.

LOG_LEVEL = env.choice("LOG_LEVEL", ["DEBUG", "INFO", "WARNING", "ERROR"], default="INFO")
LOGGING = logging_configuration(readable=DEBUG, level=LOG_LEVEL)
