"""A cutover is good only while the server's one instance is the record's; a person ends a second one, by its id."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from migration_ops.core.errors import StepFailedError, StepTimedOutError
from migration_ops.core.verdict import Verdict
from migration_ops.wave.launching.terminate import SERVER_TAG
from migration_ops.wave.steps.finalize import InstanceBrokenError, InstanceUnknownError
from tests.wave.steps.test_verify import IMPATIENT
from tests.wave.steps.wave_driver import Driver

READY = {"appName": "app", "servers": 1, "state": "READY_FOR_CUTOVER"}


@pytest.fixture
def launched(wave: Any) -> Driver:
    """A cutover that was launched, and not verified yet."""
    driver: Driver = wave(READY)
    driver.register()
    driver.step("test_launch", "app")
    driver.pass_go_no_go()
    driver.step("cutover", "app")
    return driver


@pytest.fixture
def verified(launched: Driver) -> Driver:
    launched.step("cutover_verify", "app")
    return launched


def another(driver: Driver, state: str = "running") -> str:
    """Somebody launches one more with the tag of the server, from the image of a backup for example."""
    ec2 = driver.box.boto("ec2")
    [server] = driver.servers("app")
    [[ours]] = driver.instances("app").values()
    [[about]] = [one["Instances"] for one in ec2.describe_instances(InstanceIds=[ours])["Reservations"]]
    tags = [{"ResourceType": "instance", "Tags": [{"Key": SERVER_TAG, "Value": server}]}]
    made = ec2.run_instances(
        ImageId=about["ImageId"], SubnetId=about["SubnetId"], MinCount=1, MaxCount=1, TagSpecifications=tags
    )
    [instance] = made["Instances"]
    if state == "stopped":
        ec2.stop_instances(InstanceIds=[instance["InstanceId"]])
    if state == "terminated":
        ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    return str(instance["InstanceId"])


def test_what_could_not_be_cleaned_up_is_no_good_cutover(wave: Any, box: Any) -> None:
    driver = wave(READY)
    driver.register()
    driver.step("test_launch", "app")
    driver.pass_go_no_go()
    box.client.add_fault("staleSnapshot", times=1, serverIds=driver.servers("app"))
    with pytest.raises(StepFailedError, match="old snapshot"):
        driver.step("cutover", "app")
    [[old]] = driver.instances("app").values()
    ec2 = box.boto("ec2")
    ec2.modify_instance_attribute(InstanceId=old, DisableApiTermination={"Value": True})
    with pytest.raises(StepFailedError, match=f"CLEANUP_FAIL.*{old}"):
        driver.step("cutover", "app")
    assert driver.phases("app") == {"CUTTING_OVER"}
    assert {record.error_code for record in driver.records("app")} == {"LAUNCH_FAILED"}
    # The way out: it is ended by hand, and the cutover cleared.
    ec2.modify_instance_attribute(InstanceId=old, DisableApiTermination={"Value": False})
    ec2.terminate_instances(InstanceIds=[old])
    driver.step("cutover", "app")
    driver.step("cutover_verify", "app")
    driver.step("soak")
    driver.step("finalize", "app")
    assert driver.phases("app") == {"FINALIZED"}
    assert driver.instances("app") == {driver.servers("app")[0]: [driver.records("app")[0].instance_id]}


@pytest.mark.parametrize("state", ["running", "stopped"])
def test_a_second_instance_is_not_verified_until_a_person_ended_it(launched: Driver, state: str) -> None:
    second = another(launched, state)
    with pytest.raises(StepFailedError, match=second) as failure:
        launched.step("cutover_verify", "app")
    assert failure.value.code == "SECOND_INSTANCE"
    assert launched.phases("app") == {"CUTOVER_LAUNCHED"}
    launched.box.boto("ec2").terminate_instances(InstanceIds=[second])
    evidence = launched.step("cutover_verify", "app")["checks"]
    assert [(one["name"], one["verdict"]) for one in evidence] == [("boot", "OK"), ("only instance", "OK")]
    assert launched.phases("app") == {"CUTOVER_VERIFIED"}


def test_one_that_is_terminated_is_in_nobodys_way(launched: Driver) -> None:
    another(launched, "terminated")
    launched.step("cutover_verify", "app")
    assert launched.phases("app") == {"CUTOVER_VERIFIED"}


def test_a_second_instance_in_the_soak_is_off_the_sheet_until_a_person_ended_it(verified: Driver) -> None:
    second = another(verified)
    sheet = verified.step("soak")
    assert sheet["ready"] == []
    assert second in sheet["excluded"]["app"]
    assert {record.error_code for record in verified.records("app")} == {"INSTANCE_BROKEN"}
    verified.box.boto("ec2").terminate_instances(InstanceIds=[second])
    assert verified.step("soak")["ready"] == ["app"]
    verified.step("finalize", "app")
    assert verified.phases("app") == {"FINALIZED"}


def test_a_second_instance_after_the_sheet_is_not_finalized(verified: Driver) -> None:
    verified.step("soak")
    second = another(verified)
    with pytest.raises(InstanceBrokenError, match=second) as failure:
        verified.step("finalize", "app")
    assert type(failure.value) is InstanceBrokenError
    assert verified.phases("app") == {"CUTOVER_VERIFIED"}
    assert verified.states("app") == {"CUTTING_OVER"}
    verified.box.boto("ec2").terminate_instances(InstanceIds=[second])
    assert verified.step("soak")["ready"] == ["app"]
    verified.step("finalize", "app")
    assert verified.phases("app") == {"FINALIZED"}


def refuse(driver: Driver) -> None:
    driver.box.client.add_fault("accessDenied", service="ec2", operation="DescribeInstances")


def test_when_ec2_cannot_say_it_is_not_verified(launched: Driver) -> None:
    refuse(launched)
    impatient = replace(launched, services=replace(launched.services, settings=IMPATIENT))
    with pytest.raises(StepTimedOutError, match="only instance"):
        impatient.step("cutover_verify", "app")
    assert launched.phases("app") == {"CUTOVER_LAUNCHED"}


def test_when_ec2_cannot_say_it_is_neither_on_the_sheet_nor_finalized(verified: Driver) -> None:
    verified.step("soak")
    refuse(verified)
    with pytest.raises(InstanceUnknownError):
        verified.step("finalize", "app")
    sheet = verified.step("soak")
    assert sheet["ready"] == []
    assert {record.error_code for record in verified.records("app")} == {"INSTANCE_UNKNOWN"}
    assert Verdict.UNKNOWN.value in sheet["markdown"] or "not authorized" in sheet["excluded"]["app"]
