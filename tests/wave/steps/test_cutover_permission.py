"""Right before a launch: the source is stopped by this run, and what it depends on is cut over now."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from include.sandbox.moto.ssm_nodes import Node, node_id_of, nodes_of
from migration_ops.core.errors import StepFailedError
from migration_ops.core.states import Phase
from migration_ops.wave.conf.rollback import parse_rollback_conf
from migration_ops.wave.permission import ApprovalVoidError, DependencyNotCutOverError, NotQuiescedError
from migration_ops.wave.steps.rollback_request import rollback_plan, rollback_sheet, select_records
from tests.wave.steps.wave_driver import Driver

READY = {"appName": "app", "servers": 1, "state": "READY_FOR_CUTOVER"}
DB, WEB = READY | {"appName": "db"}, READY | {"appName": "web", "dependsOn": ["db"]}


@pytest.fixture
def quiet(wave: Any) -> Any:
    """On the sheet, with a conf that stops the source, and its managed node."""

    def make() -> tuple[Driver, Node]:
        driver: Driver = wave(READY)
        [server] = driver.servers("app")
        quiesce = {
            "commands": ["stop"],
            "undoCommands": ["start"],
            "timeoutMinutes": 0.5,
            "documentName": "AWS-RunShellScript",
            "instanceIds": {server: node_id_of(server)},
        }
        driver.change_conf(quiesce=quiesce)
        driver.ready()
        return driver, nodes_of(driver.box.account_id, driver.box.region)[node_id_of(server)]

    return make


def ran(node: Node) -> list[str]:
    return [command for commands in node.ran for command in commands]


def fail(driver: Driver, app: str) -> None:
    driver.box.client.add_fault("launchFailure", times=1, serverIds=driver.servers(app))
    with pytest.raises(StepFailedError):
        driver.step("cutover", app)


def test_a_rollback_starts_the_source_and_ends_what_was_approved(quiet: Any) -> None:
    driver, node = quiet()
    driver.step("quiesce", "app")
    fail(driver, "app")
    driver.roll_back("app")
    assert ran(node) == ["stop", "start"]
    for step in ("cutover", "quiesce"):
        with pytest.raises(ApprovalVoidError, match="ended it"):
            driver.step(step, "app")
    driver.step("go_no_go")
    with pytest.raises(NotQuiescedError, match="STARTED") as shut:
        driver.step("cutover", "app")
    assert "Clear quiesce with downstream" in str(shut.value)
    driver.assert_jobs("START_CUTOVER", "app", 1)
    assert driver.records("app")[0].error_code is None
    driver.cutover("app")
    assert ran(node) == ["stop", "start", "stop"]
    assert driver.phases("app") == {"CUTOVER_VERIFIED"}


@pytest.mark.parametrize("changed", [{"state": "STOP_FAILED"}, {"state": "STOPPING"}, {"runId": "another run"}, None])
def test_the_source_must_have_been_stopped_by_this_run(quiet: Any, changed: dict[str, Any] | None) -> None:
    driver, _ = quiet()
    if changed is not None:
        driver.step("quiesce", "app")
        [old] = driver.records("app")
        facts = {**old.facts, "quiesce": {**old.facts["quiesce"], **changed}}
        driver.services.ledger.write([old], [old.to(old.phase, facts=facts)], "by hand", holder=driver.services.holder)
    with pytest.raises(NotQuiescedError):
        driver.step("cutover", "app")
    driver.assert_jobs("START_CUTOVER", "app", 0)


def test_a_failed_launch_is_repeated_with_the_source_still_stopped(quiet: Any) -> None:
    driver, node = quiet()
    driver.step("quiesce", "app")
    fail(driver, "app")
    driver.step("cutover", "app")
    assert ran(node) == ["stop"]


def test_a_second_run_can_stop_the_source_of_a_cutover_that_failed(quiet: Any) -> None:
    driver, node = quiet()
    driver.step("quiesce", "app")
    fail(driver, "app")
    [old] = driver.records("app")
    facts = {**old.facts, "quiesce": {**old.facts["quiesce"], "runId": "the first run"}}
    driver.services.ledger.write([old], [old.to(old.phase, facts=facts)], "by hand", holder=driver.services.holder)
    with pytest.raises(NotQuiescedError):
        driver.step("cutover", "app")
    driver.cutover("app")
    assert ran(node) == ["stop", "stop"]


def test_a_dependency_that_was_rolled_back_since_keeps_the_launch_shut(wave: Any) -> None:
    driver: Driver = wave(DB, WEB)
    driver.ready()
    driver.cutover("db")
    driver.step("wait_for_dependencies", "web")
    fail(driver, "web")
    driver.roll_back("db")
    with pytest.raises(DependencyNotCutOverError, match="db is ROLLED_BACK"):
        driver.step("cutover", "web")
    driver.assert_jobs("START_CUTOVER", "web", 1)
    assert driver.phases("web") == {"CUTTING_OVER"}


def test_a_dependency_that_stopped_in_its_finalize_is_cut_over(wave: Any, box: Any) -> None:
    driver: Driver = wave(DB | {"servers": 2}, WEB)
    driver.ready()
    driver.cutover("db")
    driver.step("soak")
    bad = driver.servers("db")[0]
    box.client.add_fault("accessDenied", service="mgn", operation="FinalizeCutover", serverIds=[bad], times=1)
    for step in ("finalize", "close"):
        with pytest.raises(StepFailedError):
            driver.step(step, "db")
    assert driver.phases("db") == {"FINALIZED", "FROZEN"}
    driver.cutover("web")
    sheet = driver.step("go_no_go")
    assert sheet["ready"] == ["web"]
    assert "is held in phase FINALIZING" in sheet["excluded"]["db"]


def sheet_of(driver: Driver, app: str) -> str:
    conf = parse_rollback_conf({"reason": "broken", "wave": driver.plan.wave, "applications": [app]})
    records = select_records(driver.services, conf)
    text, _ = rollback_sheet(driver.services, rollback_plan(driver.services, conf, records), records, "broken")
    return text


def test_the_rollback_sheet_names_the_dependants_that_are_cut_over(wave: Any) -> None:
    driver: Driver = wave(DB, WEB, READY | {"appName": "shop", "dependsOn": ["web"]}, READY)
    driver.ready()
    for name in ("db", "web", "app"):
        driver.cutover(name)
    text = sheet_of(driver, "db")
    assert "| `web` | `db` |" in text
    assert "`shop`" not in text
    assert "`app`" not in text
    driver.cutover("shop")
    assert "| `shop` | `db` |" in sheet_of(driver, "db")
    assert "depends on what is rolled back" not in sheet_of(driver, "app")


def test_an_older_ledger_does_not_say_what_depends_on_it(wave: Any) -> None:
    driver: Driver = wave(DB, WEB)
    driver.ready()
    driver.cutover("db")
    driver.cutover("web")
    [old] = driver.records("web")
    facts = {name: fact for name, fact in old.facts.items() if name != "dependsOn"}
    driver.services.ledger.write([old], [old.to(old.phase, facts=facts)], "older", holder=driver.services.holder)
    assert "does not say what they depend on: `web`" in sheet_of(driver, "db")


def test_what_was_stopped_the_ledger_does_not_say_where_may_be_cut_over(wave: Any) -> None:
    driver: Driver = wave(DB, WEB)
    driver.ready()
    driver.cutover("db")
    driver.cutover("web")
    [old] = driver.records("web")
    stopped = old.to(Phase.FROZEN, error_code="HELD", error_message="kept")
    facts = {name: fact for name, fact in stopped.facts.items() if name != "stoppedIn"}
    driver.services.ledger.write([old], [replace(stopped, facts=facts)], "older", holder=driver.services.holder)
    assert "| `web` | `db` |" in sheet_of(driver, "db")


def test_the_rollback_sheet_says_what_is_past_its_return(wave: Any) -> None:
    driver: Driver = wave(READY)
    driver.whole()
    assert "is finalized, there is no way back" in sheet_of(driver, "app")
