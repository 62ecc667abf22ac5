"""The tables of the sync, one family a file. Only the engine's bookkeeping files write them."""

from qbsync.models.command import Command
from qbsync.models.conflict import Conflict, Decision, ResolutionRule
from qbsync.models.connection import Connection, ConnectRequest, Credential, Cursor, DeletionCheck, Lease
from qbsync.models.held import HeldAnswer
from qbsync.models.link import Link, RemoteRecord, RemoteReference
from qbsync.models.matching import MatchProposal
from qbsync.models.plan import Plan, PlannedWrite
from qbsync.models.quarantine import Quarantine
from qbsync.models.queue import InboxRow, OutboxRow
from qbsync.models.run import Run
from qbsync.models.run_write import RunWrite
from qbsync.models.safety import HeldEnding, SafetyStop
from qbsync.models.tieout import TieOut
from qbsync.models.webhook import PullRequest, WebhookDelivery, WebhookEvent

__all__ = [
    "Command",
    "Conflict",
    "ConnectRequest",
    "Connection",
    "Credential",
    "Cursor",
    "Decision",
    "DeletionCheck",
    "HeldAnswer",
    "HeldEnding",
    "InboxRow",
    "Lease",
    "Link",
    "MatchProposal",
    "OutboxRow",
    "Plan",
    "PlannedWrite",
    "PullRequest",
    "Quarantine",
    "RemoteRecord",
    "RemoteReference",
    "ResolutionRule",
    "Run",
    "RunWrite",
    "SafetyStop",
    "TieOut",
    "WebhookDelivery",
    "WebhookEvent",
]
