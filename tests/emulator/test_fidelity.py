"""Every recorded exchange of a modelled entity, replayed: same status, envelope, fields, types and values.

The recordings are not part of the repository (see ``fidelity.recording`` for where they are looked for). The books a
recording presupposes are derived from the recording alone, so more recordings can be added without a word here.
"""

from __future__ import annotations

from typing import Any

import pytest

from qbo_emulator.inprocess import Answer

from .fidelity.comparison import differences
from .fidelity.eligibility import decline
from .fidelity.recording import FOLDER, Recording, from_xml, load_all
from .fidelity.replay import Replay

RECORDINGS = load_all()
DECLINED = {each.name: reason for each in RECORDINGS if (reason := decline(each)) is not None}
COMPARED = [each for each in RECORDINGS if each.name not in DECLINED]

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"no recordings in {FOLDER} (set BATCHLY_RECORDINGS to their folder)"
)


@pytest.mark.parametrize("recording", COMPARED, ids=lambda each: each.name)
def test_the_emulator_answers_as_quickbooks_did(recording: Recording) -> None:
    outcome = Replay(recording).run()
    emulated = answered(outcome.answer)
    if outcome.expected_status is not None:
        assert outcome.answer.status == outcome.expected_status, emulated
    assert differences(outcome.recording, emulated, outcome.moment) == []


def answered(answer: Answer) -> Any:
    if "xml" in answer.headers.get("content-type", ""):
        return from_xml(answer.body.decode())
    return answer.json()


def test_recordings_are_compared_and_the_others_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\n{len(COMPARED)} of {len(RECORDINGS)} recordings compared ({FOLDER})")
        for name, reason in DECLINED.items():
            print(f"  not compared: {name}: {reason}")
    assert COMPARED, f"no recording of a modelled entity in {FOLDER}"
