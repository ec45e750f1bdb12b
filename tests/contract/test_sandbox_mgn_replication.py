"""Replication on the clock: its course, its lag strings, and the calls that steer it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from include.sandbox.clock import Clock
from include.sandbox.mgn.render import duration

FRESH = {"state": "DISCOVERED", "disksGib": [10]}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "P0D"),
        (16 * 3600 + 20 * 60 + 38.697305, "PT16H20M38.697305S"),
        (0.5, "PT0.5S"),
        (60, "PT1M"),
        (86_400, "P1D"),
        (93_784, "P1DT2H3M4S"),
        (3600 + 1.25, "PT1H1.25S"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def _replication(look: Any, server_id: str) -> dict[str, Any]:
    return look(server_id)["dataReplicationInfo"]


def test_from_the_first_byte_to_continuous(mgn_box: Any, mgn: Any, seed: Any, look: Any) -> None:
    server_id = seed(**FRESH)
    assert "dataReplicationInitiation" not in _replication(look, server_id)
    assert mgn.start_replication(sourceServerID=server_id)["lifeCycle"]["state"] == "NOT_READY"
    seen = []
    for _ in range(40):
        server = look(server_id)
        info = server["dataReplicationInfo"]
        if not seen or seen[-1] != info["dataReplicationState"]:
            seen.append(info["dataReplicationState"])
        if info["dataReplicationState"] != "CONTINUOUS":
            # Not launchable: no lag, no snapshot, and never a zero.
            assert "lagDuration" not in info
            assert "lastSnapshotDateTime" not in info
            assert "etaDateTime" in info
            assert server["lifeCycle"]["state"] == "NOT_READY"
        mgn_box.client.advance(20)
    assert seen == ["INITIATING", "INITIAL_SYNC", "BACKLOG", "CREATING_SNAPSHOT", "CONTINUOUS"]
    server = look(server_id)
    info = server["dataReplicationInfo"]
    assert server["lifeCycle"]["state"] == "READY_FOR_TEST"
    assert info["lagDuration"] == "P0D"
    assert "etaDateTime" not in info
    disk = info["replicatedDisks"][0]
    assert disk["replicatedStorageBytes"] == disk["totalStorageBytes"] == 10 * 1024**3
    assert disk["backloggedStorageBytes"] == 0


def test_the_share_of_the_initial_sync(mgn_box: Any, seed: Any, look: Any) -> None:
    server_id = seed(state="NOT_READY", syncedPercent=50, disksGib=[100, 300])
    disks = _replication(look, server_id)["replicatedDisks"]
    assert [disk["replicatedStorageBytes"] / disk["totalStorageBytes"] for disk in disks] == pytest.approx([0.5, 0.5])
    before = _replication(look, server_id)["etaDateTime"]
    mgn_box.client.advance(60)
    later = _replication(look, server_id)
    assert later["replicatedDisks"][0]["replicatedStorageBytes"] > disks[0]["replicatedStorageBytes"]
    moved = datetime.fromisoformat(later["etaDateTime"]) - datetime.fromisoformat(before)
    assert abs(moved.total_seconds()) < 1


def test_pause_makes_lag_grow_and_resume_catches_up(mgn_box: Any, mgn: Any, seed: Any, look: Any) -> None:
    server_id = seed()
    assert mgn.pause_replication(sourceServerID=server_id)["dataReplicationInfo"]["dataReplicationState"] == "PAUSED"
    snapshot = _replication(look, server_id)["lastSnapshotDateTime"]
    mgn_box.client.advance(7200)
    info = _replication(look, server_id)
    assert info["lagDuration"] == "PT2H"
    assert info["lastSnapshotDateTime"] == snapshot
    mgn.resume_replication(sourceServerID=server_id)
    info = _replication(look, server_id)
    assert info["dataReplicationState"] == "BACKLOG"
    assert info["replicatedDisks"][0]["backloggedStorageBytes"] > 0
    mgn_box.client.advance(300)
    info = _replication(look, server_id)
    assert (info["dataReplicationState"], info["lagDuration"]) == ("CONTINUOUS", "P0D")


def test_stop_deletes_the_snapshots_and_start_begins_anew(
    mgn_box: Any, mgn: Any, seed: Any, look: Any, refusal: Any
) -> None:
    server_id = seed(disksGib=[10])
    server = mgn.stop_replication(sourceServerID=server_id)
    assert server["lifeCycle"]["state"] == "STOPPED"
    assert {"lagDuration", "lastSnapshotDateTime"}.isdisjoint(server["dataReplicationInfo"])
    assert refusal(mgn.stop_replication, sourceServerID=server_id).response["Error"]["Code"] == "ConflictException"
    assert refusal(mgn.pause_replication, sourceServerID=server_id).response["Error"]["Code"] == "ConflictException"
    server = mgn.start_replication(sourceServerID=server_id)
    assert server["lifeCycle"]["state"] == "NOT_READY"
    assert server["dataReplicationInfo"]["dataReplicationState"] == "INITIATING"
    mgn_box.client.advance(1200)
    assert look(server_id)["lifeCycle"]["state"] == "READY_FOR_TEST"


@pytest.mark.parametrize("call", ["start_replication", "resume_replication"])
def test_what_runs_is_neither_started_nor_resumed(mgn: Any, seed: Any, refusal: Any, call: str) -> None:
    error = refusal(getattr(mgn, call), sourceServerID=seed())
    assert error.response["Error"]["Code"] == "ConflictException"


def test_retry_only_when_stalled(mgn_box: Any, mgn: Any, seed: Any, look: Any, refusal: Any) -> None:
    server_id = seed()
    error = refusal(mgn.retry_data_replication, sourceServerID=server_id)
    assert error.response["Error"]["Code"] == "ValidationException"
    mgn_box.client.add_fault("stall", serverIds=[server_id], error="UNSTABLE_NETWORK")
    mgn_box.client.advance(60)
    info = _replication(look, server_id)
    assert info["dataReplicationState"] == "STALLED"
    assert info["dataReplicationError"] == {"error": "UNSTABLE_NETWORK"}
    assert info["lagDuration"] == "PT1M"
    assert look(server_id)["lifeCycle"]["state"] == "READY_FOR_TEST"
    mgn.retry_data_replication(sourceServerID=server_id)
    info = _replication(look, server_id)
    assert info["dataReplicationState"] == "INITIATING"
    assert "dataReplicationError" not in info
    mgn_box.client.advance(600)
    assert _replication(look, server_id)["dataReplicationState"] == "CONTINUOUS"


@pytest.mark.parametrize("state", ["DISCONNECTED", "STOPPED", "CUTOVER"])
def test_no_retry_of_what_does_not_replicate(mgn: Any, seed: Any, refusal: Any, state: str) -> None:
    error = refusal(mgn.retry_data_replication, sourceServerID=seed(state=state))
    assert error.response["Error"]["Code"] == "ValidationException"


def test_a_stall_that_passes(mgn_box: Any, seed: Any, look: Any) -> None:
    server_id = seed()
    mgn_box.client.add_fault("stall", serverIds=[server_id], forSeconds=300)
    mgn_box.client.advance(299)
    assert _replication(look, server_id)["dataReplicationState"] == "STALLED"
    mgn_box.client.advance(2)
    assert _replication(look, server_id)["dataReplicationState"] == "RESCAN"
    mgn_box.client.advance(300)
    assert _replication(look, server_id)["lagDuration"] == "P0D"


def test_a_failed_initiation_names_its_step(mgn_box: Any, seed: Any, look: Any) -> None:
    server_id = seed(state="NOT_READY", syncedPercent=0)
    mgn_box.client.patch_server(server_id, replicationState="STALLED", error="FAILED_TO_BOOT_REPLICATION_SERVER")
    steps = {one["name"]: one["status"] for one in _replication(look, server_id)["dataReplicationInitiation"]["steps"]}
    assert steps["LAUNCH_REPLICATION_SERVER"] == "SUCCEEDED"
    assert steps["BOOT_REPLICATION_SERVER"] == "FAILED"
    assert steps["START_DATA_TRANSFER"] == "NOT_STARTED"
    assert "lagDuration" not in _replication(look, server_id)


def test_a_spike_of_lag(mgn_box: Any, seed: Any, look: Any) -> None:
    server_id = seed()
    mgn_box.client.add_fault("lag", seconds=900.5, forSeconds=120, serverIds=[server_id])
    info = _replication(look, server_id)
    assert info["lagDuration"] == "PT15M0.5S"
    assert sum(disk["backloggedStorageBytes"] for disk in info["replicatedDisks"]) > 0
    mgn_box.client.advance(121)
    assert _replication(look, server_id)["lagDuration"] == "P0D"


def test_lag_until_the_fault_is_removed(mgn_box: Any, seed: Any, look: Any) -> None:
    server_id = seed()
    fault = mgn_box.client.add_fault("lag", seconds=30, serverIds=[server_id])
    mgn_box.client.advance(86_400)
    assert _replication(look, server_id)["lagDuration"] == "PT30S"
    mgn_box.client.clear_faults(fault["id"])
    assert _replication(look, server_id)["lagDuration"] == "P0D"


def test_the_quota_of_replicating_servers(mgn_box: Any, mgn: Any, seed: Any, refusal: Any) -> None:
    server_id = seed(**FRESH)
    mgn_box.client.set_quotas(replicating_servers=1)
    try:
        error = refusal(mgn.start_replication, sourceServerID=server_id)
        assert error.response["Error"]["Code"] == "ServiceQuotaExceededException"
    finally:
        mgn_box.client.set_quotas(replicating_servers=10_000)
    mgn.start_replication(sourceServerID=server_id)


def test_dates_come_with_and_without_a_fraction(mgn: Any, seed: Any, look: Any) -> None:
    server = look(seed())
    added = server["lifeCycle"]["addedToServiceDateTime"]
    snapshot = server["dataReplicationInfo"]["lastSnapshotDateTime"]
    assert "." in added
    assert "." not in snapshot
    assert {text[-6:] for text in (added, snapshot)} == {"+00:00"}


def test_the_clock_scales_stands_and_jumps() -> None:
    clock = Clock(speed=0)
    start = clock.now()
    assert clock.now() == start
    clock.advance(3600)
    assert clock.now() == start + 3600
    clock.set_speed(10_000)
    assert clock.real_seconds(20_000) == 2
    while clock.now() < start + 3700:
        pass
    with pytest.raises(ValueError, match="backward"):
        clock.advance(-1)


def test_wall_times_are_the_real_instants() -> None:
    clock = Clock(speed=0, shown="wall")
    before = datetime.now(UTC)
    launched_at = clock.now()
    clock.advance(36_000)
    shown = datetime.fromisoformat(clock.stamp(launched_at + 18_000))
    assert abs((shown - before).total_seconds()) < 1
    # Ten simulated minutes ahead at 60 times the speed are ten real seconds ahead; the past is as long as it was.
    clock.set_speed(60)
    ahead = datetime.fromisoformat(clock.stamp(clock.now() + 600))
    assert 8 < (ahead - datetime.now(UTC)).total_seconds() < 11
    past = datetime.fromisoformat(clock.stamp(launched_at - 86_400))
    assert abs((before - past).total_seconds() - 86_400) < 1
    assert clock.simulated_of(ahead) == pytest.approx(clock.now() + 600, abs=30)


def test_skipped_time_has_passed_really_and_by_the_speed() -> None:
    clock = Clock(speed=100, shown="wall")
    real, simulated = clock.real(), clock.now()
    clock.skip(3600)
    passed = clock.real() - real
    assert 3600 <= passed < 3660
    assert clock.now() - simulated == pytest.approx(100 * passed, abs=100)
    shown = datetime.fromisoformat(clock.stamp(clock.now())).timestamp()
    assert shown == pytest.approx(clock.real(), abs=1), "what is shown agrees with the time that clients read"
    with pytest.raises(ValueError, match="backward"):
        clock.skip(-1)
