"""The cases of an ordinary test run: one death at every place, spread over all entities and operations.

`make t-kill` finds its cases by itself; these are written down, because telling every story undisturbed takes minutes.
"""

from __future__ import annotations

from tests.kill.programme import Case
from tests.kill.stories import every_story

CHOSEN = {
    "apply.before_commit": "payment created there",
    "apply.committed": "item updated there",
    "notify.before_commit": "invoice told by a webhook",
    "pull.bodies_read": "payment created",
    "pull.cursor_moved": "invoice deleted there",
    "pull.feed_read": "customer ended there",
    "pull.full_begun": "item created there, read in full",
    "pull.full_finished": "payment deleted there, read in full",
    "pull.page_stored": "customer updated there, read in full",
    "push.adopted": "invoice created with lost_response",
    "push.answered": "payment updated",
    "push.before_sending": "item updated",
    "push.deletions_committed": "customer created with reset_before",
    "push.deletions_read": "payment created with reset_before",
    "push.lost_committed": "item created with late",
    "push.probe_committed": "invoice created with reset_before",
    "push.probed": "payment created with lost_response",
    "push.read_back": "invoice ended with lost_response",
    "push.read_back_committed": "customer ended with reset_before",
    "push.sending_committed": "invoice created",
    "push.settled": "item created",
    "resolve.before_commit": "invoice disputed and decided",
    "resolve.committed": "customer disputed and decided",
    "session.claimed": "payment ended",
    "session.run_begun": "customer missed",
    "session.run_closed": "item ended",
    "settle.adopting": "item created with lost_response",
    "settle.before_commit": "invoice updated",
    "settle.superseding": "customer updated with lost_response",
    "sweep.missed_enqueued": "payment missed",
    "sync.read": "payment ended there",
    "sync.wish_fulfilled": "item told by a webhook",
    "tokens.answered": "customer created when the token is over",
    "tokens.before_commit": "item created when the token is over",
    "tokens.committed": "invoice created when the token is over",
    "tokens.lock_held": "payment created when the token is over",
    "webhook.recorded": "customer told by a webhook",
    "webhook.verified": "payment told by a webhook",
    "webhook.woken": "invoice told by a webhook",
}
"""Place -> story. The places of connecting, which no sync comes to, have a test of their own."""


def chosen_cases() -> list[Case]:
    stories = {str(story): story for story in every_story()}
    return [Case(stories[name], None, place, 1, "kill") for place, name in CHOSEN.items()]
