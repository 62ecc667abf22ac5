"""What QuickBooks deleted for good is never brought back there by a write that cannot be made."""

import pytest

from ledger.services import archive, update
from qbsync.engine import queues
from qbsync.engine.queues import Observation
from qbsync.engine.resolve import Seen, resolve
from qbsync.models import Conflict, RemoteRecord
from tests.world import World

pytestmark = pytest.mark.django_db


def gone_under_an_edit(world: World) -> Conflict:
    """A customer that was merged into another one in QuickBooks while it was edited here."""
    world.sync()
    customer = world.customer()
    world.sync()
    remote_id = world.link(customer).remote_id
    queues.observe(world.connection, [Observation(entity="customer", remote_id=remote_id, gone=True)])
    update(world.organization.pk, "customer", customer.id, world.read(customer).revision, notes="edited")
    world.sync(read=False)
    (case,) = world.open_cases()
    assert case.kind == Conflict.Kind.DELETE
    return case


def test_keeping_a_customer_that_is_gone_says_what_can_be_done(world: World) -> None:
    case = gone_under_an_edit(world)
    token = RemoteRecord.objects.get(connection=world.connection, entity="customer", remote_id=case.remote_id).token
    seen = Seen(local_revision=case.local_revision, remote_token=token)
    resolve(case.pk, choices={"presence": "local"}, seen=seen, actor="a person")
    world.sync(read=False)
    (after,) = world.open_cases()
    assert after.kind == Conflict.Kind.VALIDATION
    assert "deleted it for good" in after.message


def test_ending_it_here_as_well_closes_the_case(world: World) -> None:
    case = gone_under_an_edit(world)
    archive(world.organization.pk, "customer", case.local_id, case.local_revision)
    world.sync(read=False)
    assert world.open_cases() == []
