"""Addresses of the sync: connecting a company, and asking for a sync. Included under /quickbooks/."""

from __future__ import annotations

from django.urls import path

from qbsync import views

app_name = "qbsync"
urlpatterns = [
    path("connect/<uuid:organization_id>/", views.begin, name="connect"),
    # Intuit compares the redirect address to the letter, so both spellings answer without a redirect.
    path("callback", views.callback, name="callback"),
    path("callback/", views.callback),
    path("connection/<uuid:connection_id>/disconnect/", views.disconnect, name="disconnect"),
    path("connection/<uuid:connection_id>/sync/", views.sync_now, name="sync_now"),
]
