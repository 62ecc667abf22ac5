"""Refresh tokens of every temper, punished races, the hard end, and what a lost subscription still allows."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from qbo_emulator.emulator import Emulator
from qbo_emulator.inprocess import InProcessDoor
from qbo_emulator.persistence import Keeper

from .conftest import Books, open_books
from .test_oauth import BASIC, CALLBACK, code, refresh, token

YEAR = 365 * 86_400


def temper(books: Books, name: str, **more: Any) -> str:
    """Choose a personality; a fresh connection's refresh token."""
    books.control("PUT", "/state", {"behaviour": {"refresh_token": name, **more}})
    return str(books.emulator.oauth.grant(books.realm)["refresh_token"])


def next_value(books: Books, value: str) -> str:
    answer = refresh(books, value)
    assert answer.status == 200, answer.body
    return str(answer.json()["refresh_token"])


def chain(books: Books, first: str, length: int) -> list[str]:
    values = [first]
    for _ in range(length):
        books.later(60)
        values.append(next_value(books, values[-1]))
    return values


def works(books: Books, value: str) -> bool:
    return refresh(books, value).status == 200


@pytest.mark.parametrize(
    ("personality", "surviving"),
    [
        ("grace_24h", [False, False, True, True]),
        ("grace_24h_all", [True, True, True, True]),
        ("strict", [False, False, False, True]),
    ],
)
def test_grace_covers_one_earlier_value_or_all_or_none(books: Books, personality: str, surviving: list[bool]) -> None:
    values = chain(books, temper(books, personality), 3)
    assert len(set(values)) == 4
    assert [works(books, value) for value in values[:3]] == surviving[:3]
    assert works(books, values[3]) is surviving[3]


def test_an_earlier_value_in_grace_gives_the_current_one_back(books: Books) -> None:
    first = temper(books, "grace_24h")
    second = next_value(books, first)
    assert next_value(books, first) == second


def test_all_earlier_values_lose_their_grace_after_a_day(books: Books) -> None:
    first, second, third = chain(books, temper(books, "grace_24h_all"), 2)
    books.later(86_400 - 30)  # the first was replaced 60 s before the second
    assert [works(books, value) for value in (first, second)] == [False, True]
    books.later(60)
    assert [works(books, value) for value in (first, second, third)] == [False, False, True]


def test_the_same_value_comes_back_for_a_day_and_then_changes(books: Books) -> None:
    first = temper(books, "same_value")
    for _ in range(23):
        books.later(3600)
        assert next_value(books, first) == first
    books.later(3601)
    second = next_value(books, first)
    assert second != first
    assert next_value(books, second) == second
    books.later(86_400)
    assert not works(books, first)


def test_a_reused_value_ends_the_connection_and_its_access_token(books: Books) -> None:
    first = temper(books, "reuse_revokes")
    answer = refresh(books, first).json()
    assert not works(books, first)
    assert not works(books, answer["refresh_token"])
    gone = Books(books.emulator, books.realm, books.door, answer["access_token"])
    assert gone.call("GET", "/preferences").status == 401


def test_the_loser_of_two_refreshes_may_cost_the_winner_its_tokens(books: Books) -> None:
    for chance, survives in ((1.0, False), (0.0, True)):
        first = temper(books, "grace_24h", concurrent_refresh_revokes=chance)
        winner = next_value(books, first)
        assert works(books, first) is survives
        assert works(books, winner) is survives
    first = temper(books, "grace_24h", concurrent_refresh_revokes=1.0)
    winner = next_value(books, first)
    books.later(11)  # no longer at the same time: a mere old value in grace
    assert works(books, first)
    assert works(books, winner)


def test_punishment_by_chance_repeats_itself_from_the_seed(books: Books) -> None:
    fates = []
    for _ in range(40):
        first = temper(books, "strict", concurrent_refresh_revokes=0.5)
        winner = next_value(books, first)
        assert not works(books, first)
        fates.append(works(books, winner))
    assert 5 < sum(fates) < 35


