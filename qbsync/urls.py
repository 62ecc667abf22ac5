"""Addresses of the sync: connecting a company, asking for a sync, and webhooks. Included under /quickbooks/."""

from __future__ import annotations

from django.urls import path

from qbsync import views, webhook_view

app_name = "qbsync"
urlpatterns = [
    path("connect/<uuid:organization_id>/", views.begin, name="connect"),
    # Intuit compares the redirect address to the letter, so both spellings answer without a redirect.
    path("callback", views.callback, name="callback"),
    path("callback/", views.callback),
    path("connection/<uuid:connection_id>/disconnect/", views.disconnect, name="disconnect"),
    path("connection/<uuid:connection_id>/sync/", views.sync_now, name="sync_now"),
    # A POST cannot follow a redirect, so both spellings answer here as well.
    path("webhook", webhook_view.receive, name="webhook"),
    path("webhook/", webhook_view.receive),
]
