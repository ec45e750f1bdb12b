"""Every row of the lifecycle tables: what each call needs, yields and refuses."""

from __future__ import annotations

from typing import Any

import pytest

ALL_STATES = (
    "STOPPED",
    "NOT_READY",
    "READY_FOR_TEST",
    "TESTING",
    "READY_FOR_CUTOVER",
    "CUTTING_OVER",
    "CUTOVER",
    "DISCONNECTED",
    "DISCOVERED",
    "PENDING_INSTALLATION",
)
CHANGES = {
    ("TESTING", "READY_FOR_CUTOVER"),
    ("READY_FOR_TEST", "READY_FOR_CUTOVER"),
    ("TESTING", "READY_FOR_TEST"),
    ("READY_FOR_CUTOVER", "READY_FOR_TEST"),
    ("CUTTING_OVER", "READY_FOR_CUTOVER"),
    ("DISCONNECTED", "CUTOVER"),
}
CONNECTED = {"STOPPED", "NOT_READY", "READY_FOR_TEST", "TESTING", "READY_FOR_CUTOVER", "CUTTING_OVER"}


def _state(look: Any, server_id: str) -> str:
    return look(server_id)["lifeCycle"]["state"]


@pytest.mark.parametrize("wanted", ["READY_FOR_TEST", "READY_FOR_CUTOVER", "CUTOVER"])
@pytest.mark.parametrize("state", ALL_STATES)
def test_change_server_life_cycle_state(mgn: Any, seed: Any, look: Any, refusal: Any, state: str, wanted: str) -> None:
    server_id = seed(state=state)
    request = {"sourceServerID": server_id, "lifeCycle": {"state": wanted}}
    if (state, wanted) in CHANGES:
        assert mgn.change_server_life_cycle_state(**request)["lifeCycle"]["state"] == wanted
        assert _state(look, server_id) == wanted
    else:
        assert refusal(mgn.change_server_life_cycle_state, **request).response["Error"]["Code"] == "ConflictException"
        assert _state(look, server_id) == state


@pytest.mark.parametrize(
    ("operation", "accepted", "becomes", "mark", "initiated_by"),
    [
        ("start_test", {"READY_FOR_TEST", "TESTING"}, "TESTING", "lastTest", "START_TEST"),
        ("start_cutover", {"READY_FOR_CUTOVER"}, "CUTTING_OVER", "lastCutover", "START_CUTOVER"),
    ],
)
@pytest.mark.parametrize("state", ALL_STATES)
def test_start(
    mgn: Any,
    seed: Any,
    look: Any,
    refusal: Any,
    state: str,
    operation: str,
    accepted: set[str],
    becomes: str,
    mark: str,
    initiated_by: str,
) -> None:
    server_id = seed(state=state)
    call = getattr(mgn, operation)
    if state not in accepted:
        error = refusal(call, sourceServerIDs=[server_id])
        assert error.response["Error"]["Code"] == "ConflictException"
        assert error.response["errors"][0]["resourceId"] == server_id
        assert _state(look, server_id) == state
        return
    answer = call(sourceServerIDs=[server_id], tags={"run": "1"})
    job = answer["job"]
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert (job["type"], job["initiatedBy"], job["status"]) == ("LAUNCH", initiated_by, "PENDING")
    assert job["tags"] == {"run": "1"}
    # At once, before anything is launched.
    server = look(server_id)
    assert server["lifeCycle"]["state"] == becomes
    assert server["lifeCycle"][mark]["initiated"]["jobID"] == job["jobID"]
    assert "launchedInstance" not in server


def test_a_start_takes_all_servers_or_none(mgn: Any, seed: Any, look: Any, refusal: Any) -> None:
    good, bad = seed(), seed(state="NOT_READY")
    error = refusal(mgn.start_test, sourceServerIDs=[good, bad])
    assert [one["resourceId"] for one in error.response["errors"]] == [bad]
    assert _state(look, good) == "READY_FOR_TEST"


@pytest.mark.parametrize("operation", ["start_test", "start_cutover", "terminate_target_instances"])
def test_an_unknown_id_is_a_validation_error(mgn: Any, refusal: Any, operation: str) -> None:
    error = refusal(getattr(mgn, operation), sourceServerIDs=["s-ffffffffffffffff0"])
    assert error.response["Error"]["Code"] == "ValidationException"
    assert error.response["fieldList"][0]["name"] == "sourceServerIDs"


def test_an_archived_server_is_not_launched(mgn: Any, seed: Any, refusal: Any) -> None:
    error = refusal(mgn.start_test, sourceServerIDs=[seed(isArchived=True)])
    assert error.response["Error"]["Code"] == "ConflictException"


def test_a_stalled_server_with_a_snapshot_is_launchable(mgn: Any, seed: Any) -> None:
    assert mgn.start_test(sourceServerIDs=[seed(replicationState="STALLED")])["job"]["jobID"]


