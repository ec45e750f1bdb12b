"""The CMDB and the callback: red and retryable when they fail, told once, and nothing is ever rolled back for them."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
import requests

from include.sandbox.cmf.seed import load, seed_from_estate
from migration_ops.core.errors import MigrationError
from migration_ops.wave.steps.close import GoalMissed
from tests.wave.steps.wave_driver import Driver

READY = {"appName": "app", "state": "READY_FOR_CUTOVER"}
_waves = count(50)


@pytest.fixture
def finalized(wave: Any, box: Any) -> Any:
    """An application that is final, with its server in the CMDB and a callback wanted."""

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
        driver = wave(READY | {"servers": [{"cmdbId": one} for one in ids]}, cmdb={"enabled": True}, callbackUrl=url)
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
    with pytest.raises(GoalMissed):
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
