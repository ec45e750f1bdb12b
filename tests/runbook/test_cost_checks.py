"""The cost review's judgements at their limits, and of what was not read."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from migration_ops.aws.inventory.cost import TRANSFER, whole_months
from migration_ops.core.finding import FindingStatus
from migration_ops.runbook.checks.sizing import Consumption
from tests.runbook.judged import NOT_READ, one, run, series

OK, WARNING, UNKNOWN = FindingStatus.OK, FindingStatus.WARNING, FindingStatus.UNKNOWN


def cost(before: float, now: float, days: tuple[int, int] = (30, 30), value: str = "") -> dict[str, Any]:
    return {
        "currency": "USD",
        "before": before,
        "now": now,
        "daysBefore": days[0],
        "daysNow": days[1],
        "value": value,
    }


@pytest.mark.parametrize(
    ("entry", "verdict", "percent"),
    [
        (cost(100, 125), OK, 25.0),
        (cost(100, 126), WARNING, 26.0),
        (cost(10, 29), OK, 190.0),
        (cost(100, 20), OK, -80.0),
        # The same by the day: a longer month is no growth.
        (cost(280, 310, (28, 31)), OK, 0.0),
        (cost(310, 350, (31, 28)), OK, 25.0),
        (cost(310, 352, (31, 28)), WARNING, 25.7),
        (cost(0, 19), OK, None),
        (cost(0, 20), WARNING, None),
    ],
)
def test_growth(entry: dict[str, Any], verdict: FindingStatus, percent: float | None) -> None:
    found = one("cost", "cost_service_growth", entry)
    assert (found.verdict, found.value) == (verdict, percent)


def test_a_wave_may_begin() -> None:
    tags = [cost(0, 500, value="wave-9") | {"name": "wave=wave-9"}, cost(9, 9) | {"name": "wave=(none)"}]
    found = run("cost", "cost_tag_growth", {"cost_explorer": {"tags": tags}})
    assert {one.verdict for one in found} == {OK}


def test_a_tag_that_nothing_carries_is_said() -> None:
    assert one("cost", "cost_tag_growth", cost(500, 500)).verdict is WARNING
    assert one("cost", "cost_tag_growth", cost(1, 1)).verdict is OK


def test_no_costs_at_all_is_unknown() -> None:
    """An account that runs migrations costs something."""
    assert run("cost", "cost_service_growth", {"cost_explorer": {"services": []}})[0].verdict is UNKNOWN
    assert run("cost", "cost_service_growth", {"cost_explorer": {"services": NOT_READ}})[0].verdict is UNKNOWN


@pytest.mark.parametrize(
    ("today", "months"),
    [
        (date(2026, 3, 31), (date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1))),
        (date(2026, 1, 1), (date(2025, 11, 1), date(2025, 12, 1), date(2026, 1, 1))),
    ],
)
def test_only_whole_months_are_compared(today: date, months: tuple[date, date, date]) -> None:
    assert whole_months(today) == months


@pytest.mark.parametrize(
    ("usage_type", "is_transfer"),
    [
        ("DataTransfer-Out-Bytes", True),
        ("USE1-DataTransfer-Regional-Bytes", True),
        ("USE1-EUC1-AWS-Out-Bytes", True),
        ("NatGateway-Bytes", True),
        ("USE1-VpcEndpoint-Bytes", True),
        ("TimedStorage-ByteHrs", False),
        ("DataProcessing-Bytes", False),
        ("USE1-VpcEndpoint-Hours", False),
        ("BoxUsage:t3.medium", False),
    ],
)
def test_what_is_data_transfer(usage_type: str, is_transfer: bool) -> None:
    assert bool(TRANSFER.search(usage_type)) is is_transfer


def staged(**changes: Any) -> dict[str, Any]:
    return {
        "kind": "volume",
        "label": "AWS Application Migration Service",
        "ageHours": 500,
        "sourceServerId": "s-1",
        "server": None,
        "migration": None,
    } | changes


def migration(status: str, hours: float | None) -> dict[str, Any]:
    return {"migrationId": "mig-1", "wave": "w", "status": status, "instanceId": "i-new", "hoursSince": hours}


SERVER = {
    "lifecycleState": "READY_FOR_TEST",
    "replicationState": "CONTINUOUS",
    "replicates": True,
    "isArchived": False,
    "launchedInstanceId": "i-new",
}


@pytest.mark.parametrize(
    ("resource", "replicating", "verdict"),
    [
        (staged(migration=migration("COMPLETED", 3), server=SERVER), 5, WARNING),
        (staged(migration=migration("COMPLETED", 2)), 5, OK),
        (staged(migration=migration("COMPLETED", 3), ageHours=1), 5, OK),
        (staged(migration=migration("ROLLED_BACK", 300)), 5, OK),
        (staged(migration=migration("ROLLED_BACK", 340)), 5, WARNING),
        (staged(migration=migration("MIGRATION_IN_PROGRESS", 9_000)), 5, OK),
        (staged(migration=migration("COMPLETED", None)), 5, UNKNOWN),
        (staged(server=SERVER), 5, OK),
        (staged(server=SERVER | {"replicationState": "DISCONNECTED", "replicates": False}), 5, WARNING),
        (staged(server=SERVER | {"replicationState": "STOPPED", "replicates": False}), 5, WARNING),
        (staged(server=SERVER | {"replicationState": "STALLED"}), 5, WARNING),
        (staged(server=SERVER | {"replicationState": "STALLED"}, ageHours=2), 5, OK),
        (staged(server=SERVER | {"isArchived": True, "replicates": False}), 5, WARNING),
        (staged(server=SERVER | {"replicationState": None, "replicates": None}), 5, UNKNOWN),
        (staged(server=SERVER | {"replicationState": "SOMETHING_NEW", "replicates": None}), 5, UNKNOWN),
        (staged(), 5, WARNING),
        (staged(migration=NOT_READ), 5, UNKNOWN),
        (staged(server=NOT_READ), 5, UNKNOWN),
        # A replication server works for many, and names none.
        (staged(sourceServerId=None), 5, OK),
        (staged(sourceServerId=None), 0, WARNING),
        (staged(sourceServerId=None), NOT_READ, UNKNOWN),
    ],
)
def test_staging_resources(resource: dict[str, Any], replicating: Any, verdict: FindingStatus) -> None:
    assert one("cost", "mgn_staging_leftover", resource, {"replicating": replicating}).verdict is verdict


def launched(**changes: Any) -> dict[str, Any]:
    return {
        "name": "i-old",
        "state": "running",
        "ageHours": 30,
        "sourceServerId": "s-1",
        "server": SERVER,
        "migration": migration("COMPLETED", 1),
    } | changes


@pytest.mark.parametrize(
    ("instance", "verdict"),
    [
        (launched(), WARNING),
        (launched(name="i-new"), OK),
        (launched(ageHours=1), OK),
        (launched(server=None), OK),
        (launched(server=SERVER | {"isArchived": True}), OK),
        (launched(server=SERVER | {"launchedInstanceId": None}, migration=None), WARNING),
        # The ledger knows the instance, MGN names none: it is the server in use.
        (launched(name="i-new", server=SERVER | {"launchedInstanceId": None}), OK),
        (launched(migration=NOT_READ), UNKNOWN),
    ],
)
def test_launched_instances(instance: dict[str, Any], verdict: FindingStatus) -> None:
    assert one("cost", "mgn_launched_instance_leftover", instance).verdict is verdict


@pytest.mark.parametrize(
    ("age_days", "cpu", "verdict"),
    [
        (13, series(), OK),
        (40, series(*[1.9] * 14), WARNING),
        (40, series(*[1.9] * 13, 2.1), OK),
        (40, series(*[1.0] * 6), UNKNOWN),
        (40, NOT_READ, UNKNOWN),
    ],
)
def test_idle_instances(age_days: int, cpu: Any, verdict: FindingStatus) -> None:
    instance = {"ageHours": age_days * 24, "type": "m5.large", "cpu": cpu}
    assert one("cost", "ec2_instance_idle", instance).verdict is verdict


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [({}, WARNING), ({"attachedTo": ["i-1"]}, OK), ({"state": "creating"}, OK), ({"ageHours": 14 * 24}, OK)],
)
def test_unattached_volumes(changes: dict[str, Any], verdict: FindingStatus) -> None:
    volume = {"ageHours": 15 * 24, "gib": 8, "attachedTo": [], "state": "available"} | changes
    assert one("cost", "ebs_volume_unattached", volume).verdict is verdict


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, WARNING),
        ({"hasVolume": True}, OK),
        ({"images": ["ami-1"]}, OK),
        ({"isBackup": True}, OK),
        ({"ageHours": 24}, OK),
    ],
)
def test_snapshots_without_a_volume(changes: dict[str, Any], verdict: FindingStatus) -> None:
    snapshot = {"ageHours": 900, "gib": 8, "volumeId": "vol-1", "hasVolume": False, "images": [], "isBackup": False}
    assert one("cost", "ebs_snapshot_without_volume", snapshot | changes).verdict is verdict


def table(mode: str, provisioned: float, *writes: float) -> dict[str, Any]:
    part = {
        "name": "table",
        "provisioned": {"reads": 0, "writes": provisioned},
        "consumed": {"reads": series(), "writes": series(*writes)},
    }
    return {"billingMode": mode, "hours": 730.0, "parts": [part]}


@pytest.mark.parametrize(
    ("thing", "verdict", "proposed"),
    [
        (table("PROVISIONED", 100), WARNING, "PAY_PER_REQUEST"),
        (table("PROVISIONED", 10), OK, "PAY_PER_REQUEST"),
        # 100 units a second all the time: 164 USD on demand, 68 provided for the peak at 70 % use.
        (table("PAY_PER_REQUEST", 0, *[360_000.0] * 730), WARNING, "PROVISIONED"),
        # The same in one hour of each day: on demand is right.
        (table("PAY_PER_REQUEST", 0, *[360_000.0] * 30), OK, "PROVISIONED"),
        (table("PAY_PER_REQUEST", 0), OK, "PROVISIONED"),
    ],
)
def test_billing_mode(thing: dict[str, Any], verdict: FindingStatus, proposed: str) -> None:
    found = one("cost", "dynamodb_table_mode", thing)
    assert (found.verdict, found.evidence[0]["proposed"]) == (verdict, proposed)


def test_prices_are_those_of_the_list() -> None:
    a_million_writes = Consumption("writes", (1_000_000.0,), 730.0, 100)
    assert a_million_writes.on_demand_usd == pytest.approx(0.625)
    assert a_million_writes.provisioned_usd == pytest.approx(47.45)
