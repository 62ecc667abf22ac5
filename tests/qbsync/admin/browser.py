"""Browsers of people in different roles, for the tests of the console."""

from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import requests
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from ledger.models import Membership, Organization


def signed_in(role: str | None, organization: Organization | None = None) -> Client:
    """A browser of somebody with this role in the organization, or of a superuser."""
    user = get_user_model().objects.create_user(
        username=f"{role or 'root'}-{uuid4().hex[:6]}", password="x", is_staff=True, is_superuser=role is None
    )
    if role:
        Membership.objects.create(user=user, organization=organization, role=role)
    client = Client()
    client.force_login(user)
    return client


def stranger() -> Client:
    """An admin of another organization."""
    other = Organization.objects.create(name="Elsewhere", slug=f"elsewhere-{uuid4().hex[:6]}")
    return signed_in("admin", other)


def approve(client: Client, organization: Organization, *, realm: str = "", cancel: bool = False) -> Any:
    """Press Connect, answer on QuickBooks' own page, and follow the way back to the last page."""
    begun = client.post(reverse("qbsync:connect", args=[organization.pk]))
    answer = "emulator_cancel=1" if cancel else f"emulator_approve={realm}"
    session = requests.Session()
    session.trust_env = False
    back = session.get(f"{begun.headers['location']}&{answer}", allow_redirects=False, timeout=10)
    address = urlsplit(back.headers["location"])
    return client.get(f"{address.path}?{address.query}", follow=True)
