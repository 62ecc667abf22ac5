"""Switches for everything QuickBooks does differently from year to year or where evidence is thin (F section 11).

Read by the API, changed through ``PUT /_emulator/state``; unknown names and values are refused.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from typing import Any

CHOICES = {
    "refresh_token": ("grace_24h", "grace_24h_all", "same_value", "strict", "reuse_revokes"),
    "cdc_old_dates": ("fault", "serve", "clamp"),
    "large_page": ("clamp", "fault"),
    "throttle_format": ("json", "xml"),
    "delete_paid_invoice": ("refuse", "unapply"),
    "payment_void_sparse": ("allow", "refuse"),
}


@dataclass
class Behaviour:
    refresh_token: str = "grace_24h"
    concurrent_refresh_revokes: float = 0.0  # how likely the loser of two refreshes costs the winner its tokens (F8.9)
    requestid_memory_seconds: int = 24 * 3600  # 0 = QuickBooks forgets at once
    cdc_old_dates: str = "fault"
    cdc_cap: int = 1000  # changes of a kind in one answer; whether F6.10 means a kind or all of it is not stated
    large_page: str = "clamp"
    throttle_format: str = "json"
    delete_paid_invoice: str = "refuse"
    payment_void_sparse: str = "allow"
    enforce_limits: bool = False
    requests_per_minute: int = 500
    requests_per_second: int = 10
    batches_per_minute: int = 40
    batches_per_minute_realm: int = 120  # of all applications together; there is one here
    commit_lag_seconds: float = 0.5  # how far LastUpdatedTime may lie after the envelope's time (F1.21)
    batch_hides_creations: bool = False  # later items cannot refer to what earlier ones made (F7.4)
    monthly_quota: int = 0  # calls that take data out, a month; 0 = no end
    name_write_seconds: float = 0.0  # how long a write to a name list takes; a second one meanwhile is refused (F3.2.7)

    def change(self, wanted: dict[str, Any]) -> None:
        """All or nothing: a wrong name or value changes no switch."""
        accepted = {name: _accepted(name, value) for name, value in wanted.items()}
        for name, value in accepted.items():
            setattr(self, name, value)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def _accepted(name: str, value: Any) -> Any:
    known = {each.name: each.default for each in fields(Behaviour)}
    if name not in known:
        raise ValueError(f"Unknown switch {name!r}. Known: {', '.join(sorted(known))}.")
    if name in CHOICES:
        if value not in CHOICES[name]:
            raise ValueError(f"{name} must be one of {', '.join(CHOICES[name])}.")
        return value
    if isinstance(known[name], float) and isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return float(value)
    if type(value) is not type(known[name]):
        raise ValueError(f"{name} must be {type(known[name]).__name__}.")
    return value
