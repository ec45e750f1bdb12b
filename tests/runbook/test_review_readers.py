"""The reviews' readers against the sandbox: what is asked for, how far, and what a fault leaves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from include.sandbox.estates.account import Account
from include.sandbox.estates.clean.costs import DAYS, book, line
from include.sandbox.estates.clean.growth import LAMBDA, daily
from include.sandbox.estates.clean.lambda_ import make_function
from include.sandbox.estates.clean.logs import report_line, write_lines
from include.sandbox.estates.clean.mgn_ledger import make_server, migration
from include.sandbox.sandbox import Sandbox
from migration_ops.aws.inventory import lambda_performance, quotas
from migration_ops.aws.inventory.quotas_list import QuotaSource
from migration_ops.aws.inventory.quotas_usage import COUNTERS
from migration_ops.aws.reader import AwsReader
from migration_ops.core.config import Names
from migration_ops.core.facts import is_failed
from migration_ops.core.states import Phase
from migration_ops.ledger import staging
from migration_ops.runbook.checks.check import read_with
from tests.runbook.estates import account_of, failures, reader_of


@pytest.fixture(scope="module")
def account(box: Sandbox) -> Iterator[Account]:
    box.reset()
    yield account_of(box)
    box.reset()


@pytest.fixture
def reader(box: Sandbox, account: Account) -> AwsReader:
    return reader_of(box, account)


def only(reader: AwsReader, **patterns: Names) -> AwsReader:
    """The reader, with other patterns of names."""
    config = reader.config
    resources = config.resources.model_copy(update=patterns)
    return replace(reader, config=config.model_copy(update={"resources": resources}))


def calls(box: Sandbox) -> dict[str, int]:
    return {f"{one['service']}:{one['operation']}": one["count"] for one in box.calls.counts()}


@pytest.mark.parametrize(
    ("name", "pattern", "about"),
    [
        ("performance_lambda", "functions", "functions"),
        ("performance_states", "state_machines", "stateMachines"),
        ("performance_table", "tables", "tables"),
        ("table_mode", "tables", "tables"),
    ],
)
def test_an_empty_pattern_asks_for_nothing(
    box: Sandbox, reader: AwsReader, name: str, pattern: str, about: str
) -> None:
    box.calls.clear()
    found = read_with(name, only(reader, **{pattern: Names(include=())}))
    assert found[about] == []
    assert calls(box) == {}


def function(reader: AwsReader, name: str) -> dict[str, Any]:
    found = read_with("performance_lambda", only(reader, functions=Names(include=(name,))))
    (one,) = found["functions"]
    return dict(one)


def test_memory_is_of_lines_with_the_present_size(reader: AwsReader, account: Account) -> None:
    make_function(account, "resized", MemorySize=512, used_mb=200)
    as_json = {"type": "platform.report", "record": {"metrics": {"maxMemoryUsedMB": 301, "memorySizeMB": 512}}}
    group = "/aws/lambda/resized"
    write_lines(account, group, [report_line(128, 127), json.dumps(as_json), "no report"], stream="more")
    assert function(reader, "resized")["memory"] == {"lines": 2, "maxUsedMb": 301, "isSample": False}


def test_very_many_lines_are_a_sample(reader: AwsReader, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lambda_performance, "MAX_PAGES", 2)
    make_function(account, "busy")
    for stream in ("run-1", "run-2", "run-3"):
        write_lines(account, "/aws/lambda/busy", [report_line(256, 100)], stream=stream)
    assert function(reader, "busy")["memory"]["isSample"] is True


def test_a_function_without_its_log_group_has_no_memory_and_no_zero(reader: AwsReader, account: Account) -> None:
    make_function(account, "logless", log_group=False)
    found = function(reader, "logless")
    assert is_failed(found["memory"])
    assert found["invocations"]["values"] == [84.0]


def test_no_variable_of_a_function_is_kept(reader: AwsReader, account: Account) -> None:
    make_function(account, "secretive", variables={"PASSWORD": "correct-horse-battery"})
    assert "correct-horse-battery" not in json.dumps(function(reader, "secretive"))


def test_costs_of_a_month_without_any_are_zero_and_a_missing_month_is_not(
    box: Sandbox, reader: AwsReader, account: Account
) -> None:
    book(account, [line(account, "AWS Lambda", "Request", 2.0, days_ago=(DAYS, 0))])
    days = (reader.now.date().replace(day=1) - reader.now.date()).days
    book(account, [line(account, "AWS Glue", "DPU", 9.0, days_ago=(-days + 1, -days + 1))])
    found = {one["name"]: one for one in read_with("cost_explorer", reader)["services"]}
    assert found["AWS Glue"]["before"] == 0
    assert found["AWS Glue"]["now"] == 9.0
    assert found["AWS Lambda"]["now"] == 2.0 * found["AWS Lambda"]["daysNow"]
    fault = box.faults.add_document({"kind": "notJson", "service": "ce", "operation": "GetCostAndUsage"})
    assert set(failures(read_with("cost_explorer", reader))) == {"ce:get_cost_and_usage"}
    box.faults.remove(fault.fault_id)


def test_staging_knows_server_and_migration(reader: AwsReader, account: Account) -> None:
    ended = migration(account, "gone-01", wave="w", app="gone", phase=Phase.FINALIZED, updated_minutes_ago=180)
    waiting = make_server(account, "waits-01", app="waits", state="READY_FOR_TEST")
    ec2 = account.client("ec2")
    for server_id in (ended.source_server_id, waiting, "s-00000000000000bad"):
        tags = {
            "Name": "AWS Application Migration Service Volume",
            "AWSApplicationMigrationServiceManaged": "mgn.amazonaws.com",
            "AWSApplicationMigrationServiceSourceServerID": server_id,
        }
        listed = [{"Key": key, "Value": value} for key, value in tags.items()]
        specification = [{"ResourceType": "volume", "Tags": listed}]
        ec2.create_volume(AvailabilityZone="us-east-1a", Size=1, TagSpecifications=specification)
    found = {one["sourceServerId"]: one for one in read_with("staging", reader)["staging"]}
    assert found[ended.source_server_id]["migration"]["status"] == "COMPLETED"
    assert found[ended.source_server_id]["server"]["lifecycleState"] == "CUTOVER"
    assert found[waiting]["migration"] is None
    assert found[waiting]["server"]["replicates"] is True
    assert (found["s-00000000000000bad"]["migration"], found["s-00000000000000bad"]["server"]) == (None, None)


def test_idle_leaves_the_staging_area_alone(reader: AwsReader, account: Account) -> None:
    ec2 = account.client("ec2")
    ours = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
    names = {one["name"] for one in read_with("idle", reader)["volumes"]}
    assert ours in names
    managed = {one["name"] for one in read_with("staging", reader)["staging"]}
    assert not names & managed


def source_server(state: str | None, lifecycle: str = "READY_FOR_TEST", **more: Any) -> dict[str, Any]:
    replication = {} if state is None else {"dataReplicationInfo": {"dataReplicationState": state}}
    number = f"s-{state}-{lifecycle}-{len(more)}"
    return {"sourceServerID": number, "isArchived": False, "lifeCycle": {"state": lifecycle}} | replication | more


def mgn_answers(reader: AwsReader, monkeypatch: pytest.MonkeyPatch, *servers: dict[str, Any]) -> None:
    pages = SimpleNamespace(paginate=lambda **_: [{"items": list(servers)}])
    monkeypatch.setitem(reader._clients, "mgn", SimpleNamespace(get_paginator=lambda _: pages))


UNSAID = [source_server(None), source_server("SOMETHING_NEW"), source_server(None, "CUTOVER")]
STILL = [source_server("STOPPED"), source_server("DISCONNECTED"), source_server(None, "PENDING_INSTALLATION")]


@pytest.mark.parametrize("unsaid", UNSAID)
class TestServersOfWhichMgnDoesNotSayWhetherTheyReplicate:
    def test_the_use_of_the_quota_is_unknown(
        self, reader: AwsReader, monkeypatch: pytest.MonkeyPatch, unsaid: dict[str, Any]
    ) -> None:
        mgn_answers(reader, monkeypatch, unsaid, source_server("CONTINUOUS"))
        assert is_failed(COUNTERS["mgnReplicating"](reader))

    def test_they_are_no_proof_that_nothing_replicates(
        self, reader: AwsReader, monkeypatch: pytest.MonkeyPatch, unsaid: dict[str, Any]
    ) -> None:
        mgn_answers(reader, monkeypatch, unsaid, *STILL)
        assert is_failed(staging.read(reader)["replicating"])

    def test_others_that_replicate_are_counted_for_the_staging_area(
        self, reader: AwsReader, monkeypatch: pytest.MonkeyPatch, unsaid: dict[str, Any]
    ) -> None:
        mgn_answers(reader, monkeypatch, unsaid, source_server("STALLED"))
        assert staging.read(reader)["replicating"] == 1


def test_servers_that_are_known_not_to_replicate_are_none(reader: AwsReader, monkeypatch: pytest.MonkeyPatch) -> None:
    archived = source_server(None, isArchived=True)
    mgn_answers(reader, monkeypatch, *STILL, archived)
    assert staging.read(reader)["replicating"] == 0
    mgn_answers(reader, monkeypatch, *STILL)
    assert COUNTERS["mgnReplicating"](reader) == 0


def test_a_job_that_names_no_servers_is_a_job_of_unknown_size(
    reader: AwsReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    mgn_answers(reader, monkeypatch, {"jobID": "mgnjob-1", "creationDateTime": "2026-01-01T00:00:00Z"})
    assert COUNTERS["mgnJobs"](reader) == 1
    assert is_failed(COUNTERS["mgnServersInJobs"](reader))


def test_the_table_is_never_scanned(box: Sandbox, reader: AwsReader) -> None:
    box.calls.clear()
    for name in ("ledger_durations", "staging", "growth"):
        read_with(name, reader)
    assert calls(box)["dynamodb:Query"] > 0
    assert "dynamodb:Scan" not in calls(box)


def test_applied_quotas_go_before_defaults(reader: AwsReader, account: Account) -> None:
    account.control.write_history(serviceQuotas={"L-B99A9384": 3_000})
    found = {one["name"]: one for one in read_with("quotas", reader)["quotas"]}
    assert (found["Lambda concurrent executions"]["limit"], found["Lambda concurrent executions"]["source"]) == (
        3_000,
        "applied",
    )
    assert found["EBS gp3 storage (TiB)"]["source"] == "default"
    assert found["MGN jobs at once"]["source"] == "documented"


def test_a_young_ledger_has_no_weeks(reader: AwsReader) -> None:
    series = {one["name"]: one for one in read_with("growth", reader)["series"]}
    assert series["migrations"]["weeks"] == []


def test_use_of_a_quota_is_that_of_the_last_week(reader: AwsReader, account: Account) -> None:
    """Three days are no whole week, and still say how much is used."""
    daily(account, "AWS/Usage", "ResourceCount", LAMBDA, [700, 70, 20, 20, 20, 20, 20, 20, 30])
    found = {one["name"]: one for one in read_with("quotas", reader)["quotas"]}
    assert found["Lambda concurrent executions"]["used"] == 70
    assert found["EC2 vCPUs of On-Demand Standard instances"]["used"] is None


def test_a_quota_that_is_not_listed_is_unknown(reader: AwsReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quotas, "QUOTAS", (QuotaSource("new quota", "mgn", words=("no", "such")),))
    (found,) = read_with("quotas", reader)["quotas"]
    assert is_failed(found["limit"])
    assert is_failed(found["used"])
