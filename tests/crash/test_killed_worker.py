"""A worker process is really killed (SIGKILL) around a mutating call; the cleared task launches nothing twice."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from include.cloudformation.sandbox_deploy import deploy
from include.sandbox.sandbox import Sandbox
from tests.crash.worker import run_step
from tests.wave.steps.wave_driver import Driver, jobs_of, make_plan, make_services

SPEED = 20_000
PATIENCE_SECONDS = 30.0
# Method, operation, step, and how a server is seeded and the wave set so that this step is the next one.
READY = {"state": "READY_FOR_CUTOVER"}
LEFT_OVER = {"launched": True, **READY}
CALLS = [
    ("START_TEST", "StartTest", "test_launch", {}, {}),
    ("START_CUTOVER", "StartCutover", "cutover", READY, {}),
    ("TERMINATE", "TerminateTargetInstances", "mark_ready", LEFT_OVER, {"testLaunch": False}),
]
CUTOVER = CALLS[1]


@pytest.fixture(scope="module")
def processes() -> Iterator[Any]:
    """Processes that start at once: what they import was imported before they are forked."""
    with pytest.MonkeyPatch.context() as patch:
        # Python 3.11's fork server does not take over sys.path before it imports.
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.crash.worker"])
        yield context


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(speed=SPEED, seed="empty", shown="wall") as sandbox:
        before = dict(os.environ)
        os.environ.update(sandbox.environment)
        deploy(sandbox.boto("cloudformation"))
        yield sandbox
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def at(box: Sandbox, request: pytest.FixtureRequest) -> Iterator[Any]:
    """The run right before a call."""

    def make(call: Any) -> Driver:
        _, _, step, seeded, conf = call
        listed = box.client.add_estate({"applications": [{"appName": "app", "servers": [dict(seeded)] * 3}]})
        name = f"wave-{abs(hash(request.node.name)) % 10**8}"
        plan = make_plan(listed["applications"], wave=name, **conf)
        driver = Driver(make_services(box, run_id="the-run", wave=name), plan, box)
        driver.register()
        if step == "cutover":
            driver.step("test_launch", "app")
            driver.pass_go_no_go()
        return driver

    yield make
    box.faults.remove()


def until(what: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not what():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.005)


@contextmanager
def worker(processes: Any, driver: Driver, step: str) -> Iterator[Any]:
    """The step in a process of its own; at the end it is killed, and was alive until then."""
    sheet = driver.results.get("go_no_go")
    inputs = {"sheet": sheet, "approval": driver.approve(sheet)} if sheet else {}
    ahead_seconds = driver.box.clock.real() - time.time()
    arguments = (driver.box.environment, ahead_seconds, driver.plan.as_document(), driver.services.holder, step, inputs)
    child = processes.Process(target=run_step, args=arguments)
    child.start()
    try:
        yield child
        assert child.is_alive()
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.join()
    assert child.exitcode == -signal.SIGKILL


def started(driver: Driver, action: str) -> int:
    return sum(len(jobs_of(driver.box, action, server)) for server in driver.servers("app"))


def intended(driver: Driver, action: str) -> bool:
    return all(action in record.intents for record in driver.records("app"))


@pytest.mark.parametrize("call", CALLS, ids=[one[1] for one in CALLS])
def test_killed_when_the_call_took_effect_and_nothing_is_recorded(at: Any, box: Any, processes: Any, call: Any) -> None:
    action, operation, step, *_ = call
    driver = at(call)
    box.client.add_fault("timeoutAfter", service="mgn", operation=operation, times=1, seconds=PATIENCE_SECONDS)
    with worker(processes, driver, step):
        until(lambda: started(driver, action) == 3)
    assert {record.intents[action].job_id for record in driver.records("app")} == {None}
    driver.step(step, "app")
    driver.assert_jobs(action, "app", 1)
    assert box.client.count("mgn", operation) >= 1


def test_killed_while_the_job_is_being_recorded(at: Any, box: Any, processes: Any) -> None:
    """The answer came; the worker dies in the write to the ledger."""
    action, operation, step, *_ = CUTOVER
    driver = at(CUTOVER)
    box.client.add_fault("delay", service="mgn", operation=operation, times=1, seconds=0.5)
    with worker(processes, driver, step):
        until(lambda: intended(driver, action))
        hang = box.client.add_fault(
            "timeout", service="dynamodb", operation="TransactWriteItems", times=1, seconds=PATIENCE_SECONDS
        )
        until(lambda: any(one["id"] == hang["id"] and one["fired"] for one in box.client.faults()))
    assert started(driver, action) == 3
    driver.step(step, "app")
    driver.assert_jobs(action, "app", 1)


def test_killed_when_the_call_was_on_its_way_and_took_no_effect(at: Any, box: Any, processes: Any) -> None:
    action, operation, step, *_ = CUTOVER
    driver = at(CUTOVER)
    hang = box.client.add_fault("timeout", service="mgn", operation=operation, times=1, seconds=PATIENCE_SECONDS)
    with worker(processes, driver, step):
        until(lambda: any(one["id"] == hang["id"] and one["fired"] for one in box.client.faults()))
    assert started(driver, action) == 0
    driver.step(step, "app")
    driver.assert_jobs(action, "app", 1)
