"""Which rows of an answer can be taken on."""

import pytest

from qbsync.engine.legible import trouble_with

TIME = "2026-11-22T02:00:00-08:00"


@pytest.mark.parametrize("id", ["", "?", "1\x00", "1\n2", 7, None, "1" * 33])
def test_a_row_is_known_by_an_id_that_a_table_and_an_address_can_hold(id: object) -> None:
    row = {"Id": id, "SyncToken": "0", "MetaData": {"CreateTime": TIME, "LastUpdatedTime": TIME}}
    assert "without a usable id" in trouble_with(row)
    assert trouble_with({**row, "Id": "12"}) == ""
