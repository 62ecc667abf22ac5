"""What ties records of the two sides together, and what is known of QuickBooks' side."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from qbsync.models.base import BodyField, CompanyOwned, entity_field, known_entity


class Link(CompanyOwned):
    """One ledger record and one QuickBooks record that are the same thing, with the state both last agreed on.

    Kept for ever: a link whose record is gone on both sides is closed, a tombstone that stops a resurrection.
    """

    entity = entity_field()
    local_id = models.UUIDField()
    remote_id = models.CharField(max_length=32)
    base_presence = models.CharField(max_length=8, default="live")
    base_units = models.JSONField(null=True)
    """The normal form both sides agreed on; null = paired without a common past, so any difference is a conflict."""
    line_ids = models.JSONField(default=dict)
    """QuickBooks line id -> ledger line id."""
    local_revision = models.PositiveIntegerField(default=0)
    """The ledger revision that was last compared with QuickBooks."""
    remote_token = models.BigIntegerField(default=-1)
    """The SyncToken last compared with the ledger; -1 = not known (an adopted record)."""
    uncertain_units = models.JSONField(null=True)
    """Units of an update of unknown outcome whose record moved: the next merge weighs them, then clears this."""
    closed = models.BooleanField(default=False)
    note = models.CharField(max_length=500, blank=True)
    """A visible fact about the pair, for example a total that QuickBooks computed differently."""
    synced_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "entity", "local_id"], name="link_local_once"),
            models.UniqueConstraint(fields=["connection", "entity", "remote_id"], name="link_remote_once"),
            known_entity("link_entity"),
        ]

    def __str__(self) -> str:
        return f"{self.entity} {self.remote_id}"


class RemoteRecord(CompanyOwned):
    """The newest state of a QuickBooks record that was ever seen, imported or not.

    Its token is the high-water mark: an older snapshot still in some worker's memory is recognised and dropped.
    """

    entity = entity_field()
    remote_id = models.CharField(max_length=32)
    token = models.BigIntegerField()
    gone = models.BooleanField(default=False)
    body = BodyField(blank=True)
    """The record as JSON text, so that amounts keep their digits; "" once it is gone."""
    observed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "entity", "remote_id"], name="remote_record_once"),
            known_entity("remote_record_entity"),
        ]
        indexes = [models.Index(fields=["connection", "entity", "observed_at"], name="remote_record_observed")]


class RemoteReference(CompanyOwned):
    """An entry of a QuickBooks list that records refer to: an account, a term or a payment method; or a vendor's name.

    Terms and payment methods are mirrored into the ledger (`ledger_id`); an account is known by its full name.
    """

    kind = models.CharField(max_length=16)
    remote_id = models.CharField(max_length=32)
    name = models.CharField(max_length=500)
    detail = models.CharField(max_length=100, blank=True)
    active = models.BooleanField(default=True)
    ledger_id = models.UUIDField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "kind", "remote_id"], name="remote_reference_once"),
            models.CheckConstraint(
                condition=Q(kind__in=["account", "term", "payment_method", "vendor"]), name="remote_reference_kind"
            ),
        ]
