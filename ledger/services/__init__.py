"""The only writers of the ledger. Everybody else, people's forms and the sync alike, reads and changes records through here.

`read_many` and `save_many` work by the page; the rest are conveniences for one record. `payment_methods.ensure` and
`terms.ensure` keep the short lists that records refer to.
"""

from ledger.services import payment_methods, terms
from ledger.services.reading import read_many
from ledger.services.records import PEOPLE, Change, InvalidRecord, Record, StaleRecord
from ledger.services.saving import hold_at, save_many
from ledger.services.single import (
    archive,
    create_customer,
    create_invoice,
    create_item,
    reactivate,
    record_payment,
    update,
    void_invoice,
    void_payment,
)

__all__ = [
    "PEOPLE",
    "Change",
    "InvalidRecord",
    "Record",
    "StaleRecord",
    "archive",
    "create_customer",
    "create_invoice",
    "create_item",
    "hold_at",
    "payment_methods",
    "reactivate",
    "read_many",
    "record_payment",
    "save_many",
    "terms",
    "update",
    "void_invoice",
    "void_payment",
]
