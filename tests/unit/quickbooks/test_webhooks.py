"""Reading webhooks: whose they are, which records they name, and that nothing odd in one harms the others."""

import base64
import hashlib
import hmac
import json
import string
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbsync.quickbooks import webhooks
from tests.unit.quickbooks.conftest import RECORDINGS

TOKEN = "the-verifier-token"
RECORDED: list[Path] = sorted(RECORDINGS.glob("webhook-*.json")) if RECORDINGS.is_dir() else []


def legacy(*entities: dict[str, Any], realm: Any = "310687") -> dict[str, Any]:
    return {"eventNotifications": [{"realmId": realm, "dataChangeEvent": {"entities": list(entities)}}]}


def entity(**changes: Any) -> dict[str, Any]:
    return {"id": "12", "operation": "Create", "name": "Invoice", "lastUpdated": "2025-09-08T20:52:31.657Z"} | changes


def cloud(**changes: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": "88cd52aa-33b6-4351-9aa4-47572edbd068",
        "source": "intuit.abc=",
        "type": "qbo.invoice.created.v1",
        "time": "2025-09-10T21:31:25.179851517Z",
        "intuitentityid": "12",
        "intuitaccountid": "310687",
        "data": {},
    } | changes


def read(content: Any) -> webhooks.Delivery:
    return webhooks.read(json.dumps(content).encode())


# --- the signature


def test_the_signature_is_the_base64_of_the_hmac_of_the_bytes() -> None:
    """The key, text and digest of the standard's own second test case (RFC 4231)."""
    digest = bytes.fromhex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    signature = base64.b64encode(digest).decode()
    assert webhooks.is_signed(b"what do ya want for nothing?", signature=signature, verifier_token="Jefe")


@given(body=st.binary(max_size=200), place=st.integers(0, 199), flip=st.integers(1, 255))
def test_a_signature_holds_for_exactly_its_bytes(body: bytes, place: int, flip: int) -> None:
    signature = base64.b64encode(hmac.new(TOKEN.encode(), body, hashlib.sha256).digest()).decode()
    assert webhooks.is_signed(body, signature=signature, verifier_token=TOKEN)
    changed = bytearray(body + b"\x00" * (place + 1 - len(body)))
    changed[place] ^= flip
    assert not webhooks.is_signed(bytes(changed), signature=signature, verifier_token=TOKEN)
    assert not webhooks.is_signed(body, signature=signature, verifier_token=TOKEN + "x")


@given(signature=st.text(max_size=60))
def test_nonsense_is_no_signature_and_no_error(signature: str) -> None:
    assert not webhooks.is_signed(b"body", signature=signature, verifier_token=TOKEN)


def test_without_a_token_nobody_has_signed() -> None:
    signature = base64.b64encode(hmac.new(b"", b"body", hashlib.sha256).digest()).decode()
    assert not webhooks.is_signed(b"body", signature=signature, verifier_token="")


# --- the two forms


def test_the_legacy_form_is_read() -> None:
    (event,) = read(legacy(entity())).events
    assert (event.realm_id, event.entity, event.remote_id, event.operation) == ("310687", "invoice", "12", "created")
    assert event.happened_at == datetime(2025, 9, 8, 20, 52, 31, 657000, tzinfo=UTC)


def test_cloud_events_are_read() -> None:
    (event,) = read([cloud()]).events
    assert (event.realm_id, event.entity, event.remote_id, event.operation) == ("310687", "invoice", "12", "created")
    assert event.happened_at == datetime(2025, 9, 10, 21, 31, 25, 179851, tzinfo=UTC)


@pytest.mark.parametrize("word", ["Create", "Update", "Delete", "Merge", "Void", "Emailed"])
def test_both_forms_name_an_operation_alike(word: str) -> None:
    cloud_word = {"Emailed": "emailed"}.get(word, word.lower().removesuffix("e") + "ed")
    (old,) = read(legacy(entity(operation=word))).events
    (new,) = read([cloud(type=f"qbo.invoice.{cloud_word}.v1")]).events
    assert old.operation == new.operation == cloud_word


def test_one_delivery_may_speak_of_several_companies() -> None:
    several = {"eventNotifications": [legacy(entity(), realm=realm)["eventNotifications"][0] for realm in "123"]}
    assert [event.realm_id for event in read(several).events] == ["1", "2", "3"]
    assert [e.realm_id for e in read([cloud(intuitaccountid=r, id=f"event {r}") for r in "123"]).events] == list("123")


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2015-10-05T14:42:19-0700", datetime(2015, 10, 5, 21, 42, 19, tzinfo=UTC)),
        ("2025-09-08T20:52:31Z", datetime(2025, 9, 8, 20, 52, 31, tzinfo=UTC)),
        ("2025-09-08T20:52:31.123456789+02:00", datetime(2025, 9, 8, 18, 52, 31, 123456, tzinfo=UTC)),
        ("2025-09-08T20:52:31", None),
        ("yesterday", None),
        ("9999-12-31T23:59:59-23:00", None),
        (None, None),
    ],
)
def test_a_time_in_any_spelling_loses_no_event(moment: str | None, expected: datetime | None) -> None:
    (old,) = read(legacy(entity(lastUpdated=moment))).events
    (new,) = read([cloud(time=moment)]).events
    assert old.happened_at == new.happened_at == expected


