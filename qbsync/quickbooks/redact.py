"""Takes secrets and e-mail addresses out of text before it can reach an exception, a log or a page.

Used for every text that QuickBooks sent in a fault: an expired-token fault repeats the token (F4.1.2), and details quote what the
user typed (F4.1.6). The request's tracking id (`intuit_tid`) never passes through here, because support asks for it.
"""

import re

MAX_DETAIL = (
    1_000  # characters; the longest useful detail is a list of property names (F3.1.19), the rest of it helps nobody
)

_EMAIL = re.compile(r"[\w.+%'-]+(?:@|%40)[\w-]+(?:\.[\w-]+)+")
_JWT = re.compile(r"eyJ[\w-]+(?:\.[\w-]+)*")
_NAMED_SECRET = re.compile(
    r"(?i)\b(token expired|\w*token|bearer|basic|\w*secret|authorization|signature|nonce|consumer_key|code)"
    r"(\"?\s*(?::|=|%3D)\s*\"?|\s+)(?:(?:bearer|basic)\s+)?([\w.~+/=%-]{16,})"
)
_OPAQUE = re.compile(r"\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{32,}")
_SPACE = re.compile(r"\s+")


def redact(text: str) -> str:
    """The same text on one line, bounded, with tokens and e-mail addresses replaced."""
    text = _SPACE.sub(" ", text[: 4 * MAX_DETAIL]).strip()
    text = _EMAIL.sub("<email>", text)
    text = _JWT.sub("<token>", text)
    text = _NAMED_SECRET.sub(r"\1\2<token>", text)
    text = _OPAQUE.sub("<token>", text)
    return text if len(text) <= MAX_DETAIL else text[:MAX_DETAIL] + "..."
