"""A launch of ours that takes effect long after it was given up is followed to its end, never replaced or reverted."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from migration_ops.aws.errors import ConflictError
from migration_ops.core.errors import (
    FrozenError,
    MigrationError,
    OutcomeUnknownError,
    RefusedError,
    StepFailedError,
    ThrottledError,
)
from migration_ops.wave.launching.intents import NOTHING_HAPPENED
from tests.wave.steps.wave_driver import Driver, MgnProxy, WorkerKilled, killed, without_job_tags

READY = {"appName": "app", "servers": 2, "state": "READY_FOR_CUTOVER"}


@dataclass
class Withheld:
    """The worker that writes the intent is gone before its call leaves; the call leaves when somebody says so."""

    driver: Driver
    method: str
    given: list[Any] = field(default_factory=list)

    def begin(self, step: str) -> None:
        def die(*arguments: Any) -> Any:
            self.given.append(arguments)
            raise WorkerKilled

        mgn = MgnProxy(self.driver.services.mgn, **{self.method: die})
        with killed():
            replace(self.driver, services=replace(self.driver.services, mgn=mgn)).step(step, "app")

    def take_effect(self, to_its_end: bool = True) -> None:
        [arguments] = self.given
        getattr(self.driver.services.mgn, self.method)(*arguments)
        if to_its_end:
            self.driver.box.clock.advance(86_400)
            self.driver.box.run_due()


def outcomes(driver: Driver, action: str) -> set[str | None]:
    return {record.intents[action].outcome for record in driver.records("app")}


def given_up_cutover(wave: Any, **conf: Any) -> tuple[Driver, Withheld]:
    """The final gate is shut, so that nothing is sent again; MGN shows nothing of the intent."""
    driver = wave(READY, finalSync={"timeoutMinutes": 0.001}, **conf)
    driver.register()
    driver.step("test_launch", "app")
    driver.pass_go_no_go()
    withheld = Withheld(driver, "start_cutover")
    withheld.begin("cutover")
    behind(driver, 900)
    with pytest.raises(MigrationError, match="final replication gate"):
        driver.step("cutover", "app")
    assert outcomes(driver, "START_CUTOVER") == {NOTHING_HAPPENED}
    behind(driver, 0)
    return driver, withheld


def behind(driver: Driver, seconds: float) -> None:
    for server in driver.servers("app"):
        driver.box.client.patch_server(server, lagSeconds=seconds)


@pytest.mark.parametrize("ended", [True, False])
@pytest.mark.parametrize("tags", [True, False])
def test_a_late_cutover_is_followed_and_not_reverted(wave: Any, ended: bool, tags: bool) -> None:
    driver, withheld = given_up_cutover(wave)
    withheld.take_effect(ended)
    cleared = driver if tags else without_job_tags(driver)
    cleared.step("cutover", "app")
    driver.assert_jobs("START_CUTOVER", "app", 1)
    assert driver.phases("app") == {"CUTOVER_LAUNCHED"}
    assert outcomes(driver, "START_CUTOVER") == {"LAUNCHED"}
    driver.step("cutover_verify", "app")
    assert driver.phases("app") == {"CUTOVER_VERIFIED"}
    assert {s: [r.instance_id] for s, r in zip(driver.servers("app"), driver.records("app"), strict=True)} == (
        driver.instances("app")
    )


@pytest.mark.parametrize("answer", [ThrottledError("slow down"), RefusedError("not today"), ConflictError("quota")])
def test_a_second_call_that_was_turned_away_does_not_make_the_first_one_forgotten(
    wave: Any, answer: MigrationError
) -> None:
    """The no is about the second call; the first, under the same tag, may still take effect."""
    driver, withheld = given_up_cutover(wave)

    def turn_away(*_: Any) -> Any:
        raise answer

    mgn = MgnProxy(driver.services.mgn, start_cutover=turn_away)
    with suppress(MigrationError):
        replace(driver, services=replace(driver.services, mgn=mgn)).advance("cutover", "app")
    withheld.take_effect()
    driver.retried("cutover", "app")
    driver.assert_jobs("START_CUTOVER", "app", 1)
    assert driver.phases("app") == {"CUTOVER_LAUNCHED"}


def test_a_late_cutover_that_failed_is_known_to_have_failed_before_the_next(wave: Any) -> None:
    driver, withheld = given_up_cutover(wave)
    driver.box.client.add_fault("launchFailure", times=2, serverIds=driver.servers("app"))
    withheld.take_effect()
    with pytest.raises(StepFailedError, match="did not launch"):
        driver.step("cutover", "app")
    driver.assert_jobs("START_CUTOVER", "app", 1)
    driver.step("cutover", "app")
    driver.assert_jobs("START_CUTOVER", "app", 2)
    attempts = {record.intents["START_CUTOVER"].attempt for record in driver.records("app")}
    assert (attempts, driver.phases("app")) == ({2}, {"CUTOVER_LAUNCHED"})


def test_a_late_test_is_followed_and_not_replaced(wave: Any) -> None:
    driver = wave({"appName": "app", "servers": 2})
    driver.register()
    withheld = Withheld(driver, "start_test")
    withheld.begin("test_launch")

    def die(*_: Any) -> Any:
        raise WorkerKilled

    # The next one notes that nothing happened, and dies while it reads the gates.
    with killed():
        mgn = MgnProxy(driver.services.mgn, describe_servers=die)
        replace(driver, services=replace(driver.services, mgn=mgn)).step("test_launch", "app")
    assert outcomes(driver, "START_TEST") == {NOTHING_HAPPENED}
    withheld.take_effect()
    before = driver.instances("app")
    driver.step("test_launch", "app")
    driver.assert_jobs("START_TEST", "app", 1)
    assert driver.instances("app") == before
    assert driver.phases("app") == {"TEST_LAUNCHED"}


@pytest.mark.parametrize("ended", [True, False])
@pytest.mark.parametrize("step", ["test_launch", "cutover"])
def test_one_that_shows_right_before_the_call_is_not_sent_again(wave: Any, step: str, ended: bool) -> None:
    """Between the look that found nothing and the call, the gates are read: it takes effect just then."""
    method, action = ("start_test", "START_TEST") if step == "test_launch" else ("start_cutover", "START_CUTOVER")
    driver = wave(READY if step == "cutover" else READY | {"state": "READY_FOR_TEST"})
    driver.register()
    if step == "cutover":
        driver.step("test_launch", "app")
        driver.pass_go_no_go()
    withheld = Withheld(driver, method)
    withheld.begin(step)
    real = driver.services.mgn

    def read(ids: list[str]) -> Any:
        views = real.describe_servers(ids)
        if outcomes(driver, action) == {NOTHING_HAPPENED} and not any(driver.jobs(action, "app").values()):
            withheld.take_effect(ended)
        return views

    between = replace(driver, services=replace(driver.services, mgn=MgnProxy(real, describe_servers=read)))
    between.retried(step, "app")
    driver.assert_jobs(action, "app", 1)


def test_a_launch_that_shows_while_the_gate_is_read_is_not_reverted(wave: Any) -> None:
    driver, withheld = given_up_cutover(wave)
    real = driver.services.mgn
    late = iter([True])

    def read(ids: list[str]) -> Any:
        if next(late, False):
            withheld.take_effect()
        return real.describe_servers(ids)

    between = replace(driver, services=replace(driver.services, mgn=MgnProxy(real, describe_servers=read)))
    with pytest.raises(OutcomeUnknownError):
        between.step("cutover", "app")
    assert driver.states("app") == {"CUTTING_OVER"}
    driver.step("cutover", "app")
    driver.assert_jobs("START_CUTOVER", "app", 1)
    assert driver.phases("app") == {"CUTOVER_LAUNCHED"}


def test_a_rollback_ends_a_late_launch_and_the_next_attempt_is_another(wave: Any) -> None:
    driver, withheld = given_up_cutover(wave)
    withheld.take_effect()
    driver.roll_back("app")
    assert (driver.instances("app"), driver.phases("app")) == ({}, {"ROLLED_BACK"})
    assert outcomes(driver, "START_CUTOVER") == {"ROLLED_BACK"}
    driver.step("go_no_go")
    driver.step("cutover", "app")
    driver.assert_jobs("START_CUTOVER", "app", 2)
    assert driver.phases("app") == {"CUTOVER_LAUNCHED"}


@pytest.mark.parametrize(("read_before", "expected"), [(1, OutcomeUnknownError), (2, FrozenError)])
def test_a_launch_that_shows_while_the_rollback_is_verified_is_not_called_rolled_back(
    wave: Any, read_before: int, expected: type[MigrationError]
) -> None:
    """What shows before the last look is undone by the next try; what shows within it is left to a person."""
    driver, withheld = given_up_cutover(wave)
    real = driver.services.mgn
    reads = iter(range(100))

    def read(ids: list[str]) -> Any:
        views = real.describe_servers(ids)
        if next(reads) == read_before:
            withheld.take_effect()
        return views

    between = replace(driver, services=replace(driver.services, mgn=MgnProxy(real, describe_servers=read)))
    with pytest.raises(expected):
        between.step("rollback", "app", decision={"decision": "rollback", "reason": "a test"})
    assert driver.phases("app") & {"ROLLED_BACK"} == set()
    driver.roll_back("app")
    assert (driver.instances("app"), driver.phases("app")) == ({}, {"ROLLED_BACK"})


def test_what_never_took_effect_is_sent_again_under_the_same_tag(wave: Any) -> None:
    driver, _ = given_up_cutover(wave)
    driver.step("cutover", "app")
    driver.assert_jobs("START_CUTOVER", "app", 1)
    assert {record.intents["START_CUTOVER"].attempt for record in driver.records("app")} == {1}
