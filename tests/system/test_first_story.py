"""The everyday stories of two-way sync, told over HTTP: what stands on both sides afterwards."""

import pytest

from tests.world import World

pytestmark = pytest.mark.django_db


def test_an_invoice_made_in_batchly_stands_in_quickbooks_with_the_same_number_lines_and_total(world: World) -> None:
    world.sync()
    customer, item = world.customer(), world.item()
    invoice = world.invoice(customer, item, item)
    world.sync()
    remote = world.remote(invoice)
    assert remote["DocNumber"] == invoice.data.number
    assert remote["TotalAmt"] == invoice.total == 160
    assert remote["CustomerRef"]["value"] == world.link(customer).remote_id
