"""Addresses of the sync: connecting a company. Included under /quickbooks/."""

from __future__ import annotations

from django.urls import URLPattern

app_name = "qbsync"
urlpatterns: list[URLPattern] = []
