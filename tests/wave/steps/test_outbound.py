"""The CMDB and the callback: red and retryable when they fail, told once, and nothing is ever rolled back for them."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import Any

import pytest
import requests

from include.sandbox.cmf.seed import load, seed_from_estate
from migration_ops.core.errors import MigrationError
from migration_ops.wave.conf.rollback import parse_rollback_conf
from migration_ops.wave.services import StepSkipped
from migration_ops.wave.steps.close import GoalMissedError
from migration_ops.wave.steps.rollback_request import rollback_plan, select_records
from tests.wave.steps.wave_driver import Driver, WorkerKilled, kill_before, killed

READY = {"appName": "app", "state": "READY_FOR_CUTOVER"}
_waves = count(50)


@pytest.fixture
def finalized(wave: Any, box: Any) -> Any:
    """An application that is final, with its server in the CMDB and a callback wanted.

    The records fit by their wave.
    """

    def make(servers: int = 1, until: str = "finalize") -> Driver:
        number = next(_waves)
        ids = [str(number * 100 + one) for one in range(servers)]
        applications = [(f"app-{number}", [f"host-{one}" for one in ids])]
        load(
            box.cmf.store,
            seed_from_estate(
                f"w-{number}",
                applications,
                wave_id=str(number),
                first_app_id=number * 100,
                first_server_id=number * 100,
            ),
        )
        url = f"{box.endpoints['callback']}/hook-{number}"
        driver = wave(
            READY | {"servers": [{"cmdbId": one} for one in ids]},
            wave=f"w-{number}",
            cmdb={"enabled": True},
            callbackUrl=url,
        )
        driver.results["cmdbIds"], driver.results["url"] = ids, url
        driver.register()
        driver.step("test_launch", "app")
        driver.pass_go_no_go()
        for name in ("cutover", "cutover_verify", "soak", "finalize"):
            driver.step(name, None if name == "soak" else "app")
            if name == until:
                break
        return driver

    yield make
    box.callback.orders.clear()


def deliveries(driver: Driver) -> list[dict[str, Any]]:
    path = "/" + driver.results["url"].rsplit("/", 1)[1]
    return [one for one in driver.box.callback.deliveries if one["path"] == path]


def puts(driver: Driver) -> int:
    return driver.box.client.count("cmf", "PutServer")


def test_a_cmdb_that_is_down_is_red_rolls_nothing_back_and_is_written_once(finalized: Any, box: Any) -> None:
    driver = finalized()
    box.client.reset_calls()
    box.client.add_fault("error503", service="cmf", operation="*")
    with pytest.raises(MigrationError):
        driver.step("update_cmdb", "app")
    assert driver.phases("app") == {"FINALIZED"}
    assert driver.records("app")[0].error_code is None
    box.client.clear_faults()
    before = puts(driver)
    for _ in range(2):
        driver.step("update_cmdb", "app")
    assert puts(driver) == before + 1
    [record] = driver.records("app")
    stored = box.cmf.store.get("server", driver.results["cmdbIds"][0])
    assert (stored["migration_status"], stored["target_instance_id"]) == ("Cutover finalized", record.instance_id)


def test_one_server_that_the_cmdb_refuses_leaves_the_others_written(finalized: Any, box: Any) -> None:
    driver = finalized(servers=2)
    lost, kept = driver.results["cmdbIds"]
    with box.cmf.store._lock:
        del box.cmf.store._items["server"][lost]
    with pytest.raises(MigrationError, match=driver.plan.migration_ids[0]):
        driver.step("update_cmdb", "app")
    assert box.cmf.store.get("server", kept)["migration_status"] == "Cutover finalized"


@pytest.mark.parametrize("end", ["rolled back", "failed"])
def test_the_world_hears_how_it_ended(finalized: Any, box: Any, end: str) -> None:
    driver = finalized(until="cutover")
    if end == "rolled back":
        driver.roll_back("app")
    driver.step("update_cmdb", "app")
    driver.step("send_callback", "app")
    stored = box.cmf.store.get("server", driver.results["cmdbIds"][0])
    [told] = deliveries(driver)
    expected = {"rolled back": ("Rolled back", "ROLLED_BACK"), "failed": ("Needs attention", "FROZEN")}[end]
    assert (stored["migration_status"], told["body"]["status"]) == expected
    with pytest.raises(GoalMissedError):
        driver.step("close", "app")
    assert not driver.services.ledger.locks(driver.servers("app"))


def test_delivered_once_though_cleared(finalized: Any) -> None:
    driver = finalized(servers=2)
    for _ in range(2):
        driver.step("send_callback", "app")
    told = deliveries(driver)
    assert len(told) == 2
    assert all(one["signatureValid"] and one["body"]["status"] == "COMPLETED" for one in told)
    assert {one["body"]["migrationId"] for one in told} == set(driver.plan.migration_ids)


def test_500s_are_tried_again_and_then_red(finalized: Any, box: Any) -> None:
    driver = finalized()
    box.callback.order(status=500, times=2)
    driver.step("send_callback", "app")
    assert [one["status"] for one in deliveries(driver)] == [500, 500, 204]
    assert len({one["webhookId"] for one in deliveries(driver)}) == 1


def test_500s_without_end_are_red_and_delivered_after_clearing(finalized: Any, box: Any) -> None:
    driver = finalized()
    box.callback.order(status=500, times=None)
    with pytest.raises(MigrationError):
        driver.step("send_callback", "app")
    assert driver.phases("app") == {"FINALIZED"}
    requests.delete(f"{box.endpoints['callback']}/_sandbox/callback/answers", timeout=5)
    driver.step("send_callback", "app")
    accepted = [one for one in deliveries(driver) if one["accepted"]]
    assert len(accepted) == 1


def test_410_is_the_last_word(finalized: Any, box: Any) -> None:
    driver = finalized()
    box.callback.order(status=410, times=None)
    with pytest.raises(MigrationError, match="no messages any more"):
        driver.step("send_callback", "app")
    assert len(deliveries(driver)) == 1
    assert driver.phases("app") == {"FINALIZED"}


def test_one_that_fails_leaves_the_others_delivered(finalized: Any, box: Any) -> None:
    driver = finalized(servers=2)
    box.callback.order(status=400, times=1)
    with pytest.raises(MigrationError):
        driver.step("send_callback", "app")
    driver.step("send_callback", "app")
    accepted = [one["body"]["migrationId"] for one in deliveries(driver) if one["accepted"]]
    assert sorted(accepted) == sorted(driver.plan.migration_ids)


def test_nothing_is_sent_where_nothing_is_wanted(wave: Any) -> None:
    driver = wave(cmdb={"enabled": False})
    driver.register()
    assert driver.step("update_cmdb", "app")["passed"] == "cmdb.enabled is false"
    assert driver.step("send_callback", "app")["passed"] == "no callbackUrl in the conf"


def test_what_was_delivered_is_kept_when_a_later_one_is_refused(finalized: Any, box: Any) -> None:
    """One write for all servers, though one of them failed; clearing sends that one alone."""
    driver = finalized(servers=3)
    box.callback.order(status=400, times=1)
    before = box.client.count("dynamodb", "TransactWriteItems")
    with pytest.raises(MigrationError):
        driver.step("send_callback", "app")
    assert box.client.count("dynamodb", "TransactWriteItems") == before + 1
    driver.step("send_callback", "app")
    told = deliveries(driver)
    assert [one["status"] for one in told] == [400, 204, 204, 204]
    assert told[0]["body"]["migrationId"] == told[-1]["body"]["migrationId"]


def test_killed_after_the_cmdb_was_written_it_is_not_written_again(finalized: Any) -> None:
    driver = finalized(servers=2)
    real = driver.services.cmdb()

    class Dying:
        def update(self, update: Any) -> None:
            real.update(update)
            raise WorkerKilled

    before = puts(driver)
    dying = replace(driver, services=replace(driver.services, cmdb=Dying))
    with killed():
        dying.step("update_cmdb", "app")
    driver.step("update_cmdb", "app")
    assert puts(driver) == before + 2


def test_killed_after_it_was_delivered_it_is_sent_again_under_the_same_id(finalized: Any) -> None:
    driver = finalized()
    real = driver.services.callback(driver.results["url"])

    class Dying:
        def send(self, event: Any) -> None:
            real.send(event)
            raise WorkerKilled

    dying = replace(driver, services=replace(driver.services, callback=lambda url: Dying()))
    with killed():
        dying.step("send_callback", "app")
    driver.step("send_callback", "app")
    told = deliveries(driver)
    assert len(told) == 2
    assert len({one["webhookId"] for one in told}) == 1


def test_an_answer_of_the_receiver_that_is_lost_is_sent_again_under_the_same_id(finalized: Any, box: Any) -> None:
    driver = finalized()
    box.callback.order(status=504, times=1)
    driver.step("send_callback", "app")
    assert [one["status"] for one in deliveries(driver)] == [504, 204]
    assert len({one["webhookId"] for one in deliveries(driver)}) == 1


def test_a_lost_answer_of_the_cmdb_is_written_once(finalized: Any, box: Any) -> None:
    driver = finalized()
    before = puts(driver)
    box.client.add_fault("dropAfter", service="cmf", operation="PutServer", times=1)
    driver.retried("update_cmdb", "app")
    stored = box.cmf.store.get("server", driver.results["cmdbIds"][0])
    assert stored["migration_status"] == "Cutover finalized"
    assert puts(driver) == before + 1


def by_request(driver: Driver, run_id: str = "rollback-1") -> Driver:
    """The same migrations in a run of ``migration_rollback``, with the plan that it makes of the ledger."""
    services = replace(
        driver.services, holder=replace(driver.services.holder, dag_id="migration_rollback", run_id=run_id)
    )
    conf = parse_rollback_conf({"wave": driver.plan.wave, "reason": "broken", "dryRun": False})
    driver.services.ledger.release(list(driver.plan.server_ids), driver.services.holder)
    plan = rollback_plan(services, conf, select_records(services, conf))
    return replace(driver, services=services, plan=plan)


TELL = ("update_cmdb_after_rollback", "send_callback_after_rollback")


def heard(driver: Driver) -> tuple[str, list[str]]:
    stored = driver.box.cmf.store.get("server", driver.results["cmdbIds"][0])
    return stored["migration_status"], [one["body"]["status"] for one in deliveries(driver)]


def test_the_world_hears_of_a_rollback_on_request_what_it_hears_after_a_wave(finalized: Any, box: Any) -> None:
    driver = finalized(until="cutover_verify")
    driver.change_conf(finalize=False)
    driver.step("update_cmdb", "app")
    driver.step("send_callback", "app")
    assert heard(driver) == ("2/2 status checks : Passed", ["MIGRATION_IN_PROGRESS"])
    asked = by_request(driver)
    asked.roll_back("app")
    for name in [*TELL, *TELL]:
        asked.step(name, "app")
    assert heard(driver) == ("Rolled back", ["MIGRATION_IN_PROGRESS", "ROLLED_BACK"])
    assert not box.cmf.store.get("server", driver.results["cmdbIds"][0]).get("target_instance_id")


def test_and_of_one_that_could_not_be_finished(finalized: Any, box: Any) -> None:
    driver = finalized(until="cutover_verify")
    asked = by_request(driver)
    [instance] = [one for found in driver.instances("app").values() for one in found]
    box.boto("ec2").modify_instance_attribute(InstanceId=instance, DisableApiTermination={"Value": True})
    with pytest.raises(MigrationError):
        asked.roll_back("app")
    for name in TELL:
        asked.step(name, "app")
    box.boto("ec2").modify_instance_attribute(InstanceId=instance, DisableApiTermination={"Value": False})
    assert heard(driver) == ("Needs attention", ["FROZEN"])


def test_one_that_was_left_half_way_is_frozen_before_it_is_told(finalized: Any) -> None:
    driver = finalized(until="cutover_verify")
    asked = by_request(driver)
    with killed():
        kill_before(asked, "terminate_instances").roll_back("app")
    assert driver.phases("app") == {"ROLLING_BACK"}
    asked.step(TELL[0], "app")
    assert (driver.phases("app"), heard(driver)[0]) == ({"FROZEN"}, "Needs attention")


def test_a_rollback_that_touched_nothing_tells_nothing(finalized: Any) -> None:
    """It was rejected, for example."""
    driver = finalized(until="cutover_verify")
    asked, before = by_request(driver), driver.records("app")
    for name in TELL:
        with pytest.raises(StepSkipped):
            asked.step(name, "app")
    assert (driver.records("app"), deliveries(driver)) == (before, [])


def test_a_second_run_has_no_news_of_what_was_final_before(finalized: Any) -> None:
    driver = finalized()
    driver.step("send_callback", "app")
    later = replace(driver, services=replace(driver.services, holder=replace(driver.services.holder, run_id="later")))
    later.register()
    assert set(later.step("send_callback", "app")["callbacks"].values()) == {"sent before"}
    assert len(deliveries(driver)) == 1


def test_a_record_of_another_server_is_not_written(finalized: Any, box: Any) -> None:
    driver = finalized(servers=2)
    other, _ = driver.results["cmdbIds"]
    app = box.cmf.store.get("server", other)["app_id"]
    wave_id = box.cmf.store.get("app", app)["wave_id"]
    with box.cmf.store._lock:
        box.cmf.store._items["wave"][wave_id]["wave_name"] = "somebody else's"
    before = puts(driver)
    with pytest.raises(MigrationError, match="another server's"):
        driver.step("update_cmdb", "app")
    assert puts(driver) == before
    names = [view.hostname for view in driver.services.mgn.describe_servers(driver.servers("app")).values()]
    with box.cmf.store._lock:
        for cmdb_id, name in zip(driver.results["cmdbIds"], names, strict=True):
            box.cmf.store._items["server"][cmdb_id]["server_name"] = str(name).upper()
    driver.step("update_cmdb", "app")
    assert heard(driver)[0] == "Cutover finalized"
