"""The page where a user lets an application into a company, and the redirect back (F8.2, F8.3).

``emulator_approve=<realm>`` in the query skips the page for scripts; ``emulator_cancel=1`` refuses at once.
"""

from __future__ import annotations

from html import escape
from urllib.parse import urlencode, urlsplit

from .oauth import OAuth
from .store import Company
from .wire import Request, Response


def authorize(oauth: OAuth, companies: dict[str, Company], request: Request) -> Response:
    query = request.query
    target = query.get("redirect_uri", "")
    if query.get("client_id") != oauth.client_id:
        return _page("The client_id is not known here.", status=400)
    if urlsplit(target).scheme not in ("http", "https") or urlsplit(target).query:
        return _page("redirect_uri must be an http(s) address without a query.", status=400)
    state = {"state": query["state"]} if "state" in query else {}
    if query.get("response_type") != "code" or "com.intuit.quickbooks.accounting" not in query.get("scope", ""):
        return _redirect(target, {"error": "invalid_scope", **state})
    if "emulator_cancel" in query:
        return _redirect(target, {"error": "access_denied", **state})
    realm = query.get("emulator_approve")
    if realm is None:
        return _page(_choices(companies, request))
    if realm not in companies:
        return _page(f"There is no company {escape(realm)}.", status=400)
    return _redirect(target, {"code": oauth.issue_code(realm, target), **state, "realmId": realm})


def _redirect(target: str, parameters: dict[str, str]) -> Response:
    return Response(302, headers={"location": f"{target}?{urlencode(parameters)}"})


def _choices(companies: dict[str, Company], request: Request) -> str:
    kept = {name: value for name, value in request.query.items() if not name.startswith("emulator_")}
    forms = [
        _form(kept | {"emulator_approve": realm}, f"Authorize {company.name}") for realm, company in companies.items()
    ]
    cancel = _form(kept | {"emulator_cancel": "1"}, "Cancel")
    return "<h1>Connect to QuickBooks (emulator)</h1><p>Which company?</p>" + "".join(forms) + cancel


def _form(fields: dict[str, str], label: str) -> str:
    hidden = "".join(f'<input type="hidden" name="{escape(n)}" value="{escape(v)}">' for n, v in fields.items())
    return f'<form method="get" action="/connect/oauth2">{hidden}<button>{escape(label)}</button></form>'


def _page(content: str, *, status: int = 200) -> Response:
    style = "body{font:16px sans-serif;max-width:34em;margin:4em auto}button{font:inherit;margin:.3em 0;padding:.5em}"
    html = f"<!doctype html><meta charset=utf-8><title>QuickBooks emulator</title><style>{style}</style>{content}"
    headers = {"content-type": "text/html; charset=utf-8", "x-frame-options": "DENY"}
    return Response(status, html.encode(), headers)
