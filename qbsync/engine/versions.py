"""The three versions of a record in normal form: Batchly's, QuickBooks', and the base that both last agreed on.

Read from a `Subject` or a `Link` by everything that compares them: deciding, people's decisions, undo.
"""

from __future__ import annotations

from qbsync.engine.plan import Subject
from qbsync.mapping import mapping_for
from qbsync.mapping.base import References, Version
from qbsync.models import Link


def local_version(subject: Subject) -> Version:
    assert subject.record is not None
    return mapping_for(subject.entity).from_ledger(subject.record.data)


def remote_version(subject: Subject, references: References) -> Version:
    """QuickBooks' side in normal form; a deleted record keeps the units it was last agreed with."""
    remote, link = subject.remote, subject.link
    assert remote is not None
    if remote.gone or remote.body is None:
        return Version(presence="gone", units=(link.base_units or {}) if link else {})
    return mapping_for(subject.entity).from_quickbooks(remote.body, references, link.line_ids if link else {})


def base_version(link: Link) -> Version | None:
    if link.base_units is None:
        return None
    return Version(presence=link.base_presence, units=link.base_units)  # type: ignore[arg-type]