@pytest.mark.parametrize("state", ALL_STATES)
def test_terminate_needs_an_instance_and_a_state_that_allows_it(mgn: Any, seed: Any, refusal: Any, state: str) -> None:
    launched = state in ("TESTING", "READY_FOR_CUTOVER", "CUTTING_OVER", "CUTOVER")
    server_id = seed(state=state, launched=launched)
    if state == "READY_FOR_CUTOVER":
        answer = mgn.terminate_target_instances(sourceServerIDs=[server_id])
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
        assert (answer["job"]["type"], answer["job"]["initiatedBy"]) == ("TERMINATE", "TERMINATE")
    else:
        error = refusal(mgn.terminate_target_instances, sourceServerIDs=[server_id])
        assert error.response["Error"]["Code"] == "ConflictException"


@pytest.mark.parametrize("state", ALL_STATES)
def test_finalize(mgn: Any, seed: Any, look: Any, refusal: Any, state: str) -> None:
    server_id = seed(state=state)
    if state != "CUTTING_OVER":
        error = refusal(mgn.finalize_cutover, sourceServerID=server_id)
        assert error.response["Error"]["Code"] == "ConflictException"
        return
    answer = mgn.finalize_cutover(sourceServerID=server_id)
    assert answer["lifeCycle"]["state"] == "CUTOVER"
    # A real answer right after finalize still showed sizes; the model says zero, and later answers do.
    assert answer["dataReplicationInfo"]["replicatedDisks"][0]["totalStorageBytes"] > 0
    replication = look(server_id)["dataReplicationInfo"]
    assert replication["dataReplicationState"] == "DISCONNECTED"
    assert {"lagDuration", "etaDateTime"}.isdisjoint(replication)
    assert {disk["totalStorageBytes"] for disk in replication["replicatedDisks"]} == {0}


def test_finalize_needs_the_instance_of_the_cutover(mgn: Any, seed: Any, refusal: Any) -> None:
    error = refusal(mgn.finalize_cutover, sourceServerID=seed(state="CUTTING_OVER", launched=False))
    assert error.response["Error"]["Code"] == "ConflictException"


def test_nothing_undoes_finalize(mgn: Any, seed: Any, refusal: Any) -> None:
    server_id = seed(state="CUTTING_OVER")
    mgn.finalize_cutover(sourceServerID=server_id)
    calls = [(mgn.change_server_life_cycle_state, {"lifeCycle": {"state": state}}) for state in ("READY_FOR_CUTOVER",)]
    calls += [(mgn.change_server_life_cycle_state, {"lifeCycle": {"state": "READY_FOR_TEST"}})]
    calls += [(one, {}) for one in (mgn.start_replication, mgn.resume_replication, mgn.finalize_cutover)]
    for call, more in calls:
        error = refusal(call, sourceServerID=server_id, **more)
        assert error.response["Error"]["Code"] == "ConflictException"
    for call in (mgn.start_cutover, mgn.start_test, mgn.terminate_target_instances):
        assert refusal(call, sourceServerIDs=[server_id]).response["Error"]["Code"] == "ConflictException"


@pytest.mark.parametrize("state", ALL_STATES)
def test_disconnect(mgn: Any, seed: Any, look: Any, refusal: Any, state: str) -> None:
    server_id = seed(state=state)
    if state in CONNECTED | {"CUTOVER"}:
        mgn.disconnect_from_service(sourceServerID=server_id)
        server = look(server_id)
        assert server["lifeCycle"]["state"] == ("CUTOVER" if state == "CUTOVER" else "DISCONNECTED")
        assert server["dataReplicationInfo"]["dataReplicationState"] == "DISCONNECTED"
        assert "lagDuration" not in server["dataReplicationInfo"]
    else:
        error = refusal(mgn.disconnect_from_service, sourceServerID=server_id)
        assert error.response["Error"]["Code"] == "ConflictException"


@pytest.mark.parametrize("state", ALL_STATES)
def test_mark_as_archived(mgn: Any, seed: Any, refusal: Any, state: str) -> None:
    server_id = seed(state=state)
    if state in ("DISCONNECTED", "CUTOVER"):
        assert mgn.mark_as_archived(sourceServerID=server_id)["isArchived"] is True
    else:
        error = refusal(mgn.mark_as_archived, sourceServerID=server_id)
        assert error.response["Error"]["Code"] == "ConflictException"


@pytest.mark.parametrize("state", ALL_STATES)
def test_delete_source_server(mgn: Any, seed: Any, refusal: Any, state: str) -> None:
    server_id = seed(state=state)
    if state in CONNECTED:
        error = refusal(mgn.delete_source_server, sourceServerID=server_id)
        assert error.response["Error"]["Code"] == "ConflictException"
    else:
        mgn.delete_source_server(sourceServerID=server_id)
        assert mgn.describe_source_servers(filters={"sourceServerIDs": [server_id]})["items"] == []


