"""What breaks after its cutover was verified is noted, ends FROZEN, and is not told the CMDB as well."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ClientError

from include.sandbox.cmf.seed import load, seed_from_estate
from migration_ops.aws.mgn.hook import classified
from migration_ops.core.errors import MigrationError, StepFailedError
from migration_ops.wave.services import StepSkipped
from migration_ops.wave.steps.close import GoalMissedError
from tests.wave.steps.wave_driver import Driver

_waves = count(700)
PASSED = ("2/2 status checks : Passed", "Healthy")


def terminated(driver: Driver) -> None:
    [[instance]] = driver.instances("app").values()
    driver.box.boto("ec2").terminate_instances(InstanceIds=[instance])


def impaired(driver: Driver) -> None:
    driver.box.client.patch_server(driver.servers("app")[0], bootFailure=True)


@pytest.fixture
def verified(wave: Any, box: Any) -> Any:
    """Cut over and verified, with its server in the CMDB; ``events`` are what operators and on-call hear."""

    def make(**conf: Any) -> tuple[Driver, list[tuple[str, str]]]:
        number = next(_waves)
        seed = seed_from_estate(
            f"w-{number}",
            [(f"app-{number}", [f"host-{number}"])],
            wave_id=str(number),
            first_app_id=number * 100,
            first_server_id=number * 100,
        )
        events: list[tuple[str, str]] = []

        def emit(*, event: str, record: Any, **_: Any) -> None:
            events.append((event, record.phase.value))

        server = {"cmdbId": str(number * 100), "state": "READY_FOR_CUTOVER"}
        wanted = {"cmdb": {"enabled": True}} | conf
        driver: Driver = wave({"appName": "app", "servers": [server]}, services={"emit": emit}, **wanted)
        driver.results["cmdbId"] = server["cmdbId"]
        # The record is the server's own: it has its name.
        [view] = driver.services.mgn.describe_servers(driver.servers("app")).values()
        for record in seed["servers"]:
            record["server_name"] = view.hostname
        load(box.cmf.store, seed)
        driver.ready()
        driver.cutover("app")
        return driver, events

    return make


def in_cmdb(driver: Driver) -> tuple[str, str]:
    stored = driver.box.cmf.store.get("server", driver.results["cmdbId"])
    return stored.get("migration_status"), stored.get("replication_status")


@pytest.mark.parametrize("breaks", [terminated, impaired])
@pytest.mark.parametrize("finalize", [True, False])
def test_what_the_soak_found_broken_ends_frozen(
    verified: Any, breaks: Callable[[Driver], None], finalize: bool
) -> None:
    driver, events = verified(finalize=finalize)
    breaks(driver)
    assert driver.step("soak")["ready"] == []
    [record] = driver.records("app")
    assert (record.phase, record.error_code) == ("CUTOVER_VERIFIED", "INSTANCE_BROKEN")
    with pytest.raises(StepSkipped):
        driver.step("finalize", "app")
    driver.step("update_cmdb", "app")
    assert in_cmdb(driver)[0] == "Needs attention"
    with pytest.raises(GoalMissedError):
        driver.step("close", "app")
    assert driver.phases("app") == {"FROZEN"}
    assert ("closed", "FROZEN") in events


@pytest.mark.parametrize("breaks", [terminated, impaired])
def test_what_finalize_found_broken_ends_frozen(verified: Any, breaks: Callable[[Driver], None]) -> None:
    driver, events = verified()
    driver.step("soak")
    breaks(driver)
    with pytest.raises(StepFailedError, match="nothing was finalized"):
        driver.step("finalize", "app")
    with pytest.raises(GoalMissedError):
        driver.step("close", "app")
    assert driver.phases("app") == {"FROZEN"}
    assert ("closed", "FROZEN") in events


def test_what_breaks_after_the_soak_is_seen_by_whoever_tells_the_cmdb(verified: Any) -> None:
    driver, _ = verified(finalize=False)
    driver.step("soak")
    impaired(driver)
    driver.step("update_cmdb", "app")
    assert in_cmdb(driver)[0] == "Needs attention"
    with pytest.raises(GoalMissedError):
        driver.step("close", "app")
    assert driver.phases("app") == {"FROZEN"}


def test_an_instance_that_cannot_be_read_is_not_told_as_healthy(verified: Any, box: Any) -> None:
    driver, _ = verified(finalize=False)
    driver.step("soak")
    box.client.add_fault("accessDenied", service="ec2", operation="DescribeInstanceStatus")
    driver.step("update_cmdb", "app")
    assert in_cmdb(driver)[0] == "Cutover verified; its present state could not be read"
    assert driver.phases("app") == {"CUTOVER_VERIFIED"}


def test_an_instance_that_cannot_be_read_is_no_goal_reached(verified: Any, box: Any) -> None:
    """With ``finalize: false`` the verified instance is the goal: a close that cannot see it is not green."""
    driver, _ = verified(finalize=False)
    driver.step("soak")
    box.client.add_fault("accessDenied", service="ec2", operation="DescribeInstanceStatus")
    with pytest.raises(GoalMissedError):
        driver.step("close", "app")
    assert driver.phases("app") == {"CUTOVER_VERIFIED"}
    box.faults.remove()
    driver.step("close", "app")


def test_after_a_rejected_finalize_the_status_is_true_and_stays(verified: Any) -> None:
    driver, _ = verified()
    driver.step("soak")
    driver.step("update_cmdb", "app")
    assert in_cmdb(driver) == PASSED
    with pytest.raises(GoalMissedError):
        driver.step("close", "app")
    assert driver.phases("app") == {"CUTOVER_VERIFIED"}
    assert driver.records("app")[0].error_code is None


@pytest.mark.parametrize(("code", "left"), [("AccessDeniedException", 0), ("ThrottlingException", 1)])
def test_a_close_that_cannot_settle_frees_its_locks_unless_it_is_tried_again(
    verified: Any, monkeypatch: pytest.MonkeyPatch, code: str, left: int
) -> None:
    driver, _ = verified()

    def refuse(*_: Any) -> Any:
        with classified(mutating=False):
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, "GetItem")

    monkeypatch.setattr("migration_ops.wave.steps.close.records_of", refuse)
    with pytest.raises(MigrationError) as caught:
        driver.step("close", "app")
    assert caught.value.retryable is bool(left)
    assert len(driver.services.ledger.locks(driver.servers("app"))) == left


@pytest.mark.parametrize("is_closed", [False, True])
def test_mended_it_goes_on_with_a_new_sheet(verified: Any, box: Any, is_closed: bool) -> None:
    driver, _ = verified()
    impaired(driver)
    driver.step("soak")
    if is_closed:
        with pytest.raises(GoalMissedError):
            driver.step("close", "app")
    box.client.patch_server(driver.servers("app")[0], bootFailure=False)
    sheet = driver.step("soak")
    assert sheet["ready"] == ["app"]
    assert "INSTANCE_BROKEN" in sheet["markdown"].replace("\\", "")
    driver.finish("app")
    assert driver.phases("app") == {"FINALIZED"}
