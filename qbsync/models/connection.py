"""A QuickBooks company connected to an organization, its tokens, its lease and how far it has been read."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models

from qbsync.crypto import EncryptedJSONField, seal, unseal
from qbsync.models.base import CompanyOwned, entity_field, known_entity


class Connection(models.Model):
    """One company of QuickBooks Online and the organization it belongs to.

    A company belongs to one organization for good: disconnecting keeps the row and its links, so that connecting it
    again resumes without second copies.
    """

    class Status(models.TextChoices):
        CONNECTED = "connected", "Connected"
        NEEDS_RECONNECT = "needs_reconnect", "Needs to be connected again"
        DISCONNECTED = "disconnected", "Disconnected"

    class Matching(models.TextChoices):
        NONE = "none", "Not needed"
        OPEN = "open", "Open"
        ASKING = "asking", "Some records wait"
        DONE = "done", "Done"

    class Wanted(models.TextChoices):
        PROPOSE = "propose", "Read both sides again"
        APPLY = "apply", "Apply what is approved"

    class Filling(models.TextChoices):
        BOTH = "both", "Fill what is empty on either side from the other"
        BATCHLY = "batchly", "Fill only what is empty in Batchly"
        QUICKBOOKS = "quickbooks", "Fill only what is empty in QuickBooks"
        ASK = "ask", "Ask about every difference"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey("ledger.Organization", on_delete=models.PROTECT, related_name="connections")
    environment = models.CharField(max_length=16)
    realm_id = models.CharField(max_length=32)
    company_name = models.CharField(max_length=500, blank=True)
    country = models.CharField(max_length=64, blank=True)
    home_currency = models.CharField(max_length=3, default="USD")
    several_currencies = models.BooleanField(null=True, blank=True)
    """As QuickBooks' preferences said when its lists were last read; null = not read yet."""
    books_closed_until = models.DateField(null=True, blank=True)
    """QuickBooks takes no document dated on or before this day."""
    own_numbers = models.BooleanField(default=False)
    """Whether people number documents themselves in QuickBooks, where a number may then not be used twice."""
    preferences_read_at = models.DateTimeField(null=True, blank=True)
    """When QuickBooks last showed them; null = never."""
    preferences_fault = models.CharField(max_length=300, blank=True)
    """Why it does not show them at present, so that the last ones stand; "" = it does."""
    default_income_account = models.CharField(max_length=500, blank=True)
    status = models.CharField(max_length=16, choices=Status, default=Status.CONNECTED)
    status_reason = models.CharField(max_length=500, blank=True)
    matching = models.CharField(max_length=8, choices=Matching, default=Matching.NONE)
    """Open: records are on both sides and it is not decided yet which belong together; until then nothing flows.
    Asking: a look-up after a restore left a few records undecided; these stay where they are, all others flow."""
    matching_wanted = models.CharField(max_length=8, choices=Wanted, blank=True)
    """What a person asked the next sync to do about the matching."""
    matching_filling = models.CharField(max_length=12, choices=Filling, default=Filling.BOTH)
    """What a matched pair does with a value that stands against none at all."""
    matching_filling_by = models.CharField(max_length=150, blank=True)
    """Who chose so; "" = nobody, it is the default."""
    pull_enabled = models.BooleanField(default=True)
    push_enabled = models.BooleanField(default=True)
    ask_before_writing = models.BooleanField(default=False)
    """Nothing goes to QuickBooks before an admin has approved it: runs collect it in a plan."""
    connected_at = models.DateTimeField()
    first_connected_at = models.DateTimeField()
    disconnected_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["environment", "realm_id"], name="connection_company_once"),
            models.UniqueConstraint(fields=["organization", "id"], name="connection_organization_id"),
        ]

    def __str__(self) -> str:
        return self.company_name or f"company {self.realm_id}"


class Credential(CompanyOwned):
    """The tokens of a connection. The row is locked while they are refreshed; `version` counts their replacements."""

    connection = models.OneToOneField(Connection, on_delete=models.PROTECT, related_name="credential")
    tokens: dict[str, Any] | None = EncryptedJSONField(null=True, editable=False)
    version = models.PositiveIntegerField(default=0)
    access_expires_at = models.DateTimeField(null=True)
    refresh_expires_at = models.DateTimeField(null=True)
    refreshed_at = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    refused_at = models.DateTimeField(null=True)
    """When Intuit last refused to renew the tokens; it is not asked again at once."""
    last_failure = models.CharField(max_length=200, blank=True)

    def opened(self) -> dict[str, Any]:
        """The token values. Raises MovedSecret when they were copied from another connection's row."""
        return unseal(str(self.connection_id), self.tokens)

    def store(self, secret: dict[str, Any]) -> None:
        self.tokens = seal(str(self.connection_id), secret)


class ConnectRequest(models.Model):
    """An authorization that was begun: its state is random, good once, for one session and one organization."""

    state_hash = models.CharField(max_length=64, primary_key=True)
    session_hash = models.CharField(max_length=64)
    organization = models.ForeignKey("ledger.Organization", on_delete=models.CASCADE, related_name="+")
    user_id = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"authorization begun {self.created_at:%Y-%m-%d %H:%M}"


class Lease(CompanyOwned):
    """Who may work on a company right now. `fence` grows with every new holder, so a paused one can tell it lost.

    `sent` counts the writes that were about to leave, so a database that went back to an earlier time can tell that it did.
    """

    connection = models.OneToOneField(Connection, on_delete=models.PROTECT, related_name="lease", primary_key=True)
    fence = models.BigIntegerField(default=0)
    sent = models.BigIntegerField(default=0)
    holder = models.CharField(max_length=100, blank=True)
    expires_at = models.DateTimeField(null=True)


class Cursor(CompanyOwned):
    """How far the changes of a company have been read.

    `changes_read_to` is QuickBooks' own time of the last complete reading of the change feed. While a full pull is
    under way, `full_entity`, `full_since` and `full_start` say at which page it goes on.
    """

    connection = models.OneToOneField(Connection, on_delete=models.PROTECT, related_name="cursor", primary_key=True)
    changes_read_to = models.DateTimeField(null=True)
    pulled_at = models.DateTimeField(null=True)
    full_requested = models.BooleanField(default=True)
    full_began_at = models.DateTimeField(null=True)
    """QuickBooks' time at which the current (or last) full pull began; the feed is read from there afterwards."""
    full_began_here = models.DateTimeField(null=True)
    full_entity = models.CharField(max_length=16, blank=True)
    full_since = models.DateTimeField(null=True)
    full_start = models.PositiveIntegerField(default=1)
    full_finished_at = models.DateTimeField(null=True)
    stuck_reading = models.CharField(max_length=200, blank=True)
    """The reading that failed last and has not succeeded since, for it may fail for ever because of one record."""
    stuck_times = models.PositiveIntegerField(default=0)
    stuck_since = models.DateTimeField(null=True)


class DeletionCheck(CompanyOwned):
    """Deletions of one kind of record may have been missed, for the change feed tells of 1,000 changes at most (F6.10).

    Kept until the ids in QuickBooks were held against ours; `since` and `start` say at which page that goes on.
    """

    entity = entity_field()
    wanted_at = models.DateTimeField()
    began_here = models.DateTimeField(null=True)
    since = models.DateTimeField(null=True)
    start = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "entity"], name="deletion_check_once"),
            known_entity("deletion_check_entity"),
        ]
