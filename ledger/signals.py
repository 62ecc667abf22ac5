"""What the ledger tells the rest of the program. `ledger.services` sends, whoever keeps copies listens.

`records_changed` is sent INSIDE the transaction that wrote the records, once per call of `save_many` and only when
something really changed. A receiver that raises takes the whole change back with it, so a listener's own rows and
the ledger's rows are committed together or not at all.

Keyword arguments: `organization_id` (UUID), `entity`, `records` (list of (id, new revision)), `origin` (who caused the
change: "batchly" for people), `actor` (the user, or None).
"""

from django.dispatch import Signal

records_changed = Signal()
