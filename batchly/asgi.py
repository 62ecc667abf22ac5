"""The web application for ASGI servers. Nothing in Batchly needs one; gunicorn with wsgi.py is what we run."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "batchly.settings")

application = get_asgi_application()