@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_a_code_exchanged_twice_may_cost_the_first_exchange(books: Books, chance: float) -> None:
    temper(books, "grace_24h", concurrent_refresh_revokes=chance)
    form = {"grant_type": "authorization_code", "code": code(books), "redirect_uri": CALLBACK}
    first = token(books, **form).json()["refresh_token"]
    assert token(books, **form).json()["error"] == "invalid_grant"
    assert works(books, first) is (chance == 0.0)


def test_a_code_is_short_lived(books: Books) -> None:
    form = {"grant_type": "authorization_code", "code": code(books), "redirect_uri": CALLBACK}
    books.later(601)
    assert (token(books, **form).status, token(books, **form).json()["error"]) == (400, "invalid_grant")


def test_consent_ends_after_five_years_however_often_it_is_refreshed(books: Books) -> None:
    value = temper(books, "grace_24h")
    headers = {"Authorization": BASIC, "x-include-refresh-token-hard-expires-in": "true"}
    for _ in range(20):
        books.later(YEAR / 4 - 1)
        body = urlencode({"grant_type": "refresh_token", "refresh_token": value}).encode()
        answer = books.door.request("POST", "/oauth2/v1/tokens/bearer", data=body, headers=headers).json()
        value = answer["refresh_token"]
    assert 0 < answer["x_refresh_token_hard_expires_in"] <= 20
    assert "x_refresh_token_hard_expires_in" not in refresh(books, value).json()
    books.later(21)
    assert not works(books, value)


def test_a_disconnect_by_the_user_ends_all_tokens_and_a_new_grant_finds_the_same_books(books: Books) -> None:
    value, customer = temper(books, "grace_24h"), books.customer()
    assert books.control("POST", f"/companies/{books.realm}/disconnect")["revoked"] == 2
    assert books.call("GET", "/preferences").status == 401
    assert refresh(books, value).json()["error"] == "invalid_grant"
    books.token = books.control("POST", f"/companies/{books.realm}/grant", {})["access_token"]
    assert books.read("Customer", customer["Id"]) == customer


def test_an_ended_subscription_refuses_writes_and_goes_on_reading(books: Books) -> None:
    customer = books.customer()
    invoice = books.invoice(customer)
    books.control("POST", f"/companies/{books.realm}/expire-subscription")
    key = {"Id": invoice["Id"], "SyncToken": invoice["SyncToken"]}
    assert books.code("POST", "/customer", {"DisplayName": "B"}) == "6190"
    assert books.code("POST", "/invoice", {**key, "sparse": True, "PrivateNote": "n"}) == "6190"
    assert books.code("POST", "/invoice", key, operation="delete") == "6190"
    assert books.code("POST", "/invoice", key, operation="void") == "6190"
    assert books.code("POST", f"/invoice/{invoice['Id']}/send", sendTo="a@b.example") == "6190"
    assert books.read("Customer", customer["Id"])["DisplayName"] == "Ann Bee"
    assert subscription(books) == "EXPIRED"
    books.control("POST", f"/companies/{books.realm}/expire-subscription", {"ended": False})
    assert (subscription(books), books.customer("B")["SyncToken"]) == ("PAID", "0")


def subscription(books: Books) -> str:
    info = books.call("GET", f"/companyinfo/{books.realm}").json()["CompanyInfo"]
    return str({each["Name"]: each["Value"] for each in info["NameValue"]}["SubscriptionStatus"])


def test_an_ended_subscription_and_a_running_consent_outlive_a_restart(tmp_path: Any) -> None:
    books = open_books(Emulator(keeper=Keeper(tmp_path / "b")))
    books.token = books.control("POST", f"/companies/{books.realm}/grant", {})["access_token"]
    books.control("POST", f"/companies/{books.realm}/expire-subscription")
    emulator = Emulator(keeper=Keeper(tmp_path / "b"))
    again = Books(emulator, books.realm, InProcessDoor(emulator), books.token)
    assert again.code("POST", "/customer", {"DisplayName": "B"}) == "6190"
    assert emulator.oauth.families == books.emulator.oauth.families
