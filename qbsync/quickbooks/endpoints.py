"""Where QuickBooks Online is reached: the API itself and the three OAuth addresses.

Given to `Client` and to the functions of `auth`. Frozen, holds no secret. Every address is absolute and without a trailing slash.
"""

from dataclasses import dataclass
from typing import Self
from urllib.parse import quote, urlsplit

MINOR_VERSION = "75"  # the only version still served; anything lower is answered as 75 (F1.6)

_AUTHORIZE = "https://appcenter.intuit.com/connect/oauth2"  # F8.2
_TOKEN = "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer"  # F8.4, sandbox and production alike
_REVOKE = "https://developer.api.intuit.com/v2/oauth2/tokens/revoke"  # F8.11


@dataclass(frozen=True)
class Endpoints:
    """The four addresses of one QuickBooks environment."""

    api_base: str
    authorize_url: str
    token_url: str
    revoke_url: str

    def __post_init__(self) -> None:
        for name in ("api_base", "authorize_url", "token_url", "revoke_url"):
            address = getattr(self, name).rstrip("/")
            parts = urlsplit(address)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError(f"{name} must be an absolute http(s) address")
            object.__setattr__(self, name, address)

    @classmethod
    def production(cls) -> Self:
        return cls("https://quickbooks.api.intuit.com", _AUTHORIZE, _TOKEN, _REVOKE)

    @classmethod
    def sandbox(cls) -> Self:
        return cls("https://sandbox-quickbooks.api.intuit.com", _AUTHORIZE, _TOKEN, _REVOKE)

    @classmethod
    def emulator(cls, base_url: str) -> Self:
        base = base_url.rstrip("/")
        return cls(base, f"{base}/connect/oauth2", f"{base}/oauth2/v1/tokens/bearer", f"{base}/v2/oauth2/tokens/revoke")

    def company(self, realm_id: str) -> str:
        """The address below which everything of one company lies."""
        if not realm_id or not realm_id.isalnum():
            raise ValueError("a company's realm id consists of letters and digits, and must not be empty")
        return f"{self.api_base}/v3/company/{quote(realm_id, safe='')}"