def test_what_is_left_out_or_added_by_cloud_events_does_not_matter() -> None:
    bare = {name: value for name, value in cloud().items() if name not in ("data", "specversion", "source", "time")}
    assert read([bare]).events[0].remote_id == "12"
    assert read([cloud(data={"deletedid": "27"}, more=[1])]).events[0].remote_id == "12"


# --- the same event again


def test_a_cloud_event_is_known_by_its_id_alone() -> None:
    first, again = read([cloud()]), read([cloud(time="2026-01-01T00:00:00Z", data={"x": 1})])
    assert first.events[0].key == again.events[0].key
    assert first.events[0].key != read([cloud(id="88cd52aa-33b6-4351-9aa4-47572edbd068-Customer-123")]).events[0].key


@pytest.mark.parametrize("change", ["id", "operation", "name", "lastUpdated"])
def test_a_legacy_event_is_known_by_all_that_it_says(change: str) -> None:
    known = read(legacy(entity())).events[0].key
    assert read(legacy(entity())).events[0].key == known
    assert read(legacy(entity(**{change: "Payment" if change != "id" else "13"}))).events[0].key != known
    assert read(legacy(entity(), realm="310688")).events[0].key != known


def test_an_event_that_stands_twice_in_one_delivery_counts_once() -> None:
    assert len(read([cloud(), cloud()]).events) == 1
    assert len(read(legacy(entity(), entity())).events) == 1


# --- what makes no sense

POISON = [
    None,
    1,
    "text",
    [],
    {},
    {"id": "12"},
    {"id": None, "name": "Invoice", "operation": "Create"},
    {"id": {"a": 1}, "name": "Invoice", "operation": "Create"},
    {"id": "1'; DROP TABLE", "name": "Invoice", "operation": "Create"},
    {"id": "1" * 33, "name": "Invoice", "operation": "Create"},
    {"id": "12", "name": "Inv\x00ice", "operation": "Create"},
    {"id": "12", "name": "I" * 41, "operation": "Create"},
    {"id": True, "name": "Invoice", "operation": "Create"},
]


@pytest.mark.parametrize("poison", POISON)
def test_an_event_that_makes_no_sense_is_counted_and_stops_no_other(poison: Any) -> None:
    delivery = read(legacy(entity(id="1"), poison, entity(id="2")))
    assert ([event.remote_id for event in delivery.events], delivery.unreadable) == (["1", "2"], 1)


@pytest.mark.parametrize(
    "poison",
    [*POISON, cloud(type="payments.charge.created.v1"), cloud(type=5), cloud(intuitaccountid=None), cloud(id="")],
)
def test_a_cloud_event_that_makes_no_sense_is_counted_and_stops_no_other(poison: Any) -> None:
    delivery = read([cloud(id="a"), poison, cloud(id="b")])
    assert (len(delivery.events), delivery.unreadable) == (2, 1)


@pytest.mark.parametrize(
    "poison", [None, 5, {}, {"realmId": "1"}, {"realmId": "1", "dataChangeEvent": {"entities": 5}}]
)
def test_a_notification_that_makes_no_sense_stops_no_other(poison: Any) -> None:
    content = legacy(entity())
    content["eventNotifications"].insert(0, poison)
    delivery = read(content)
    assert (len(delivery.events), delivery.unreadable) == (1, 1)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"null", b"5", b"{}", b'{"eventNotifications": 5}', b"\xff\xfe", b"[" * 99999]
)
def test_a_delivery_in_neither_form_says_so(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"the delivery|not JSON"):
        webhooks.read(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(string.printable, max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(junk=st.lists(JSON, max_size=5))
def test_whatever_stands_between_them_the_good_events_are_read(junk: list[Any]) -> None:
    delivery = read([*junk, cloud()])
    assert delivery.events[-1].key == read([cloud()]).events[0].key
    assert delivery.unreadable == len(junk)


# --- the real ones


@pytest.mark.skipif(bool(RECORDED), reason="there are recorded deliveries; they are read below")
def test_there_are_recorded_deliveries() -> None:
    pytest.skip(f"NO RECORDED WEBHOOKS in {RECORDINGS}: put webhook-*.json there or set BATCHLY_RECORDINGS")


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_a_recorded_delivery_is_read_and_its_signature_holds(path: Path) -> None:
    request = json.loads(path.read_text())["request"]
    body = request["body"] if isinstance(request["body"], str) else json.dumps(request["body"])
    delivery = webhooks.read(body.encode())
    assert delivery.events
    assert delivery.unreadable == 0
    headers = {name.lower(): value for name, value in (request.get("headers") or {}).items()}
    if token := request.get("verifier_token"):
        assert webhooks.is_signed(body.encode(), signature=headers["intuit-signature"], verifier_token=token)
