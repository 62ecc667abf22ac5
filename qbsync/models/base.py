"""What every table of a connected company has in common: it names its organization and its connection."""

from __future__ import annotations

from django.db import models

from ledger.data import ENTITIES

ENTITY_CHOICES = [(entity, entity.capitalize()) for entity in ENTITIES]


class BodyField(models.TextField):
    """A record of QuickBooks as JSON text.

    A column of its own type, because Django would otherwise send the rows of a page as SQL arrays, and quoting long
    texts inside an array costs more than everything else of a page together.
    """

    def get_placeholder(self, value: object, compiler: object, connection: object) -> str:
        return "%s"


def entity_field() -> models.CharField[str, str]:
    return models.CharField(max_length=16, choices=ENTITY_CHOICES)


class CompanyOwned(models.Model):
    """A row of one company. A composite foreign key (see the migrations) holds organization and connection together."""

    organization = models.ForeignKey("ledger.Organization", on_delete=models.PROTECT, related_name="+")
    connection = models.ForeignKey("qbsync.Connection", on_delete=models.PROTECT, related_name="+")

    class Meta:
        abstract = True


def known_entity(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(condition=models.Q(entity__in=list(ENTITIES)), name=name)
