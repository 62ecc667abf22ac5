"""A small browser for the demo: signs in to the console and connects a company as a person would, by clicks over HTTP.

Used by `standalone.story`. It follows the real redirects between Batchly and the emulator's authorize page.
"""

from __future__ import annotations

import re
from urllib.parse import urljoin

import requests

TIMEOUT = 30
"""Seconds; everything is on this machine, but it may be busy."""
MAX_REDIRECTS = 10


class Browser:
    """One signed-in session with the console."""

    def __init__(self, web_url: str) -> None:
        self.web_url = web_url
        self._http = requests.Session()
        self._http.trust_env = False

    def sign_in(self, name: str, password: str) -> None:
        address = f"{self.web_url}/admin/login/"
        form = {"username": name, "password": password, "next": "/admin/"}
        self._http.get(address, timeout=TIMEOUT).raise_for_status()
        answer = self._http.post(address, data=self._with_token(form), headers={"Referer": address}, timeout=TIMEOUT)
        answer.raise_for_status()
        if answer.url.startswith(address):
            raise RuntimeError("The console did not let the demo user in.")

    def authorize(self, organization_id: str, realm_id: str) -> str:
        """Press Connect, and Authorize on QuickBooks' page; gives the address where the browser ends."""
        begin = f"{self.web_url}/quickbooks/connect/{organization_id}/"
        headers = {"Referer": f"{self.web_url}/admin/"}
        answer = self._http.post(
            begin, data=self._with_token({}), headers=headers, timeout=TIMEOUT, allow_redirects=False
        )
        authorize_page = answer.headers["Location"] + f"&emulator_approve={realm_id}"
        return self._follow(authorize_page)

    def post(self, path: str, form: dict[str, str]) -> str:
        """Send a form of the console; gives the page that follows."""
        address = f"{self.web_url}{path}"
        headers = {"Referer": address}
        answer = self._http.post(address, data=self._with_token(form), headers=headers, timeout=TIMEOUT)
        answer.raise_for_status()
        return answer.text

    def page(self, path: str) -> str:
        answer = self._http.get(f"{self.web_url}{path}", timeout=TIMEOUT)
        answer.raise_for_status()
        return answer.text

    def _follow(self, address: str) -> str:
        for _ in range(MAX_REDIRECTS):
            answer = self._http.get(address, timeout=TIMEOUT, allow_redirects=False)
            if not answer.is_redirect:
                answer.raise_for_status()
                return address
            address = urljoin(address, answer.headers["Location"])
        raise RuntimeError(f"More than {MAX_REDIRECTS} redirects while connecting; the last one to {address}")

    def _with_token(self, form: dict[str, str]) -> dict[str, str]:
        return {**form, "csrfmiddlewaretoken": self._http.cookies.get("csrftoken") or ""}


def hidden_fields(page: str) -> dict[str, str]:
    """The hidden inputs of a page's forms, the last of a name winning."""
    found: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*type=\"hidden\"[^>]*>", page):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name:
            found[name.group(1)] = value.group(1) if value else ""
    return found
