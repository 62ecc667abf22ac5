"""The web application for gunicorn: `gunicorn batchly.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "batchly.settings")

application = get_wsgi_application()
