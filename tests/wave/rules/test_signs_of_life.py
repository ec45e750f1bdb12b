"""Lag and state are as fresh as the agent's last word; what MGN says of agents and instances is judged, not shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from migration_ops.aws.mgn.servers import ServerView
from migration_ops.aws.mgn.states import LAUNCHABLE_FOR_CUTOVER
from migration_ops.core.verdict import Verdict
from migration_ops.wave.rules.boot import judge_boot
from migration_ops.wave.rules.replication import ReplicationLimits, judge_replication, replication_is_terminal
from tests.wave.builders import BOOTED, HEALTHY, INSTANCE, NOW, instance, server_id

LIMITS = ReplicationLimits(max_lag_seconds=60, lifecycle=LAUNCHABLE_FOR_CUTOVER)
OK, BLOCKED, UNKNOWN = Verdict.OK, Verdict.BLOCKED, Verdict.UNKNOWN


@pytest.mark.parametrize("final", [False, True])
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"seen_age_seconds": 900.0, "snapshot_age_seconds": 5_400.0}, OK),
        ({"seen_age_seconds": -300.0}, OK),
        ({"seen_age_seconds": 901.0}, UNKNOWN),
        ({"seen_age_seconds": 2_400.0}, UNKNOWN),
        ({"seen_age_seconds": None}, UNKNOWN),
        ({"seen_age_seconds": -601.0}, UNKNOWN),
        ({"snapshot_age_seconds": 5_401.0}, UNKNOWN),
        ({"snapshot_age_seconds": None}, UNKNOWN),
        ({"snapshot_age_seconds": -86_400.0}, UNKNOWN),
        ({"replication_type": None}, OK),
        ({"replication_type": "SOMETHING_NEW"}, UNKNOWN),
        ({"replication_type": "SNAPSHOT_SHIPPING"}, BLOCKED),
    ],
)
def test_a_silent_agent_opens_no_gate(changes: dict[str, Any], expected: Verdict, final: bool) -> None:
    assert judge_replication(replace(HEALTHY, **changes), LIMITS, final=final).verdict is expected


def test_waiting_does_not_make_a_server_without_an_agent_continuous() -> None:
    agentless = replace(HEALTHY, replication_type="SNAPSHOT_SHIPPING", replication_state="PENDING_SNAPSHOT_SHIPPING")
    assert replication_is_terminal(agentless, LAUNCHABLE_FOR_CUTOVER)
    check = judge_replication(replace(agentless, replication_error="LAST_SNAPSHOT_JOB_FAILED"), LIMITS)
    assert "agentless" in check.reason
    assert "LAST_SNAPSHOT_JOB_FAILED" in check.reason


def item(**life: Any) -> dict[str, Any]:
    """As MGN answers of a server whose agent is well."""
    stamp = (NOW - timedelta(minutes=1)).isoformat()
    return {
        "sourceServerID": server_id(1),
        "isArchived": False,
        "lifeCycle": {"state": "READY_FOR_CUTOVER", "lastSeenByServiceDateTime": stamp, **life},
        "dataReplicationInfo": {
            "dataReplicationState": "CONTINUOUS",
            "lagDuration": "P0D",
            "lastSnapshotDateTime": stamp,
            "replicatedDisks": [{"backloggedStorageBytes": 0}],
        },
    }


def test_ages_are_counted_from_the_read() -> None:
    view = ServerView.from_api(item(), NOW)
    assert (view.seen_age_seconds, view.snapshot_age_seconds) == (60.0, 60.0)
    assert judge_replication(view, LIMITS, final=True).verdict is OK
    later = ServerView.from_api(item(), NOW + timedelta(minutes=40))
    assert judge_replication(later, LIMITS, final=True).verdict is UNKNOWN
    assert judge_replication(ServerView.from_api(item()), LIMITS).verdict is UNKNOWN
    for nothing in (None, "", "soon", 5):
        assert ServerView.from_api(item(lastSeenByServiceDateTime=nothing), NOW).seen_age_seconds is None


@pytest.mark.parametrize(
    ("launched", "named"),
    [
        ({"lastKnownChecks": [{"type": "FSx", "name": "mount", "status": "FAILED", "error": "no route"}]}, "no route"),
        ({"lastKnownChecks": [{"type": "EC2", "name": "boot", "status": "FAILED"}]}, "EC2 boot"),
        ({"lastKnownFsxChecksStatus": "FAILED"}, "FSx"),
    ],
)
def test_a_check_of_mgns_own_that_failed_is_no_good_boot(launched: dict[str, Any], named: str) -> None:
    good = {"ec2InstanceID": INSTANCE, "firstBoot": "SUCCEEDED", "lastKnownChecks": [{"status": "PASSED"}]}
    assert judge_boot(ServerView.from_api(item() | {"launchedInstance": good}), instance(), INSTANCE).verdict is OK
    check = judge_boot(ServerView.from_api(item() | {"launchedInstance": good | launched}), instance(), INSTANCE)
    assert (check.verdict, named in check.reason) == (BLOCKED, True)


def test_a_view_survives_its_document() -> None:
    view = replace(BOOTED, failed_checks="FSx mount: FAILED")
    assert ServerView.from_document(view.as_document()) == view
