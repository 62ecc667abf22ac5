"""What a connection allows, and how its organization wants conflicts decided.

`policy_of` reads it for `reconcile`; everything that decides about a record (`decide`) is handed it as a `Policy`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ledger.data import Entity
from qbsync.engine.acceptance import Circumstances
from qbsync.models import Connection, ResolutionRule


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What the connection allows and how the organization wants conflicts decided."""

    pull: bool = True
    push: bool = True
    income_account: str = ""
    rules: Mapping[tuple[str, str], str] = field(default_factory=dict)
    known: Circumstances = field(default_factory=Circumstances)
    """What else decides whether QuickBooks takes a write."""

    def rule(self, entity: Entity, unit: str) -> str:
        return self.rules.get((entity, unit)) or self.rules.get((entity, "")) or "ask"


def policy_of(connection: Connection) -> Policy:
    rules = ResolutionRule.objects.filter(organization_id=connection.organization_id)
    return Policy(
        pull=connection.pull_enabled,
        push=connection.push_enabled,
        income_account=connection.default_income_account,
        rules={(rule.entity, rule.unit): rule.policy for rule in rules},
    )
