"""The cases of an ordinary test run: one death at every place, spread over all entities and operations.

`make t-kill` finds its cases by itself; these are written down, because telling every story undisturbed takes minutes.
"""

from __future__ import annotations

from tests.kill.programme import Case
from tests.kill.stories import every_story

CHOSEN = {
    "apply.before_commit": "payment created there",
    "apply.committed": "item updated there",
    "held.before_commit": "invoice copied while in doubt, and the right one named",
    "held.settling": "payment deleted while in doubt, left alone and sent later",
    "notify.before_commit": "invoice told by a webhook",
    "plan.before_commit": "customer sent by a plan",
    "plan.lines_stored": "payment planned by the sweep",
    "plan.page_applied": "invoice asked about before it is written",
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
    "quarantine.before_commit": "invoice restored, and said so",
    "quarantine.prepared": "invoice restored, and said so",
    "quarantine.tied": "invoice restored, and nobody said so",
    "resolve.before_commit": "invoice disputed and decided",
    "resolve.committed": "customer disputed and decided",
    "reverse.before_commit": "customer disputed, decided and taken back",
    "safety.before_commit": "invoice ended there by the dozen, declined and decided one by one",
    "safety.opened": "customer ended by the dozen, and brought back",
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


IN_THE_MIDDLE = [
    ("push.answered", 5, "invoice created in waves"),
    ("push.settled", 5, "payment updated in waves"),
    ("push.settled", 15, "customer created in a batch"),
    ("settle.before_commit", 6, "invoice updated in a batch"),
    ("apply.before_commit", 1, "invoice ended there by the dozen, approved"),
    ("push.sending_committed", 13, "customer ended by the dozen, approved"),
    ("plan.page_applied", 2, "customer edited there, and its run taken back"),
    ("push.answered", 2, "payment made on both sides, and its run taken back"),
    ("held.settling", 1, "invoice deleted while in doubt, and sent again"),
    ("reverse.before_commit", 1, "invoice disputed, decided and taken back"),
]
"""The stories of many records and of decisions that are not told above: place, which time, story."""


def chosen_cases() -> list[Case]:
    stories = {str(story): story for story in every_story()}
    first = [(place, 1, name) for place, name in CHOSEN.items()]
    return [Case(stories[name], None, place, nth, "kill") for place, nth, name in [*first, *IN_THE_MIDDLE]]
