"""The wire to QuickBooks Online: a client that is exact with money, honest about what it does not know, and free of Django.

    from qbsync.quickbooks import Client, Endpoints

    with Client(endpoints=Endpoints.sandbox(), realm_id="1234567890", access_token=token) as books:
        page = books.query(str(select("Invoice").order_by("MetaData.LastUpdatedTime").page(1, 100)))

Used by the sync engine and by scripts. Tokens are obtained with `qbsync.quickbooks.auth`; what a failed call means for the caller stands in
`qbsync.quickbooks.faults`.
"""

from qbsync.quickbooks.answers import BatchItem, ChangeSet, DeletedRow, Exchange, QueryPage, Written
from qbsync.quickbooks.auth import InvalidClient, InvalidGrant, TokenAnswer, TokenFault, TokenServiceDown
from qbsync.quickbooks.client import Client
from qbsync.quickbooks.endpoints import Endpoints
from qbsync.quickbooks.faults import (
    ClosedPeriod,
    Deposited,
    DuplicateName,
    DuplicateNumber,
    Forbidden,
    Gone,
    InvalidReference,
    NotSent,
    OutcomeUnknown,
    QuickBooksFault,
    Refused,
    Stale,
    SubscriptionEnded,
    Throttled,
    TryAgain,
    Unauthorized,
)
from qbsync.quickbooks.limits import Limiter, TakenPlaces, WaitedTooLong
from qbsync.quickbooks.query import Select, select

__all__ = [
    "BatchItem",
    "ChangeSet",
    "Client",
    "ClosedPeriod",
    "DeletedRow",
    "Deposited",
    "DuplicateName",
    "DuplicateNumber",
    "Endpoints",
    "Exchange",
    "Forbidden",
    "Gone",
    "InvalidClient",
    "InvalidGrant",
    "InvalidReference",
    "Limiter",
    "NotSent",
    "OutcomeUnknown",
    "QueryPage",
    "QuickBooksFault",
    "Refused",
    "Select",
    "Stale",
    "SubscriptionEnded",
    "TakenPlaces",
    "Throttled",
    "TokenAnswer",
    "TokenFault",
    "TokenServiceDown",
    "TryAgain",
    "Unauthorized",
    "WaitedTooLong",
    "Written",
    "select",
]