def test_while_a_job_is_active_the_server_is_left_alone(mgn: Any, seed: Any, refusal: Any, look: Any) -> None:
    server_id = seed()
    mgn.start_test(sourceServerIDs=[server_id])
    for call in (
        mgn.finalize_cutover,
        mgn.disconnect_from_service,
        mgn.mark_as_archived,
        mgn.delete_source_server,
        mgn.stop_replication,
    ):
        assert refusal(call, sourceServerID=server_id).response["Error"]["Code"] == "ConflictException"
    for call in (mgn.start_test, mgn.terminate_target_instances):
        assert refusal(call, sourceServerIDs=[server_id]).response["Error"]["Code"] == "ConflictException"
    for state in ("READY_FOR_TEST", "READY_FOR_CUTOVER"):
        error = refusal(mgn.change_server_life_cycle_state, sourceServerID=server_id, lifeCycle={"state": state})
        assert error.response["Error"]["Code"] == "ConflictException"
    assert _state(look, server_id) == "TESTING"


def test_a_second_cutover_while_one_is_in_flight_is_refused(mgn: Any, seed: Any, finish: Any, refusal: Any) -> None:
    server_id = seed(state="READY_FOR_CUTOVER")
    job = mgn.start_cutover(sourceServerIDs=[server_id])["job"]
    assert refusal(mgn.start_cutover, sourceServerIDs=[server_id]).response["Error"]["Code"] == "ConflictException"
    finish(job)
    assert refusal(mgn.start_cutover, sourceServerIDs=[server_id]).response["Error"]["Code"] == "ConflictException"


def test_the_marks_of_a_reverted_test_and_cutover(mgn: Any, seed: Any, look: Any, finish: Any) -> None:
    server_id = seed()
    assert look(server_id)["lifeCycle"]["lastTest"] == {"initiated": {}, "reverted": {}, "finalized": {}}
    finish(mgn.start_test(sourceServerIDs=[server_id])["job"])
    for state in ("READY_FOR_TEST", "READY_FOR_CUTOVER"):
        mgn.change_server_life_cycle_state(sourceServerID=server_id, lifeCycle={"state": state})
    assert "apiCallDateTime" in look(server_id)["lifeCycle"]["lastTest"]["reverted"]
    # Nobody may rely on it: it stays empty.
    assert look(server_id)["lifeCycle"]["lastTest"]["finalized"] == {}
    finish(mgn.start_cutover(sourceServerIDs=[server_id])["job"])
    mgn.change_server_life_cycle_state(sourceServerID=server_id, lifeCycle={"state": "READY_FOR_CUTOVER"})
    assert "apiCallDateTime" in look(server_id)["lifeCycle"]["lastCutover"]["reverted"]


def test_rollback_of_a_cutover_in_the_order_of_the_api(
    mgn: Any, seed: Any, look: Any, finish: Any, refusal: Any
) -> None:
    server_id = seed(state="READY_FOR_CUTOVER")
    finish(mgn.start_cutover(sourceServerIDs=[server_id])["job"])
    assert refusal(mgn.terminate_target_instances, sourceServerIDs=[server_id]).response["Error"]["Code"] == (
        "ConflictException"
    )
    mgn.change_server_life_cycle_state(sourceServerID=server_id, lifeCycle={"state": "READY_FOR_CUTOVER"})
    finish(mgn.terminate_target_instances(sourceServerIDs=[server_id])["job"])
    server = look(server_id)
    assert "launchedInstance" not in server
    assert server["dataReplicationInfo"]["dataReplicationState"] == "CONTINUOUS"
    assert mgn.start_cutover(sourceServerIDs=[server_id])["job"]["status"] == "PENDING"


def test_finalize_is_refused_over_a_left_over_test_instance(
    mgn_box: Any, mgn: Any, seed: Any, look: Any, finish: Any, refusal: Any
) -> None:
    server_id = seed(state="READY_FOR_CUTOVER", launched=True)
    left_over = look(server_id)["launchedInstance"]["ec2InstanceID"]
    mgn_box.boto("ec2").modify_instance_attribute(InstanceId=left_over, DisableApiTermination={"Value": True})
    mgn_box.client.add_fault("launchFailure", serverIds=[server_id])
    finish(mgn.start_cutover(sourceServerIDs=[server_id])["job"])
    # The failed cutover could not remove the test instance: MGN still shows one.
    assert look(server_id)["launchedInstance"]["ec2InstanceID"] == left_over
    assert refusal(mgn.finalize_cutover, sourceServerID=server_id).response["Error"]["Code"] == "ConflictException"


def test_a_server_is_not_archived_while_its_instance_is_being_terminated(
    mgn: Any, seed: Any, finish: Any, refusal: Any
) -> None:
    server_id = seed(state="READY_FOR_CUTOVER", launched=True)
    mgn.disconnect_from_service(sourceServerID=server_id)
    job = mgn.terminate_target_instances(sourceServerIDs=[server_id])["job"]
    assert refusal(mgn.mark_as_archived, sourceServerID=server_id).response["Error"]["Code"] == "ConflictException"
    finish(job)
    assert mgn.mark_as_archived(sourceServerID=server_id)["isArchived"] is True
