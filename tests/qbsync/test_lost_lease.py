"""A worker that lost its company to another one writes nothing more, not even into our own books."""

import pytest

from qbsync.engine.errors import LeaseLost
from qbsync.mapping.customer import CustomerMapping
from qbsync.models import Lease, Link
from tests.world import World

pytestmark = pytest.mark.django_db


def test_a_worker_that_lost_the_company_while_it_decided_a_page_writes_nothing_of_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.sync()
    made = world.quickbooks.create("Customer", DisplayName="Seen by the loser")
    reading = CustomerMapping.from_quickbooks

    def paused(self: CustomerMapping, *args: object) -> object:
        Lease.objects.filter(connection=world.connection).update(fence=1_000_000)
        return reading(self, *args)  # type: ignore[arg-type]

    with monkeypatch.context() as patched, pytest.raises(LeaseLost):
        patched.setattr(CustomerMapping, "from_quickbooks", paused)
        world.sync()
    assert not Link.objects.filter(entity="customer", remote_id=made["Id"]).exists()
    Lease.objects.filter(connection=world.connection).update(expires_at=None)
    world.sync()
    assert world.imported("customer", made["Id"]).data.display_name == "Seen by the loser"
