"""Which writes go out together: decided without a network."""

from itertools import chain

import pytest

from qbsync.engine.volume import (
    EVERYTHING,
    LANES,
    LEAST_BATCH,
    MAX_ITEMS,
    Writing,
    lanes,
    may_share,
    needs_batches,
    next_together,
    touched,
)
from qbsync.transitions import Operation

BATCHABLE = Writing(batchable=True)


def on(*touches: str, batchable: bool = False) -> Writing:
    return Writing(touches=frozenset(touches), batchable=batchable)


def payment(customer: str, *invoices: str) -> dict[str, object]:
    lines = [{"Amount": 1, "LinkedTxn": [{"TxnId": invoice, "TxnType": "Invoice"}]} for invoice in invoices]
    return {"CustomerRef": {"value": customer}, "TotalAmt": 1, "Line": lines}


@pytest.mark.parametrize(("entity", "at_once"), [("customer", 1), ("item", 1), ("invoice", LANES), ("payment", LANES)])
def test_names_go_one_at_a_time_and_documents_in_lanes(entity: str, at_once: int) -> None:
    assert lanes(entity) == at_once  # type: ignore[arg-type]


@pytest.mark.parametrize(("entity", "most"), [("customer", 480), ("item", 480), ("invoice", 900), ("payment", 900)])
def test_batches_are_used_only_where_single_writes_would_take_over_two_minutes(entity: str, most: int) -> None:
    assert not needs_batches(entity, most)  # type: ignore[arg-type]
    assert needs_batches(entity, most + 1)  # type: ignore[arg-type]


@pytest.mark.parametrize("entity", ["invoice", "payment"])
def test_documents_are_created_and_ended_one_by_one_and_only_updated_in_batches(entity: str) -> None:
    shared = [operation for operation in Operation if may_share(entity, operation, {"TxnDate": "x"}, attempts=0)]  # type: ignore[arg-type]
    assert shared == [Operation.UPDATE]


@pytest.mark.parametrize("entity", ["customer", "item"])
def test_names_are_created_in_batches_and_updated_where_no_name_is_freed_or_taken(entity: str) -> None:
    def share(operation: Operation, **payload: object) -> bool:
        return may_share(entity, operation, payload, attempts=0)  # type: ignore[arg-type]

    assert share(Operation.CREATE, DisplayName="Ada", Name="Ada")
    assert share(Operation.UPDATE, Id="1", SyncToken="0", Notes="hello")
    assert not share(Operation.UPDATE, Id="1", SyncToken="0", DisplayName="Ada")
    assert not share(Operation.UPDATE, Id="1", SyncToken="0", Name="Hour")
    assert not share(Operation.UPDATE, Id="1", SyncToken="0", Active=False)
    assert not share(Operation.UPDATE, Id="1", SyncToken="0", ParentRef={"value": "2"})


def test_what_is_sent_a_second_time_goes_alone() -> None:
    assert not may_share("customer", Operation.CREATE, {}, attempts=1)


def test_a_payment_touches_its_customer_and_the_invoices_it_pays_and_those_it_paid_before() -> None:
    found = touched("payment", payment("7", "158"), payment("7", "160", "161"))
    assert found == {"customer 7", "document 158", "document 160", "document 161"}


def test_a_payment_of_which_nobody_knows_the_customer_goes_alone() -> None:
    assert touched("payment", {"Id": "1", "SyncToken": "0"}, {}) == {EVERYTHING}
    strange = on(EVERYTHING)
    assert not next_together([strange], {"customer 1"}, batching=False)
    assert not next_together([on("customer 1")], {EVERYTHING}, batching=False)
    assert next_together([strange], frozenset(), batching=False) == range(1)


def test_invoices_of_one_customer_touch_nothing_common() -> None:
    assert touched("invoice", {"CustomerRef": {"value": "7"}}) == frozenset()


def test_a_write_waits_for_what_is_under_way_and_never_overtakes_one_it_shares_a_record_with() -> None:
    waiting = [on("a"), on("a", "b"), on("b"), on("c")]
    assert next_together(waiting, {"a"}, batching=False) == range(3, 4)
    assert next_together(waiting[:3], {"a"}, batching=False) == range(0)
    assert next_together(waiting, frozenset(), batching=False) == range(1)


def test_a_batch_is_a_run_of_neighbours_that_share_no_record() -> None:
    apart = [on(str(number), batchable=True) for number in range(LEAST_BATCH + 2)]
    assert next_together(apart, frozenset(), batching=True) == range(LEAST_BATCH + 2)
    assert next_together([*apart, on("0", batchable=True)], frozenset(), batching=True) == range(LEAST_BATCH + 2)
    assert next_together([*apart[:LEAST_BATCH], Writing(), *apart], frozenset(), batching=True) == range(LEAST_BATCH)


def test_a_batch_behind_one_that_waits_takes_nothing_along_that_shares_a_record_with_it() -> None:
    run = [on(str(number), batchable=True) for number in range(LEAST_BATCH)]
    waiting = [on("busy", "late"), *run, on("late", batchable=True)]
    assert next_together(waiting, {"busy"}, batching=True) == range(1, 1 + LEAST_BATCH)


def test_few_writes_go_singly_and_many_in_full_batches() -> None:
    assert next_together([BATCHABLE] * (LEAST_BATCH - 1), frozenset(), batching=True) == range(1)
    assert next_together([BATCHABLE] * 100, frozenset(), batching=True) == range(MAX_ITEMS)
    assert next_together([Writing(), *[BATCHABLE] * 50], frozenset(), batching=True) == range(1)


def test_every_write_goes_out_once_and_in_an_order_that_overtakes_nobody() -> None:
    waiting = [(number, on(str(number % 3), batchable=number % 5 > 0)) for number in range(60)]
    sent: list[int] = []
    while waiting:
        chosen = next_together([writing for _, writing in waiting], frozenset(), batching=True)
        assert chosen
        sent += [number for number, _ in waiting[chosen.start : chosen.stop]]
        del waiting[chosen.start : chosen.stop]
    assert sorted(sent) == list(range(60))
    by_record = [[number for number in sent if number % 3 == record] for record in range(3)]
    assert list(chain(*by_record)) == list(chain(*map(sorted, by_record)))
