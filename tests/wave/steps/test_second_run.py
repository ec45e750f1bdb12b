"""A wave of which a part is finalized is run again with the same conf: what is finalized stays as it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from migration_ops.core.errors import BlockedError, InvalidInputError, MigrationError
from migration_ops.core.states import Phase
from migration_ops.core.verdict import Verdict
from migration_ops.ledger.protocol import Holder
from migration_ops.wave.conf.model import parse_conf
from migration_ops.wave.plan.make import make_plan
from migration_ops.wave.plan.plan import build_plan
from migration_ops.wave.preflight import preflight, register
from migration_ops.wave.steps.close import GoalMissedError
from tests.wave.steps.wave_driver import Driver

APPS = ({"appName": "a", "state": "READY_FOR_CUTOVER"}, {"appName": "b", "dependsOn": ["a"], "impact": "low"})


@pytest.fixture
def first(wave: Any) -> Driver:
    """``a`` is finalized, ``b`` ends FROZEN; then the run ends."""
    driver: Driver = wave({**APPS[0], "servers": 1}, {**APPS[1], "servers": 1})
    driver.ready()
    driver.cutover("a")
    driver.step("soak")
    driver.finish("a")
    with pytest.raises(GoalMissedError):
        driver.step("close", "b")
    assert driver.phases("a") == {"FINALIZED"}
    return driver


def again(driver: Driver) -> Driver:
    services = driver.services
    holder = Holder("migration_wave", "run-again", driver.plan.wave)
    return replace(driver, services=replace(services, holder=holder, run_ended=lambda _: True), results={})


def bad(driver: Driver) -> list[Any]:
    return [one for one in preflight(driver.services, driver.plan) if one.verdict is not Verdict.OK]


def test_a_second_run_passes_preflight_and_goes_on_to_its_end(first: Driver) -> None:
    before = first.records("a")
    second = again(first)
    second.start()
    assert second.records("a") == before
    assert second.phases("b") == {"PLANNED"}
    for app in ("a", "b"):
        second.test(app)
    sheet = second.step("go_no_go")
    assert "b" in sheet["ready"], sheet
    for app in ("a", "b"):
        second.cutover(app)
    second.step("soak")
    for app in ("a", "b"):
        second.finish(app)
    assert second.phases("b") == {"FINALIZED"}
    second.assert_jobs("START_CUTOVER", "a", 1)
    second.assert_jobs("START_CUTOVER", "b", 1)


def test_preflight_of_the_same_run_cleared_passes(first: Driver) -> None:
    assert bad(first) == []
    register(first.services, first.plan)
    assert first.phases("a") == {"FINALIZED"}


def test_what_was_archived_or_removed_since_passes(first: Driver, box: Any) -> None:
    mgn = first.services.mgn
    gone = first.servers("a")

    class WithoutIt:
        def __getattr__(self, name: str) -> Any:
            return getattr(mgn, name)

        def describe_servers(self, ids: list[str]) -> Any:
            return {one: view for one, view in mgn.describe_servers(ids).items() if one not in gone}

    second = again(first)
    assert bad(replace(second, services=replace(second.services, mgn=WithoutIt()))) == []
    box.boto("mgn").mark_as_archived(sourceServerID=gone[0])
    assert bad(second) == []


def test_a_wave_that_is_finalized_altogether_passes(wave: Any) -> None:
    driver: Driver = wave()
    driver.whole()
    second = again(driver)
    second.start()
    assert second.phases("app") == {"FINALIZED"}


@pytest.fixture
def of_mgn(wave: Any, box: Any) -> Any:
    """A wave whose two applications are read from MGN: the driver, the conf, what MGN has."""

    def make() -> tuple[Driver, Any, dict[str, Any]]:
        number = next(_numbers)
        names = (f"done-{number}", f"left-{number}")
        applications = [{"appName": name, "servers": 1, "state": "READY_FOR_CUTOVER"} for name in names]
        listed = box.client.add_estate({"wave": f"archived-{number}", "applications": applications})
        driver: Driver = wave(testLaunch=False)
        document = {"wave": driver.plan.wave, "mgnWaveId": listed["mgnWaveId"], "dryRun": False, "testLaunch": False}
        conf = parse_conf(document | {"cmdb": {"enabled": False}}, now=datetime.now(UTC))
        return replace(driver, plan=make_plan(driver.services, conf)), conf, listed

    return make


_numbers = count(1)


def done_and_left(driver: Driver) -> list[str]:
    return sorted(one.app_name for one in driver.plan.applications)


def finalize(driver: Driver, *apps: str) -> None:
    driver.start()
    for app in done_and_left(driver):
        driver.test(app)
    driver.step("go_no_go")
    for app in apps:
        driver.cutover(app)
    driver.step("soak")
    for app in apps:
        driver.finish(app)


def archive(driver: Driver, *apps: str) -> None:
    for app in apps:
        for server in driver.servers(app):
            driver.box.boto("mgn").mark_as_archived(sourceServerID=server)


def test_an_application_of_mgn_that_is_finalized_and_archived_stays_in_the_plan(of_mgn: Any) -> None:
    driver, conf, _ = of_mgn()
    done, _ = done_and_left(driver)
    finalize(driver, done)
    archive(driver, done)
    plan = make_plan(driver.services, conf)
    assert plan.plan_hash == driver.plan.plan_hash
    second = again(replace(driver, plan=plan))
    second.start()
    assert (second.phases(done), bad(second)) == ({"FINALIZED"}, [])


def test_a_wave_of_mgn_whose_applications_are_all_archived_passes(of_mgn: Any) -> None:
    driver, conf, listed = of_mgn()
    finalize(driver, *done_and_left(driver))
    archive(driver, *done_and_left(driver))
    for one in listed["applicationIds"].values():
        driver.box.boto("mgn").archive_application(applicationID=one)
    plan = make_plan(driver.services, conf)
    assert plan.plan_hash == driver.plan.plan_hash
    again(replace(driver, plan=plan)).start()


def test_what_was_archived_without_being_finalized_by_this_wave_is_refused(of_mgn: Any) -> None:
    driver, conf, _ = of_mgn()
    done, _ = done_and_left(driver)
    finalize(driver, done)
    archive(driver, done)
    with pytest.raises(InvalidInputError, match="have no servers"):
        make_plan(driver.services, conf.model_copy(update={"wave": "another"}))


def test_archived_servers_that_the_ledger_cannot_say_anything_of_are_not_planned(of_mgn: Any, box: Any) -> None:
    driver, conf, _ = of_mgn()
    done, _ = done_and_left(driver)
    finalize(driver, done)
    archive(driver, done)
    box.client.add_fault("accessDenied", service="dynamodb", operation="BatchGetItem")
    with pytest.raises(MigrationError, match="ACCESS_DENIED"):
        make_plan(driver.services, conf)


def test_finalized_by_another_wave_is_not_ours(first: Driver) -> None:
    other = replace(first.plan, wave="another")
    found = {one.name for one in bad(replace(again(first), plan=other)) if one.subject in first.servers("a")}
    assert found >= {"lifecycle", "replication"}
    with pytest.raises(MigrationError):
        register(again(first).services, other)


def test_a_finalized_record_of_another_server_is_refused(first: Driver) -> None:
    app = first.plan.application("a")
    server = replace(app.servers[0], migration_id=first.plan.application("b").servers[0].migration_id)
    plan = replace(first.plan, applications=(replace(app, servers=(server,)),))
    with pytest.raises(BlockedError):
        register(again(first).services, plan)


@pytest.mark.parametrize("state", ["READY_FOR_TEST", "CUTTING_OVER"])
def test_what_mgn_shows_otherwise_is_not_called_finalized(first: Driver, state: str) -> None:
    mgn = first.services.mgn

    class Otherwise:
        def __getattr__(self, name: str) -> Any:
            return getattr(mgn, name)

        def describe_servers(self, ids: list[str]) -> Any:
            return {one: replace(view, lifecycle_state=state) for one, view in mgn.describe_servers(ids).items()}

    second = again(first)
    found = bad(replace(second, services=replace(second.services, mgn=Otherwise())))
    assert (first.servers("a")[0], Verdict.BLOCKED) in {(one.subject, one.verdict) for one in found}


def test_without_the_ledger_nothing_is_called_finalized(first: Driver, box: Any) -> None:
    box.client.add_fault("accessDenied", service="dynamodb", operation="BatchGetItem")
    verdicts = {one.verdict for one in bad(again(first))}
    box.faults.remove()
    assert Verdict.UNKNOWN in verdicts
    assert first.records("a")[0].phase is Phase.FINALIZED


def with_approvers(driver: Driver, *users: str) -> Driver:
    document = driver.plan.conf.as_document() | {"approvals": {"approvers": list(users)}}
    return replace(again(driver), plan=build_plan(parse_conf(document, now=datetime.now(UTC))))


@pytest.fixture
def cut_over(wave: Any) -> Driver:
    """Registered with alice and bob; the run ended after its cutover."""
    driver: Driver = wave({**APPS[0], "servers": 1}, approvals={"approvers": ["alice", "bob"]})
    driver.ready()
    driver.cutover("a")
    return driver


@pytest.mark.parametrize("users", [[], ["mallory"], ["alice", "mallory"]])
def test_a_new_run_cannot_have_other_approvers_of_what_is_cut_over(cut_over: Driver, users: list[str]) -> None:
    second = with_approvers(cut_over, *users)
    [found] = bad(second)
    assert (found.name, found.verdict) == ("approvers", Verdict.BLOCKED)
    with pytest.raises(BlockedError, match="registered with alice, bob"):
        register(second.services, second.plan)
    assert cut_over.records("a")[0].facts["registered"]["approvers"] == ["alice", "bob"]


def test_a_new_run_can_name_fewer_of_them(cut_over: Driver) -> None:
    second = with_approvers(cut_over, "bob")
    assert bad(second) == []
    register(second.services, second.plan)
    [record] = second.records("a")
    assert record.facts["registered"]["approvers"] == ["bob"]
    [line] = [one for one in second.services.ledger.history(record.migration_id) if one.event == "registered"][1:]
    assert line.detail["approversBefore"] == ["alice", "bob"]


def test_before_the_cutover_wrong_approvers_can_be_corrected(wave: Any) -> None:
    driver: Driver = wave({**APPS[0], "servers": 1}, approvals={"approvers": ["allice"]})
    driver.ready()
    second = with_approvers(driver, "alice")
    assert bad(second) == []
    register(second.services, second.plan)


def test_an_administrator_can_name_others(cut_over: Driver) -> None:
    second = with_approvers(cut_over, "zoe")
    services = second.services
    allowed = replace(services, settings=replace(services.settings, approvers="zoe"))
    assert bad(replace(second, services=allowed)) == []
