"""From facts to problems: what is wrong with a company's sync, how bad it is, and a sentence that says what to do.

Pure. Silence counts as a problem: a sync that should have read something and did not is reported, not only one that
failed. Called by the health page, the console's home and the alerts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from monitoring.facts import CompanyFacts, Queue


class Severity(IntEnum):
    """How bad it is: nothing wrong, somebody should look, the sync does not work."""

    OK = 0
    WARNING = 1
    CRITICAL = 2


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong. `code` stays the same while it lasts, the sentence may change."""

    severity: Severity
    code: str
    company: str
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Limits:
    """From when something is a problem."""

    silence: timedelta = timedelta(minutes=10)
    """No reading of QuickBooks for so long, with companies read every half minute."""
    backlog: timedelta = timedelta(minutes=10)
    """A due record that nobody looks at for so long means that no worker is at work."""
    doubt: timedelta = timedelta(minutes=15)
    """A write of unknown outcome is looked for after about three minutes; much later it should be known."""
    tokens: timedelta = timedelta(days=14)
    """The refresh token lives for 100 days and is renewed daily; nearing its end means that renewing fails (F8.5)."""
    token_failures: int = 3


def problems(companies: Iterable[CompanyFacts], *, now: datetime, limits: Limits) -> list[Problem]:
    """Everything that is wrong, the worst first."""
    found = [problem for company in companies for problem in _of_company(company, now, limits)]
    return sorted(found, key=lambda problem: -problem.severity)


def worst(found: Iterable[Problem]) -> Severity:
    return max((problem.severity for problem in found), default=Severity.OK)


def _of_company(company: CompanyFacts, now: datetime, limits: Limits) -> Iterator[Problem]:
    if company.status == "disconnected":
        return
    if company.status == "needs_reconnect":
        reason = company.status_reason or "Intuit no longer accepts its tokens."
        yield _critical(company, "reconnect", f"It has to be connected again: {reason}")
    else:
        yield from _silence(company, now, limits)
        yield from _tokens(company, now, limits)
        yield from _backlog(company, company.outbox, "changes made in Batchly", now, limits)
        yield from _backlog(company, company.inbox, "changes made in QuickBooks", now, limits)
        yield from _preferences(company)
        if company.last_run == "failed":
            yield _warning(company, "run_failed", f"The last run stopped: {company.last_run_message}")
    yield from _for_people(company, now, limits)


def _silence(company: CompanyFacts, now: datetime, limits: Limits) -> Iterator[Problem]:
    quiet = now - (company.pulled_at or company.connected_at)
    if quiet > limits.silence:
        yield _critical(
            company, "silence", f"QuickBooks was not read for {_span(quiet)}. Check that worker and beat are running."
        )


def _tokens(company: CompanyFacts, now: datetime, limits: Limits) -> Iterator[Problem]:
    if company.tokens_until is not None and company.tokens_until - now < limits.tokens:
        left = company.tokens_until - now
        sentence = (
            f"Its permission ends in {_span(left)}. Connect it again."
            if left > timedelta()
            else "Its permission ended."
        )
        yield _warning(company, "tokens_end", sentence)
    if company.token_failures >= limits.token_failures:
        yield _warning(
            company, "token_failures", f"Renewing its tokens failed {company.token_failures} times in a row."
        )


def _backlog(company: CompanyFacts, queue: Queue, what: str, now: datetime, limits: Limits) -> Iterator[Problem]:
    if queue.oldest_due is not None and now - queue.oldest_due > limits.backlog:
        age = _span(now - queue.oldest_due)
        yield _warning(
            company, "backlog", f"{queue.due} {what} wait, the oldest for {age}. Check that a worker is running."
        )


def _preferences(company: CompanyFacts) -> Iterator[Problem]:
    if company.preferences_fault and company.preferences_read_at is not None:
        yield _warning(
            company,
            "preferences",
            f"QuickBooks does not show the company's preferences; those of {company.preferences_read_at:%Y-%m-%d %H:%M} UTC "
            "stand (closing date, currencies, numbers). They are read again by themselves. "
            + company.preferences_fault,
        )


def _for_people(company: CompanyFacts, now: datetime, limits: Limits) -> Iterator[Problem]:
    if company.restored_to is not None:
        yield _warning(
            company,
            "restored",
            f"The database was restored to {company.restored_to:%Y-%m-%d %H:%M} UTC; nothing is written until everything "
            "was looked up in QuickBooks.",
        )
    if company.held_endings:
        count = _count(company.held_endings, "record")
        sentence = f"{count} would be voided or made inactive in bulk; an admin approves or declines it."
        yield _warning(company, "safety_stop", sentence)
    if company.unapproved_writes and company.unapproved_since is not None:
        wait = "write waits" if company.unapproved_writes == 1 else "writes wait"
        since = f"{company.unapproved_since:%Y-%m-%d %H:%M} UTC"
        sentence = f"{company.unapproved_writes} {wait} for approval since {since} (Plans, or qbo_plan)."
        yield _warning(company, "approval", sentence)
    parked = company.inbox.parked + company.outbox.parked - company.held_endings
    if parked > 0:
        yield _warning(company, "parked", f"{_count(parked, 'record')} cannot go on without a person.")
    if company.inbox.unreadable:
        unreadable = _count(company.inbox.unreadable, "record")
        sentence = f"{unreadable} of QuickBooks cannot be read; the inbox says why. They are read again by themselves."
        yield _warning(company, "unreadable", sentence)
    if company.open_conflicts:
        yield _warning(company, "conflicts", f"{_count(company.open_conflicts, 'conflict')} to decide.")
    if company.held_writes:
        count = _count(company.held_writes, "write")
        yield _warning(
            company, "held", f"{count} held: say what became of it in QuickBooks (Held writes, or qbo_held)."
        )
    if company.oldest_doubt is not None and now - company.oldest_doubt > limits.doubt:
        count = _count(company.doubtful_writes, "write")
        yield _warning(
            company, "doubt", f"{count} of unknown outcome, the oldest for {_span(now - company.oldest_doubt)}."
        )


def _warning(company: CompanyFacts, code: str, sentence: str) -> Problem:
    return Problem(severity=Severity.WARNING, code=code, company=company.company, sentence=sentence)


def _critical(company: CompanyFacts, code: str, sentence: str) -> Problem:
    return Problem(severity=Severity.CRITICAL, code=code, company=company.company, sentence=sentence)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _span(span: timedelta) -> str:
    """In the largest unit that fits: "3 days", "2 hours", "11 minutes"."""
    for noun, seconds in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if span.total_seconds() >= seconds:
            return _count(int(span.total_seconds() // seconds), noun)
    return "less than a minute"
