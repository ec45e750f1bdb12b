"""The plan: order, ids, hash and estimate."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migration_ops.aws.mgn.states import REPLICATION_TERMINAL
from migration_ops.core.documents import canonical_digest
from migration_ops.core.errors import InvalidInputError
from migration_ops.wave.conf.model import parse_conf
from migration_ops.wave.plan.estimate import estimate
from migration_ops.wave.plan.plan import WavePlan, build_plan, levels_of, migration_id_for
from tests.wave.builders import HEALTHY, NOW, application, document, plan, server_id, three_applications


def test_dependencies_come_first_and_the_conf_order_stays_within_a_level() -> None:
    planned = three_applications()
    assert [(one.app_name, one.level) for one in planned.applications] == [
        ("other", 0),
        ("db", 0),
        ("app", 1),
        ("web", 2),
    ]
    assert planned.application("web").server_ids == (server_id(1), server_id(2))
    assert len(set(planned.migration_ids)) == len(planned.server_ids) == 5


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, list[str]]:
    """Applications in any order, each depending on some that have a smaller number."""
    size = draw(st.integers(1, 8))
    edges = {
        f"app{one}": [f"app{other}" for other in draw(st.sets(st.integers(0, one - 1)))] if one else []
        for one in range(size)
    }
    return {name: edges[name] for name in draw(st.permutations(list(edges)))}


@settings(deadline=None)
@given(graphs())
def test_any_graph_is_ordered(edges: dict[str, list[str]]) -> None:
    applications = [application(name, *needs, servers=(index,)) for index, (name, needs) in enumerate(edges.items())]
    planned = plan(*applications)
    position = {one.app_name: index for index, one in enumerate(planned.applications)}
    assert set(position) == set(edges)
    for one in planned.applications:
        assert all(position[name] < position[one.app_name] for name in one.depends_on)
        needed = [planned.application(name).level for name in one.depends_on]
        assert one.level == (max(needed) + 1 if needed else 0)
    listed = list(edges)
    in_order = sorted(planned.applications, key=lambda one: (one.level, listed.index(one.app_name)))
    assert list(planned.applications) == in_order


@pytest.mark.parametrize("edges", [{"a": ["a"]}, {"a": ["b"], "b": ["a"]}, {"a": ["ghost"]}])
def test_what_cannot_be_ordered_is_refused(edges: dict[str, list[str]]) -> None:
    with pytest.raises(InvalidInputError):
        levels_of(edges)


def test_an_unresolved_mgn_wave_has_no_plan() -> None:
    with pytest.raises(InvalidInputError):
        build_plan(parse_conf({"wave": "w", "mgnWaveId": "wave-0123456789abcdef0"}, now=NOW))


def test_an_application_that_is_not_in_the_plan_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        plan().application("ghost")


def test_a_plan_survives_json() -> None:
    planned = three_applications(changeTicket="CHG1", cutoverWindow={"closes": "2099-01-01T00:00:00Z"})
    assert WavePlan.from_document(json.loads(json.dumps(planned.as_document()))) == planned


def test_the_conf_of_a_plan_is_complete() -> None:
    planned = plan()
    (server,) = planned.conf.applications[0].servers
    assert server.migration_id == planned.migration_ids[0]
    assert build_plan(parse_conf(planned.conf.as_document(), now=NOW)) == planned


@settings(max_examples=200)
@given(st.text(min_size=1, max_size=300), st.text(alphabet="0123456789abcXYZ", min_size=17, max_size=17))
def test_migration_ids_match_their_pattern(wave: str, source: str) -> None:
    wave = wave.encode("utf-8", "replace").decode()
    found = migration_id_for(wave, f"s-{source}")
    assert re.fullmatch(r"mig-[A-Za-z0-9-]+", found)
    assert source in found
    assert len(found) <= 128
    assert found == migration_id_for(wave, f"s-{source}")


def test_migration_ids_do_not_change_between_versions() -> None:
    assert (
        migration_id_for("wave-3", server_id(1))
        == "mig-wave-3-00000000000000001-" + canonical_digest(["wave-3", server_id(1)])[:8]
    )


def test_waves_that_look_alike_have_different_ids() -> None:
    names = ["wave 3", "wave-3", "wave_3", "Wave-3", "ウェーブ", "волна", "w" * 60, "w" * 61]
    assert len({migration_id_for(name, server_id(1)) for name in names}) == len(names)


CHANGES: list[dict[str, Any]] = [
    {"wave": "wave-4"},
    {"accountId": "111122223333"},
    {"region": "us-east-1"},
    {"awsConnId": "other"},
    {"testLaunch": False},
    {"finalize": False},
    {"onFailure": "rollback"},
    {"failureThreshold": 1},
    {"soakMinutes": 1},
    {"replication": {"maxLagSeconds": 601}},
    {"finalSync": {"maxLagSeconds": 61}},
    {"approvals": {"approvers": ["ann"]}},
    {"cutoverWindow": {"closes": "2099-01-01T00:00:00Z"}},
    {"callbackUrl": "https://example.com/"},
    {"changeTicket": "CHG1"},
    {"applications": [application("billing", servers=(2,))]},
    {"applications": [application("billing", servers=(1, 2))]},
    {"applications": [application("billing2", servers=(1,))]},
    {"applications": [application("billing", servers=(1,), impact="low")]},
    {"applications": [application("billing", servers=(1,), checks=[{"type": "tcp", "port": 22}])]},
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: json.dumps(change)[:50])
def test_whatever_an_approver_agrees_to_is_in_the_hash(change: dict[str, Any]) -> None:
    assert build_plan(parse_conf(document() | change, now=NOW)).plan_hash != plan().plan_hash


def test_a_dry_run_has_the_hash_of_the_run_that_follows() -> None:
    assert plan(dryRun=True).plan_hash == plan(dryRun=False).plan_hash


def test_the_same_instant_and_the_same_default_have_one_hash() -> None:
    written = [{"closes": "2099-01-01T02:00:00+02:00"}, {"closes": "2099-01-01T00:00:00.000Z"}]
    assert len({plan(cutoverWindow=one).plan_hash for one in written}) == 1
    assert plan(soakMinutes=0, replication={"pollSeconds": 60}).plan_hash == plan().plan_hash
    derived = [
        {"appName": "billing", "servers": [{"sourceServerId": server_id(1), "migrationId": plan().migration_ids[0]}]}
    ]
    assert plan(*derived).plan_hash == plan().plan_hash


def views(planned: WavePlan, **changes: Any) -> dict[str, Any]:
    return {one: replace(HEALTHY, source_server_id=one, **changes) for one in planned.server_ids}


def test_an_estimate_follows_the_dependencies() -> None:
    planned = three_applications()
    rows = {row["appName"]: row for row in estimate(planned, views(planned), NOW)}
    assert list(rows) == ["other", "db", "app", "web"]
    assert rows["db"]["cutoverStartMinute"] == 0
    assert rows["app"]["cutoverStartMinute"] == rows["db"]["cutoverMinutes"]
    assert rows["web"]["cutoverStartMinute"] == rows["db"]["cutoverMinutes"] + rows["app"]["cutoverMinutes"]
    assert rows["web"]["facts"] == {
        "stagedGiB": 200.0,
        "serversOfUnknownSize": 0,
        "testInstances": 2,
        "cutoverInstances": 2,
    }
    steps = [one["step"] for one in rows["web"]["steps"]]
    assert steps == [
        "replicationReady",
        "testLaunch",
        "testVerify",
        "markReady",
        "finalSync",
        "cutover",
        "cutoverVerify",
        "finalize",
    ]
    assert json.loads(json.dumps(list(rows.values()))) == list(rows.values())


def test_optional_steps_are_estimated_only_when_they_happen() -> None:
    quiesce = {"commands": ["x"], "undoCommands": ["y"], "instanceIds": {server_id(1): "mi-0123456789abcdef0"}}
    planned = plan(testLaunch=False, finalize=False, soakMinutes=30, quiesce=quiesce)
    (row,) = estimate(planned, views(planned), NOW)
    assert [one["step"] for one in row["steps"]] == [
        "replicationReady", "quiesce", "finalSync", "cutover", "cutoverVerify", "soak",
    ]  # fmt: skip
    assert row["facts"]["testInstances"] == 0


def wait(**changes: Any) -> dict[str, Any]:
    planned = plan()
    (row,) = estimate(planned, views(planned, **changes), NOW)
    return row["steps"][0]


def test_waiting_for_replication_is_estimated_from_what_mgn_says() -> None:
    assert wait()["minutes"] == 3.0
    assert wait(lag_seconds=600 + 1200)["minutes"] == 3.0 + 10.0
    syncing = {"replication_state": "INITIAL_SYNC", "lag_seconds": None, "replicated_bytes": 0, "backlog_bytes": None}
    assert wait(**syncing)["minutes"] == pytest.approx(3.0 + 100 * 1024 / 50 / 60, abs=0.1)
    eta = (NOW + timedelta(minutes=42)).isoformat()
    assert wait(**syncing, eta=eta)["minutes"] == 45.0
    assert "ETA" in wait(**syncing, eta=eta)["basis"]


@pytest.mark.parametrize(
    "changes",
    [
        *[{"replication_state": one} for one in sorted(REPLICATION_TERMINAL)],
        {"replication_error": "NOT_CONVERGING"},
        {"lag_seconds": None, "total_bytes": None},
        {"lag_seconds": None, "replicated_bytes": None},
        {"replication_state": None, "total_bytes": None},
    ],
)
def test_what_is_not_known_is_null_and_says_so(changes: dict[str, Any]) -> None:
    step = wait(**changes)
    assert step["minutes"] is None
    assert step["basis"].startswith("unknown")


def test_a_server_that_mgn_does_not_list_makes_time_and_size_unknown() -> None:
    planned = plan(application("a", servers=(1, 2)))
    (row,) = estimate(planned, {server_id(1): HEALTHY}, NOW)
    assert (row["testMinutes"], row["facts"]["stagedGiB"], row["facts"]["serversOfUnknownSize"]) == (None, None, 1)
