"""The small Airflow does as Airflow does: tries, waits, deaths, clears, trigger rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from include.simulation.faults import WorkerKilled
from include.simulation.runs import RETRIES
from include.simulation.schedule import Report
from migration_ops.core.errors import OutcomeUnknownError, StepFailedError
from migration_ops.wave.records import wait_until
from migration_ops.wave.services import Services, StepInput, StepSkipped
from migration_ops.wave.steps.registry import STEPS
from migration_ops.wave.waits.outcome import Done, Outcome, Wait
from tests.simulation.planted import Clearing, people, ready

Stint = Callable[[Services, StepInput], Outcome]


def done(services: Services, inp: StepInput) -> Outcome:
    return Done({})


def raises(error: BaseException) -> Stint:
    def stint(services: Services, inp: StepInput) -> Outcome:
        raise error

    return stint


def waits(services: Services, inp: StepInput) -> Wait:
    now = services.epoch()
    return wait_until(services, now + 100, "a test", now + 200)


@pytest.fixture
def quiesce(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a wave whose task ``quiesce`` does these things, one a stint; answers what each stint was given."""

    def run(*stints: Stint, **changes: Any) -> tuple[list[tuple[bool, bool]], Report]:
        left, given = list(stints), []

        def step(services: Services, inp: StepInput) -> Outcome:
            given.append((inp.is_retry, inp.resumed is not None))
            return left.pop(0)(services, inp)

        monkeypatch.setitem(STEPS, "quiesce", step)
        return given, ready(**({"make_people": people(Clearing)} | changes)).run()

    return run


FRESH, RETRIED, RESUMED, RETRIED_AND_RESUMED = (False, False), (True, False), (False, True), (True, True)


def test_an_error_that_may_pass_is_tried_again_from_the_start(quiesce: Any) -> None:
    given, report = quiesce(raises(OutcomeUnknownError("lost")), done)
    assert given == [FRESH, RETRIED]
    assert report.is_green


def test_a_wait_is_resumed_in_the_same_try(quiesce: Any) -> None:
    given, _ = quiesce(waits, done)
    assert given == [FRESH, RESUMED]


def test_a_death_after_a_wait_begins_from_the_start(quiesce: Any) -> None:
    given, report = quiesce(waits, raises(WorkerKilled()), waits, done)
    assert given == [FRESH, RESUMED, RETRIED, RETRIED_AND_RESUMED]
    assert report.is_green


def test_a_failure_is_not_tried_again(quiesce: Any) -> None:
    given, report = quiesce(raises(StepFailedError("no")))
    assert given == [FRESH]
    assert not report.is_green


def test_a_worker_that_dies_at_every_try_fails_the_task(quiesce: Any) -> None:
    given, report = quiesce(*[raises(WorkerKilled())] * (RETRIES + 1))
    assert given == [FRESH] + [RETRIED] * RETRIES
    assert "WORKER_KILLED" in report.text()


def test_a_cleared_task_is_fresh_and_what_comes_after_runs_again(quiesce: Any) -> None:
    cleared = people(Clearing, keys=["cutover.quiesce:app"])
    given, report = quiesce(waits, raises(StepFailedError("no")), waits, done, make_people=cleared)
    assert given == [FRESH, RESUMED, FRESH, RESUMED]
    assert report.is_green


def test_what_comes_after_a_skipped_task_is_skipped_and_the_end_runs(quiesce: Any) -> None:
    _, report = quiesce(raises(StepSkipped("nothing to do")))
    assert report.ends == {"app": "FAILED (NOT_REACHED)"}
    tasks = {who.split("/")[-1] for _, who, _ in report.trail}
    assert "finish.close:app" in tasks
    assert not tasks & {"cutover.cutover:app", "cutover.decide:app", "finish.finalize:app"}
