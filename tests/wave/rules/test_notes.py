"""What an approver is told besides the verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from migration_ops.core.states import Phase
from migration_ops.wave.rules.notes import notes_of, was_tested
from migration_ops.wave.rules.standing import Standing
from tests.wave.builders import plan, server_id

PLAN = plan()
NO_TEST = plan(testLaunch=False)
SERVER = server_id(1)
TESTED = {"testedAt": "2026-05-01", "wave": PLAN.wave}
READY = Standing(SERVER, Phase.READY, test=TESTED)
LONG = "x" * 151


def notes(standing: Standing, instance: str | None = None, of: Any = PLAN) -> list[str]:
    return [one.removeprefix(f"{SERVER}: ") for one in notes_of(of, [standing], {SERVER: instance})]


@pytest.mark.parametrize(
    ("standing", "is_tested"),
    [
        (READY, True),
        (replace(READY, test={"testedAt": "2026-05-01", "wave": "another"}), False),
        (replace(READY, test={"testedAt": None, "wave": PLAN.wave}), False),
        (replace(READY, test={}), False),
        (replace(READY, test=None), None),
        (replace(READY, test=None, at=Phase.PLANNED), False),
        (replace(READY, test=None, at=Phase.TESTED), None),
    ],
)
def test_whether_it_was_tested(standing: Standing, is_tested: bool | None) -> None:
    assert was_tested(PLAN, standing) is is_tested
    # Without a test launch an older ledger's silence is no question.
    assert was_tested(NO_TEST, standing) is (False if is_tested is None else is_tested)


@pytest.mark.parametrize(
    ("standing", "words"),
    [
        (READY, "tested in this wave on 2026-05-01"),
        (replace(READY, test=None), "the ledger does not say whether it was tested in this wave"),
        (
            replace(READY, test={"testedAt": "2026-05-01", "wave": "wave-1"}),
            "not tested in this wave (tested on 2026-05-01 in wave wave-1)",
        ),
        (
            replace(READY, test={"testedAt": None, "wave": PLAN.wave}),
            "not tested in this wave (it was READY_FOR_CUTOVER before)",
        ),
        (Standing(SERVER, Phase.PLANNED), "not tested in this wave"),
    ],
)
def test_the_words_of_a_test(standing: Standing, words: str) -> None:
    assert notes(standing) == [words]


def test_a_plan_without_a_test_says_so() -> None:
    assert notes(Standing(SERVER, Phase.READY), of=NO_TEST) == ["not tested in this wave (testLaunch is false)"]


@pytest.mark.parametrize(
    ("fact", "words"),
    [
        ({"at": "2026-05-02", "because": "slow"}, ["rolled back on 2026-05-02 because slow"]),
        ({"because": None, "at": None}, ["rolled back on an unknown date because no reason was given"]),
        ({"at": "2026-05-02", "because": LONG}, [f"rolled back on 2026-05-02 because {'x' * 149}…"]),
        ({"at": "2026-05-02", "because": LONG[:-1]}, [f"rolled back on 2026-05-02 because {'x' * 150}"]),
        (None, ["rolled back; the ledger does not say when and why"]),
    ],
)
def test_a_rollback_is_told(fact: Any, words: list[str]) -> None:
    assert notes(replace(READY, at=Phase.ROLLED_BACK, rolled_back=fact))[1:] == words


def test_a_rollback_before_a_new_try_is_told_too() -> None:
    fact = {"at": "2026-05-02", "because": "slow"}
    assert notes(replace(READY, rolled_back=fact))[1:] == ["rolled back on 2026-05-02 because slow"]
    assert notes(READY)[1:] == []


RETRY = {"code": "LAUNCH_FAILED", "in": "CUTTING_OVER", "because": "no quota", "at": "2026-05-03"}
ASKED = "retry, asked for on 2026-05-03 after LAUNCH_FAILED in CUTTING_OVER: no quota"


@pytest.mark.parametrize(
    ("changes", "instance", "words"),
    [
        ({}, None, [ASKED]),
        ({}, "i-1", [ASKED, "its instance i-1 is terminated and replaced by the retry"]),
        ({"launching": True}, "i-1", [ASKED]),
        ({"at": Phase.CUTOVER_LAUNCHED}, "i-1", [ASKED]),
    ],
)
def test_a_retry_is_told_with_what_it_replaces(changes: Any, instance: Any, words: list[str]) -> None:
    assert notes(replace(READY, retry=RETRY, **changes), instance)[1:] == words


def test_an_instance_is_not_told_without_a_retry() -> None:
    assert notes(READY, "i-1")[1:] == []


@pytest.mark.parametrize(("at", "words"), [("2026-05-04", "2026-05-04"), (None, "an unknown time")])
def test_a_held_server_is_told(at: str | None, words: str) -> None:
    assert notes(replace(READY, held=True, stopped_at=at))[1:] == [f"held in phase READY since {words}"]


def test_each_server_has_its_own_lines() -> None:
    other = server_id(2)
    found = notes_of(PLAN, [READY, replace(READY, server=other)], {})
    assert [one.split(":")[0] for one in found] == [SERVER, other]
