"""What steps carry over their waits: recorded documents of waves that are deferred while the package is upgraded."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from migration_ops.core.errors import InvalidInputError
from migration_ops.wave.launching.carry import LaunchCarry, TerminationCarry
from migration_ops.wave.plan.plan import PlannedApplication, WavePlan
from migration_ops.wave.services import StepInput
from migration_ops.wave.steps.quiesce import QuiesceCarry
from migration_ops.wave.steps.verify import VerifyCarry
from migration_ops.wave.waits.outcome import Reason, Resumed, Wait
from tests.wave.builders import plan
from tests.wave.steps.wave_driver import Driver

# Every shape that a wave's waits had while carries were dicts, from the step tests of that version.
RECORDED: list[dict[str, Any]] = json.loads(
    Path(__file__).with_name("recorded_carries.json").read_text(encoding="utf-8")
)
CARRIES: dict[str, Any] = {
    "test_launch": LaunchCarry,
    "cutover": LaunchCarry,
    "mark_ready": TerminationCarry,
    "rollback": TerminationCarry,
    "quiesce": QuiesceCarry,
    "test_verify": VerifyCarry,
    "cutover_verify": VerifyCarry,
}
KEYS = {
    "lookedSince": "looked_since",
    "launchDeadline": "launch_deadline",
    "gate": "at_gate",
    "ssm": "commands",
    "instances": "instances",
}
OF_KINDS = [one for one in RECORDED if one["step"] in CARRIES]


def named(one: dict[str, Any]) -> str:
    return f"{one['step']}-{one['topic']}-{'-'.join(one['carry'])}"


def test_the_recorded_carries_are_of_every_step_that_carries_something() -> None:
    assert {one["step"] for one in RECORDED if one["carry"]} == set(CARRIES)


@pytest.mark.parametrize("one", OF_KINDS, ids=named)
def test_a_recorded_carry_is_read_and_written_as_it_was(one: dict[str, Any]) -> None:
    kind = CARRIES[one["step"]]
    read = kind.from_document(one["carry"])
    for key, value in one["carry"].items():
        deadline = "gate_deadline" if kind is LaunchCarry else "deadline"
        found = getattr(read, deadline if key == "deadline" else KEYS.get(key, key))
        assert (list(found) if key == "jobs" else found) == value
    kept = {key: value for key, value in one["carry"].items() if value not in (None, {})}
    assert read.as_document() == kept
    assert kind.from_document(json.loads(json.dumps(read.as_document()))) == read


@pytest.mark.parametrize("kind", sorted(set(CARRIES.values()), key=str))
def test_nothing_carried_is_nothing_known(kind: Any) -> None:
    assert kind.from_document({}) == kind.from_document({"deadline": None, "aKeyOfAnotherVersion": 1}) == kind()
    assert kind().as_document() == {}


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        (LaunchCarry, "launchDeadline", "soon"),
        (LaunchCarry, "lookedSince", True),
        (LaunchCarry, "jobs", "mgnjob-1"),
        (LaunchCarry, "jobs", [1]),
        (LaunchCarry, "gate", "yes"),
        (TerminationCarry, "deadline", float("nan")),
        (TerminationCarry, "instances", ["i-1"]),
        (TerminationCarry, "instances", {"s-1": "i-1"}),
        (QuiesceCarry, "deadline", []),
        (VerifyCarry, "ssm", {"i-1/0": 7}),
    ],
)
def test_a_malformed_carry_says_where(kind: Any, key: str, value: Any) -> None:
    with pytest.raises(InvalidInputError) as caught:
        kind.from_document({key: value})
    assert caught.value.context["path"] == f"carry.{key}"


def input_of(resumed: Resumed | None) -> StepInput:
    planned: WavePlan = plan()
    app: PlannedApplication = planned.applications[0]
    return StepInput(planned, app, resumed)


def test_a_fresh_start_carries_nothing() -> None:
    assert input_of(None).carried(LaunchCarry) == LaunchCarry()
    resumed = Resumed(Reason.MET, {}, {"jobs": ["mgnjob-1"]})
    assert input_of(resumed).carried(LaunchCarry).jobs == ("mgnjob-1",)


class OlderDriver(Driver):
    """Its triggers were written by the version before: with null keys, and with some that this one does not know."""

    def wait(self, wait: Wait) -> Resumed:
        resumed = super().wait(wait)
        return replace(resumed, carry={"lookedSince": None, "ssm": {}, "aKeyOfAnotherVersion": 1} | resumed.carry)


@pytest.mark.parametrize("state", ["READY_FOR_TEST", "READY_FOR_CUTOVER"])
def test_a_wave_that_is_deferred_during_an_upgrade_goes_on(wave: Any, state: str) -> None:
    made: Driver = wave({"appName": "app", "servers": 1, "state": state})
    driver = OlderDriver(made.services, made.plan, made.box)
    driver.whole()
    assert driver.phases("app") == {"FINALIZED"}
    driver.assert_jobs("START_CUTOVER", "app")
