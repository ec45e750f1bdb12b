"""Jobs: their course, what they do in EC2, their log, and their quotas."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from include.sandbox.mgn.account import Quotas


def _events(mgn: Any, job: dict[str, Any], server_id: str | None = None) -> list[str]:
    items = mgn.describe_job_log_items(jobID=job["jobID"])["items"]
    return [one["event"] for one in items if server_id in (None, one["eventData"].get("sourceServerID"))]


def _instance(box: Any, instance_id: str) -> dict[str, Any]:
    return box.boto("ec2").describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]


def _checks(box: Any, instance_id: str) -> tuple[str, str]:
    answer = box.boto("ec2").describe_instance_status(InstanceIds=[instance_id], IncludeAllInstances=True)
    status = answer["InstanceStatuses"][0]
    return status["SystemStatus"]["Status"], status["InstanceStatus"]["Status"]


def test_a_launch_from_call_to_booted(mgn_box: Any, mgn: Any, seed: Any, look: Any) -> None:
    server_id = seed(hostname="web-07", tags={"team": "blue"})
    job = mgn.start_test(sourceServerIDs=[server_id])["job"]
    assert job["participatingServers"] == [{"sourceServerID": server_id, "launchStatus": "PENDING"}]

    mgn_box.client.advance(20)
    job = mgn.describe_jobs(filters={"jobIDs": [job["jobID"]]})["items"][0]
    assert (job["status"], job["participatingServers"][0]["launchStatus"]) == ("STARTED", "IN_PROGRESS")
    assert "launchedEc2InstanceID" not in job["participatingServers"][0]
    assert "endDateTime" not in job

    while job["status"] != "COMPLETED":
        mgn_box.client.advance(5)
        job = mgn.describe_jobs(filters={"jobIDs": [job["jobID"]]})["items"][0]
    assert job["participatingServers"][0]["launchStatus"] == "LAUNCHED"
    assert datetime.fromisoformat(job["creationDateTime"]) < datetime.fromisoformat(job["endDateTime"])
    instance_id = job["participatingServers"][0]["launchedEc2InstanceID"]
    launched = look(server_id)["launchedInstance"]
    assert launched == {"ec2InstanceID": instance_id, "jobID": job["jobID"], "firstBoot": "WAITING"}
    assert _checks(mgn_box, instance_id) == ("initializing", "initializing")

    mgn_box.client.advance(200)
    assert look(server_id)["launchedInstance"]["firstBoot"] == "SUCCEEDED"
    assert _checks(mgn_box, instance_id) == ("ok", "ok")
    # The state stays until someone changes it.
    assert look(server_id)["lifeCycle"]["state"] == "TESTING"

    instance = _instance(mgn_box, instance_id)
    assert instance["SubnetId"] == mgn_box.mgn.network.subnet_id
    assert {tag["Key"]: tag["Value"] for tag in instance["Tags"]} == {
        "Name": "web-07",
        "team": "blue",
        "AWSApplicationMigrationServiceManaged": "mgn.amazonaws.com",
        "AWSApplicationMigrationServiceSourceServerID": server_id,
        "mgn.amazonaws.com-job": job["jobID"],
        "mgn.amazonaws.com-source-server": server_id,
    }
    assert _events(mgn, job) == [
        "JOB_START",
        "SNAPSHOT_START",
        "SNAPSHOT_END",
        "CONVERSION_START",
        "CONVERSION_END",
        "LAUNCH_START",
        "JOB_END",
    ]


def test_a_relaunch_terminates_the_previous_instance_first(
    mgn_box: Any, mgn: Any, seed: Any, look: Any, finish: Any
) -> None:
    server_id = seed()
    first = finish(mgn.start_test(sourceServerIDs=[server_id])["job"])["participatingServers"][0]
    mgn.change_server_life_cycle_state(sourceServerID=server_id, lifeCycle={"state": "READY_FOR_CUTOVER"})
    job = finish(mgn.start_cutover(sourceServerIDs=[server_id])["job"])
    second = job["participatingServers"][0]
    assert _instance(mgn_box, first["launchedEc2InstanceID"])["State"]["Name"] == "terminated"
    assert _instance(mgn_box, second["launchedEc2InstanceID"])["State"]["Name"] == "running"
    assert look(server_id)["launchedInstance"]["jobID"] == job["jobID"]
    events = _events(mgn, job)
    assert events.index("CLEANUP_END") < events.index("SNAPSHOT_START")


def test_termination_protection_leaves_the_previous_instance(mgn_box: Any, mgn: Any, seed: Any, finish: Any) -> None:
    server_id = seed()
    first = finish(mgn.start_test(sourceServerIDs=[server_id])["job"])["participatingServers"][0]
    instance_id = first["launchedEc2InstanceID"]
    mgn_box.boto("ec2").modify_instance_attribute(InstanceId=instance_id, DisableApiTermination={"Value": True})
    job = finish(mgn.start_test(sourceServerIDs=[server_id])["job"])
    assert "CLEANUP_FAIL" in _events(mgn, job)
    assert job["participatingServers"][0]["launchStatus"] == "LAUNCHED"
    assert _instance(mgn_box, instance_id)["State"]["Name"] == "running"


def test_terminate(mgn_box: Any, mgn: Any, seed: Any, look: Any, finish: Any) -> None:
    server_id = seed(state="READY_FOR_CUTOVER", launched=True)
    instance_id = look(server_id)["launchedInstance"]["ec2InstanceID"]
    job = finish(mgn.terminate_target_instances(sourceServerIDs=[server_id])["job"])
    assert job["participatingServers"][0]["launchStatus"] == "TERMINATED"
    assert _instance(mgn_box, instance_id)["State"]["Name"] == "terminated"
    assert "launchedInstance" not in look(server_id)
    assert _events(mgn, job) == ["JOB_START", "CLEANUP_START", "CLEANUP_END", "JOB_END"]


@pytest.mark.parametrize(
    ("options", "status", "last_event", "state"),
    [
        ({}, "FAILED", "LAUNCH_FAILED", "CUTTING_OVER"),
        ({"at": "conversion"}, "FAILED", "CONVERSION_FAIL", "CUTTING_OVER"),
        ({"at": "skip"}, "PENDING", "SERVER_SKIPPED", "CUTTING_OVER"),
        ({"state": "back"}, "FAILED", "LAUNCH_FAILED", "READY_FOR_CUTOVER"),
    ],
)
def test_one_server_of_a_job_fails_and_the_job_completes(
    mgn_box: Any,
    mgn: Any,
    seed: Any,
    look: Any,
    finish: Any,
    options: dict[str, str],
    status: str,
    last_event: str,
    state: str,
) -> None:
    good, bad = seed(state="READY_FOR_CUTOVER"), seed(state="READY_FOR_CUTOVER")
    mgn_box.client.add_fault("launchFailure", times=1, serverIds=[bad], **options)
    job = finish(mgn.start_cutover(sourceServerIDs=[good, bad])["job"])
    statuses = {one["sourceServerID"]: one["launchStatus"] for one in job["participatingServers"]}
    assert statuses == {good: "LAUNCHED", bad: status}
    assert _events(mgn, job, bad)[-1] == last_event
    assert look(bad)["lifeCycle"]["state"] == state
    assert "launchedInstance" not in look(bad)
    # Once only: the next launch works.
    if state == "CUTTING_OVER":
        mgn.change_server_life_cycle_state(sourceServerID=bad, lifeCycle={"state": "READY_FOR_CUTOVER"})
    again = finish(mgn.start_cutover(sourceServerIDs=[bad])["job"])
    assert again["participatingServers"][0]["launchStatus"] == "LAUNCHED"


@pytest.mark.parametrize(
    "trouble",
    [
        {"lagSeconds": 3600},
        {"lagSeconds": 0, "backloggedBytes": 1},
        {"replicationState": "STALLED", "error": "SNAPSHOTS_FAILURE"},
        {"replicationState": "RESCAN"},
        None,
    ],
)
def test_a_stale_snapshot_launches_with_old_data(
    mgn_box: Any, mgn: Any, seed: Any, finish: Any, trouble: dict[str, Any] | None
) -> None:
    server_id = seed(state="READY_FOR_CUTOVER")
    if trouble is None:
        mgn_box.client.add_fault("staleSnapshot", serverIds=[server_id])
    else:
        mgn_box.client.patch_server(server_id, **trouble)
    job = finish(mgn.start_cutover(sourceServerIDs=[server_id])["job"])
    assert job["participatingServers"][0]["launchStatus"] == "LAUNCHED"
    events = _events(mgn, job)
    assert "USING_PREVIOUS_SNAPSHOT" in events
    assert "SNAPSHOT_END" not in events
    items = mgn.describe_job_log_items(jobID=job["jobID"])["items"]
    text = next(one["eventData"]["rawError"] for one in items if one["event"] == "USING_PREVIOUS_SNAPSHOT")
    assert text.startswith("Could not take up-to-date snapshot. Launching from snapshot taken on 20")


def test_a_boot_that_fails(mgn_box: Any, mgn: Any, seed: Any, look: Any, finish: Any) -> None:
    server_id = seed()
    mgn_box.client.add_fault("bootFailure", serverIds=[server_id], times=1)
    finish(mgn.start_test(sourceServerIDs=[server_id])["job"])
    launched = look(server_id)["launchedInstance"]
    assert launched["firstBoot"] == "UNKNOWN"
    assert _checks(mgn_box, launched["ec2InstanceID"]) == ("ok", "impaired")


def test_launch_disposition_stopped(mgn_box: Any, mgn: Any, seed: Any, look: Any, finish: Any) -> None:
    server_id = seed()
    mgn.update_launch_configuration(sourceServerID=server_id, launchDisposition="STOPPED")
    finish(mgn.start_test(sourceServerIDs=[server_id])["job"])
    launched = look(server_id)["launchedInstance"]
    assert launched["firstBoot"] == "STOPPED"
    assert _instance(mgn_box, launched["ec2InstanceID"])["State"]["Name"] == "stopped"


def test_the_default_version_of_the_launch_template_counts(mgn_box: Any, mgn: Any, seed: Any, finish: Any) -> None:
    ec2, server_id = mgn_box.boto("ec2"), seed()
    template_id = mgn.get_launch_configuration(sourceServerID=server_id)["ec2LaunchTemplateID"]
    network = mgn_box.mgn.network
    for kind, data in (
        ("c5.large", {"NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": network.subnet_id}]}),
        ("c5.xlarge", {}),
    ):
        ec2.create_launch_template_version(
            LaunchTemplateId=template_id, LaunchTemplateData=data | {"InstanceType": kind}
        )
    mgn.update_launch_configuration(sourceServerID=server_id, targetInstanceTypeRightSizingMethod="NONE")

    ec2.modify_launch_template(LaunchTemplateId=template_id, DefaultVersion="2")
    job = finish(mgn.start_test(sourceServerIDs=[server_id])["job"])
    instance = _instance(mgn_box, job["participatingServers"][0]["launchedEc2InstanceID"])
    assert instance["InstanceType"] == "c5.large"

    # Version 3 names no subnet, and there is no default VPC.
    ec2.modify_launch_template(LaunchTemplateId=template_id, DefaultVersion="3")
    job = finish(mgn.start_test(sourceServerIDs=[server_id])["job"])
    assert job["participatingServers"][0]["launchStatus"] == "FAILED"
    items = mgn.describe_job_log_items(jobID=job["jobID"])["items"]
    assert "VPCIdNotSpecified" in next(one for one in items if one["event"] == "LAUNCH_FAILED")["eventData"]["rawError"]


def test_describe_jobs_is_latest_first_and_filters(mgn_box: Any, mgn: Any, seed: Any, finish: Any) -> None:
    first = finish(mgn.start_test(sourceServerIDs=[seed()])["job"])
    second = finish(mgn.start_test(sourceServerIDs=[seed()])["job"])
    ids = [first["jobID"], second["jobID"], "mgnjob-ffffffffffffffff0"]
    found = mgn.describe_jobs(filters={"jobIDs": ids})["items"]
    assert [one["jobID"] for one in found] == [second["jobID"], first["jobID"]]
    created = datetime.fromisoformat(second["creationDateTime"])
    since = created.strftime("%Y-%m-%dT%H:%M:%SZ")
    later = mgn.describe_jobs(filters={"fromDate": since})["items"]
    assert [one["jobID"] for one in later] == [second["jobID"]]
    assert mgn.describe_jobs(filters={"jobIDs": ids, "toDate": since})["items"][-1]["jobID"] == first["jobID"]


def test_a_received_date_is_not_a_valid_filter(mgn: Any, seed: Any, finish: Any, refusal: Any) -> None:
    job = finish(mgn.start_test(sourceServerIDs=[seed()])["job"])
    error = refusal(mgn.describe_jobs, filters={"fromDate": job["creationDateTime"]})
    assert error.response["Error"]["Code"] == "ValidationException"


def test_an_active_job_is_not_deleted(mgn: Any, seed: Any, finish: Any, refusal: Any) -> None:
    job = mgn.start_test(sourceServerIDs=[seed()])["job"]
    assert refusal(mgn.delete_job, jobID=job["jobID"]).response["Error"]["Code"] == "ConflictException"
    finish(job)
    mgn.delete_job(jobID=job["jobID"])
    assert refusal(mgn.delete_job, jobID=job["jobID"]).response["Error"]["Code"] == "ResourceNotFoundException"
    error = refusal(mgn.describe_job_log_items, jobID=job["jobID"])
    assert error.response["Error"]["Code"] == "ValidationException"


def test_twenty_active_jobs(mgn: Any, mgn_box: Any, refusal: Any) -> None:
    ids = mgn_box.client.add_estate({"applications": [{"appName": "twenty", "servers": 21}]})["serverIds"]
    for server_id in ids[:20]:
        mgn.start_test(sourceServerIDs=[server_id])
    error = refusal(mgn.start_test, sourceServerIDs=[ids[20]])
    assert error.response["Error"]["Code"] == "ServiceQuotaExceededException"
    assert error.response["quotaValue"] == 20
    mgn_box.client.set_quotas(job_quota_error="ConflictException")
    try:
        error = refusal(mgn.start_test, sourceServerIDs=[ids[20]])
        assert error.response["Error"]["Code"] == "ConflictException"
    finally:
        mgn_box.client.set_quotas(job_quota_error="ServiceQuotaExceededException")
    # Completed jobs do not count.
    mgn_box.client.advance(900)
    assert mgn.start_test(sourceServerIDs=[ids[20]])["job"]["status"] == "PENDING"


def test_two_hundred_servers_in_all_active_jobs(mgn: Any, mgn_box: Any, refusal: Any, seed: Any) -> None:
    mgn_box.client.set_quotas(servers_in_active_jobs=5)
    try:
        ids = [seed() for _ in range(6)]
        mgn.start_test(sourceServerIDs=ids[:3])
        error = refusal(mgn.start_test, sourceServerIDs=ids[3:])
        assert error.response["Error"]["Code"] == "ServiceQuotaExceededException"
        mgn.start_test(sourceServerIDs=ids[3:5])
    finally:
        mgn_box.client.set_quotas(servers_in_active_jobs=200)


def test_the_quotas_are_those_of_the_reference() -> None:
    quotas = Quotas()
    assert (quotas.active_jobs, quotas.servers_in_active_jobs) == (20, 200)
    assert (quotas.replicating_servers, quotas.servers_per_application) == (150, 200)
    assert (quotas.active_waves, quotas.active_applications, quotas.applications_per_wave) == (200, 200, 1_000)


@pytest.mark.parametrize(
    "ids", [[], ["s-" + "0" * 17] * 201, ["s-short"], ["s-00000000000000001", "s-00000000000000001"]]
)
def test_lists_out_of_bounds(mgn_box: Any, ids: list[str], refusal: Any) -> None:
    # parameter_validation off: the service must refuse by itself.
    client = mgn_box.boto("mgn", parameter_validation=False, retries={"total_max_attempts": 1})
    error = refusal(client.start_cutover, sourceServerIDs=ids)
    assert error.response["Error"]["Code"] == "ValidationException"
    assert error.response["reason"] == "fieldValidationFailed"
