"""What follows from a failure, when a goal is reached, and when the window is open."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from migration_ops.core.errors import InvalidInput
from migration_ops.core.states import CUT_OVER, Phase
from migration_ops.core.verdict import Verdict
from migration_ops.wave.rules.failure import Decision, after_failure, dependents_of, goal_reached, wave_stops
from migration_ops.wave.rules.window import NOT_YET, OPEN, OVER, judge_window
from tests.wave.builders import NOW, application, conf, plan, three_applications

NO_ROLLBACK = {Phase.FINALIZING, Phase.FINALIZED, Phase.FROZEN}
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(("on_failure", "phase"), list(itertools.product(Decision, Phase)), ids=str)
def test_the_conf_decides_unless_a_rollback_is_impossible(on_failure: Decision, phase: Phase) -> None:
    expected = Decision.HOLD if phase in NO_ROLLBACK else on_failure
    assert after_failure(on_failure.value, [Phase.READY, phase]) is expected


def test_without_phases_the_conf_decides() -> None:
    assert [after_failure(one) for one in ("ask", "rollback", "hold")] == [
        Decision.ASK,
        Decision.ROLLBACK,
        Decision.HOLD,
    ]


@pytest.mark.parametrize(("on_failure", "phases"), [("retry", []), ("", []), ("ask", ["NOWHERE"])])
def test_what_does_not_exist_is_refused(on_failure: str, phases: list[str]) -> None:
    with pytest.raises(InvalidInput):
        after_failure(on_failure, phases)


@pytest.mark.parametrize(
    ("applications", "threshold", "stops"),
    [
        ([], None, False),
        ([], 1, False),
        ([("low", True)] * 9, None, False),
        ([("low", True)] * 2 + [("critical", False)], 3, False),
        ([("low", True)] * 3, 3, True),
        ([("high", True)], 1, True),
        ([("critical", True), ("low", False)], None, True),
        ([("critical", True)], 5, True),
        ([("critical", False), ("high", True)], None, False),
    ],
)
def test_when_a_wave_stops(applications: list[tuple[str, bool]], threshold: int | None, stops: bool) -> None:
    assert bool(wave_stops(applications, threshold)) is stops


def test_the_reason_of_a_stop_names_the_numbers() -> None:
    assert wave_stops([("low", True)] * 3, 2) == "3 applications failed, failureThreshold is 2"
    assert wave_stops([("critical", True)], 2) == "1 critical application failed"


@pytest.mark.parametrize(
    ("missing", "dependents"),
    [
        ([], {}),
        (["other"], {}),
        (["web"], {}),
        (["app"], {"web": ("app",)}),
        (["db"], {"app": ("db",), "web": ("db",)}),
        (["db", "app"], {"web": ("app", "db")}),
        (["ghost"], {}),
    ],
)
def test_dependents_are_found_through_others(missing: list[str], dependents: dict[str, tuple[str, ...]]) -> None:
    assert dependents_of(three_applications(), missing) == dependents


def test_a_diamond_names_its_application_once() -> None:
    diamond = plan(
        application("top", "left", "right", servers=(1,)),
        application("left", "base", servers=(2,)),
        application("right", "base", servers=(3,)),
        application("base", servers=(4,)),
    )
    assert dependents_of(diamond, ["base"]) == {"left": ("base",), "right": ("base",), "top": ("base",)}
    assert dependents_of(diamond, ["left"]) == {"top": ("left",)}


@pytest.mark.parametrize("phase", list(Phase))
def test_the_goal_depends_on_finalize(phase: Phase) -> None:
    assert goal_reached(conf(finalize=True), [Phase.FINALIZED, phase]) is (phase is Phase.FINALIZED)
    assert goal_reached(conf(finalize=False), [Phase.FINALIZED, phase.value]) is (phase in CUT_OVER)


@pytest.mark.parametrize("phases", [[], ["NOWHERE"], ["FINALIZED", "NOWHERE"]])
def test_nothing_and_nonsense_reach_no_goal(phases: list[str]) -> None:
    assert not goal_reached(conf(), phases)
    assert not goal_reached(conf(finalize=False), phases)


@pytest.mark.parametrize(
    ("opens", "closes", "value", "wait_until"),
    [
        (None, None, OPEN, None),
        (NOW, None, OPEN, None),
        (NOW - HOUR, NOW + HOUR, OPEN, None),
        (NOW + HOUR, None, NOT_YET, NOW + HOUR),
        (NOW + HOUR, NOW + 2 * HOUR, NOT_YET, NOW + HOUR),
        (None, NOW, OVER, None),
        (NOW - 2 * HOUR, NOW - HOUR, OVER, None),
        (NOW + HOUR, NOW - HOUR, OVER, None),
    ],
)
def test_window(opens: Any, closes: Any, value: str, wait_until: Any) -> None:
    judgement = judge_window(opens, closes, NOW)
    assert judgement.check.value == value
    assert (judgement.check.verdict is Verdict.OK) is (value == OPEN)
    assert judgement.wait_until == wait_until
    assert judgement.is_over is (value == OVER)


@pytest.mark.parametrize("position", range(3))
def test_a_time_without_an_offset_is_refused(position: int) -> None:
    times = [NOW, NOW + HOUR, NOW]
    times[position] = times[position].replace(tzinfo=None)
    with pytest.raises(InvalidInput):
        judge_window(*times)


def test_the_limit_of_a_window_is_told_in_utc() -> None:
    opens = datetime.fromisoformat("2026-06-01T01:00:00+02:00")
    assert judge_window(opens, None, NOW).check.limit == {"opens": "2026-05-31T23:00:00+00:00", "closes": None}
    assert datetime.fromisoformat("2026-05-31T23:00:00+00:00") == opens.astimezone(UTC)
