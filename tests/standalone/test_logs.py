"""No secret reaches a log line, in neither of the two formats."""

import json
import logging
import logging.config

import pytest
import structlog

from batchly.logs import STRUCK_OUT, logging_configuration, strike_out_secrets

SECRET = "AB1-very-secret"


@pytest.mark.parametrize(
    "name", ["access_token", "refresh_token", "Authorization", "client_secret", "password", "code"]
)
def test_a_value_named_like_a_secret_is_struck_out_at_any_depth(name: str) -> None:
    event = strike_out_secrets(None, "info", {"answer": {"list": [{name: SECRET}]}, name: SECRET})
    assert event == {"answer": {"list": [{name: STRUCK_OUT}]}, name: STRUCK_OUT}


@pytest.mark.parametrize(
    "address", ["/quickbooks/callback/?code=AB1&state=x", "http://host/quickbooks/callback?code=AB1"]
)
def test_an_address_is_logged_without_its_query(address: str) -> None:
    event = strike_out_secrets(None, "info", {"request": f"GET {address}", "event": f"redirected to {address} at once"})
    bare = address.partition("?")[0]
    assert event == {"request": f"GET {bare}", "event": f"redirected to {bare} at once"}


def test_the_version_number_of_a_quickbooks_record_is_no_secret() -> None:
    assert strike_out_secrets(None, "info", {"sync_token": "3"}) == {"sync_token": "3"}


@pytest.mark.parametrize("readable", [True, False])
def test_a_traceback_shows_no_local_variable(readable: bool, capsys: pytest.CaptureFixture[str]) -> None:
    formatter = logging_configuration(readable=readable, level="INFO")["formatters"]["lines"]
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=formatter["processors"], foreign_pre_chain=formatter["foreign_pre_chain"]
        )
    )
    log = logging.getLogger("tests.tracebacks")
    log.addHandler(handler)
    try:
        held = SECRET
        raise ValueError(f"something of {len(held)} letters")
    except ValueError:
        log.exception("It failed")
    finally:
        log.removeHandler(handler)
    written = capsys.readouterr().err
    assert "something of 15 letters" in written
    assert SECRET not in written
    if not readable:
        assert json.loads(written)["event"] == "It failed"
