"""The real QuickBooks' answers, deciphered."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from qbsync.quickbooks import faults, protocol
from tests.unit.quickbooks.conftest import Recorded

Recording = Callable[..., Recorded]

FAULTS = {
    "cdc-invalid-entity-fault": (faults.OutcomeUnknown, "10000"),
    "cdc-missing-entities-fault": (faults.OutcomeUnknown, "10000"),
    "error-100-body-of-other-entity-xml": (faults.OutcomeUnknown, "100"),
    "error-10000-query-missing": (faults.OutcomeUnknown, "10000"),
    "error-2010-unknown-field": (faults.Refused, "2010"),
    "error-2020-required-name": (faults.Refused, "2020"),
    "error-2030-empty-id-in-query": (faults.Refused, "2030"),
    "error-3001-throttle-403-2016": (faults.Throttled, "3001"),
    "error-3001-throttle-429": (faults.Throttled, "3001"),
    "error-3200-oauth1-xml": (faults.Unauthorized, "3200"),
    "error-3200-token-expired-json": (faults.Unauthorized, "3200"),
    "error-3202-empty-field-xml": (faults.Refused, "3202"),
    "error-4000-double-quotes-http200-2015": (faults.Refused, "4000"),
    "error-4001-startposition-zero": (faults.Refused, "4001"),
    "error-4001-unknown-entity": (faults.Refused, "4001"),
    "error-500-unsupported-operation": (faults.Refused, "500"),
    "error-5010-stale-item": (faults.Stale, "5010"),
    "error-5010-stale-void": (faults.Stale, "5010"),
    "error-610-object-not-found": (faults.Gone, "610"),
    "error-6240-duplicate-name": (faults.DuplicateName, "6240"),
    "error-6240-duplicate-name-xml": (faults.DuplicateName, "6240"),
    "error-6240-rename-to-taken-name": (faults.DuplicateName, "6240"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_recorded_fault_is_named_by_what_to_do(name: str, recording: Recording) -> None:
    kind, code = FAULTS[name]
    status, headers, body = recording(name)
    with pytest.raises(faults.QuickBooksFault) as caught:
        protocol.decipher(status, headers, body)
    assert (type(caught.value), caught.value.code, caught.value.status) == (kind, code, status)
    assert caught.value.tid == "1-recorded"
    assert caught.value.message


def test_a_page_of_rows_keeps_amounts_exact_and_its_time_in_utc(recording: Recording) -> None:
    status, headers, body = recording("query-salesreceipt-all")
    page = protocol.query_page(protocol.decipher(status, headers, body), headers)
    assert len(page.rows) > 1
    assert page.time.utcoffset() == datetime.now(UTC).utcoffset()
    amounts = [line["Amount"] for row in page.rows for line in row["Line"]]
    assert amounts
    assert not any(isinstance(amount, float) for amount in amounts)
    assert any(isinstance(amount, Decimal) for amount in amounts)


def test_a_page_past_the_end_has_no_rows(recording: Recording) -> None:
    status, headers, body = recording("query-customer-in-active-page-past-end")
    assert protocol.query_page(protocol.decipher(status, headers, body), headers).rows == []


def test_a_count_is_read(recording: Recording) -> None:
    status, headers, body = recording("query-count-customer")
    assert protocol.query_page(protocol.decipher(status, headers, body), headers).total_count == 41


def test_changes_come_back_under_the_name_asked_for(recording: Recording) -> None:
    status, headers, body = recording("cdc-estimate")
    answer = protocol.decipher(status, headers, body)
    changes = protocol.change_set(answer, headers, entities=["estimate", "Invoice"])
    assert [row["Id"] for row in changes.rows["estimate"]][:1] == ["48"]
    assert (changes.rows["Invoice"], changes.full) == ([], frozenset())


def test_a_deleted_invoice_is_answered_by_its_stub(recording: Recording) -> None:
    status, headers, body = recording("invoice-delete-2018")
    answer = protocol.decipher(status, headers, body)
    done = protocol.written(answer, headers, entity="Invoice", sent={"Id": "145", "SyncToken": "0"})
    assert (done.body["status"], done.tid) == ("Deleted", "1-recorded")
    assert done.time == datetime(2018, 4, 8, 21, 17, 16, 453000, tzinfo=UTC)


def test_a_pdf_where_json_was_expected_is_an_unknown_outcome(recording: Recording) -> None:
    with pytest.raises(faults.OutcomeUnknown):
        protocol.decipher(*recording("invoice-pdf"))
