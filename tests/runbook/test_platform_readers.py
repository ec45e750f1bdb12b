"""Readers of EventBridge, DynamoDB, CloudWatch, ledger and MGN against the sandbox: pages, gaps, calls made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.stub import Stubber

from include.sandbox.estates.account import Account
from include.sandbox.estates.clean.events import make_rule
from include.sandbox.estates.clean.mgn_ledger import migration
from include.sandbox.estates.clean.tables import make_table
from include.sandbox.sandbox import Sandbox
from migration_ops.aws.inventory import cloudwatch, dynamodb, events
from migration_ops.aws.inventory.dynamodb_scratch import RUN_TAG
from migration_ops.aws.reader import AwsReader
from migration_ops.core.config import Names
from migration_ops.core.facts import NOT_READ, Snapshot, is_failed
from migration_ops.core.finding import FindingStatus
from migration_ops.core.states import Phase
from migration_ops.core.thresholds import Thresholds
from migration_ops.ledger import queries, replication
from migration_ops.ledger.dynamodb import DynamoDbLedger
from migration_ops.ledger.protocol import Record
from migration_ops.runbook.checks.check import Check
from tests.runbook.estates import account_of, failures, reader_of


@pytest.fixture(scope="module")
def account(box: Sandbox) -> Iterator[Account]:
    box.reset()
    yield account_of(box)
    box.reset()


@pytest.fixture
def reader(box: Sandbox, account: Account) -> AwsReader:
    box.calls.clear()
    return reader_of(box, account)


def configured(reader: AwsReader, **resources: Any) -> AwsReader:
    wanted = reader.config.resources.model_copy(update=resources)
    return replace(reader, config=reader.config.model_copy(update={"resources": wanted}))


def calls(box: Sandbox) -> dict[str, int]:
    return {one["operation"]: one["count"] for one in box.calls.counts()}


class TestEvents:
    def test_our_rules_on_both_buses(self, reader: AwsReader, account: Account) -> None:
        account.client("events").put_rule(Name="somebody-elses", EventPattern='{"source": ["aws.ec2"]}')
        rules = {one["name"]: one for one in events.read(reader)["rules"]}
        assert set(rules) == {
            "custom-migration-bus/migration-requested",
            "custom-migration-bus/migration-frozen",
            "custom-migration-bus/migration-failed",
            "default/migration-mgn-launch-failed",
            "default/migration-mgn-stalled",
        }
        requested = rules["custom-migration-bus/migration-requested"]
        assert requested["state"] == "ENABLED"
        assert [one["deadLetterArn"].rsplit(":", 1)[-1] for one in requested["targets"]] == ["migration-requests-dlq"]
        account.client("events").delete_rule(Name="somebody-elses")

    def test_dimensions_differ_by_bus(self, reader: AwsReader, account: Account) -> None:
        """RuleName alone is the default bus; with another's it would be another rule."""
        account.metric("AWS/Events", "FailedInvocations", {"RuleName": "migration-mgn-stalled"}, 3)
        account.metric(
            "AWS/Events",
            "ThrottledRules",
            {"EventBusName": "custom-migration-bus", "RuleName": "migration-frozen"},
            5,
        )
        account.metric("AWS/Events", "ThrottledRules", {"RuleName": "migration-failed"}, 7)
        rules = {one["rule"]: one for one in events.read(reader)["rules"]}
        assert rules["migration-mgn-stalled"]["failedInvocations"]["values"] == [3]
        assert rules["migration-frozen"]["throttled"]["values"] == [5]
        assert rules["migration-failed"]["throttled"]["values"] == []

    def test_all_pages_of_buses_and_rules(self, reader: AwsReader, account: Account, box: Sandbox) -> None:
        client = account.client("events")
        buses = [f"many-{number:02d}" for number in range(55)]
        for bus in buses:
            client.create_event_bus(Name=bus)
        for number in range(55):
            make_rule(account, f"rule-{number:02d}", bus=buses[-1])
        box.calls.clear()
        found = events.read(configured(reader, buses=Names(include=("many-54",))))["rules"]
        assert len([one for one in found if one["bus"] == "many-54"]) == 55
        assert calls(box)["ListEventBuses"] > 1
        for number in range(55):
            client.remove_targets(Rule=f"rule-{number:02d}", EventBusName=buses[-1], Ids=["request-queue"])
            client.delete_rule(Name=f"rule-{number:02d}", EventBusName=buses[-1])
        for bus in buses:
            client.delete_event_bus(Name=bus)

    def test_our_bus_that_is_gone_is_unknown_not_passed_over(self, reader: AwsReader) -> None:
        other = replace(reader, settings=replace(reader.settings, event_bus="no-such-bus"))
        answer = events.read(other)
        assert [one["name"] for one in answer["rules"] if is_failed(one["state"])] == ["no-such-bus/*"]
        for check_id in (
            "events_rule_failed_invocations",
            "events_rule_undelivered",
            "events_rule_throttled",
            "events_rule_delivers",
        ):
            found = Check("health", check_id).run(Snapshot({"events": answer}), Thresholds())
            assert {one.resource for one in found if one.verdict is FindingStatus.UNKNOWN} == {"no-such-bus/*"}

    def test_where_there_are_no_buses_nothing_is_asked(self, reader: AwsReader, box: Sandbox) -> None:
        assert events.read(configured(reader, buses=Names(include=()))) == {"rules": []}
        assert calls(box) == {}


class TestTable:
    def test_table_and_indexes(self, reader: AwsReader) -> None:
        answer = dynamodb.read(reader)
        table = reader.settings.table_name
        assert {one["name"]: one["status"] for one in answer["parts"]} == {
            table: "ACTIVE",
            f"{table}/index/wave-status-index": "ACTIVE",
            f"{table}/index/app-status-index": "ACTIVE",
            f"{table}/index/status-timestamp-index": "ACTIVE",
        }
        assert answer["tables"][0]["billingMode"] == "PAY_PER_REQUEST"
        assert answer["tables"][0]["backups"]["pointInTime"] == "ENABLED"

    def test_an_index_has_its_own_series(self, reader: AwsReader, account: Account) -> None:
        table = reader.settings.table_name
        index = {"TableName": table, "GlobalSecondaryIndexName": "wave-status-index"}
        account.metric("AWS/DynamoDB", "ReadThrottleEvents", index, 4)
        parts = {one["name"]: one["readThrottles"]["values"] for one in dynamodb.read(reader)["parts"]}
        assert parts == {
            table: [],
            f"{table}/index/wave-status-index": [4],
            f"{table}/index/app-status-index": [],
            f"{table}/index/status-timestamp-index": [],
        }

    def test_tables_of_drills_and_restores(self, reader: AwsReader, account: Account) -> None:
        """By the tag of the run, whatever the name; of a drill also by name; nobody else's, and not the one in use."""
        client, live = account.client("dynamodb"), reader.settings.table_name
        drill, other = f"{live}-drill-0123456789-pitr", "restored-by-hand"
        for name, tags in ((drill, {}), (other, {RUN_TAG: "run-1"}), ("somebody-elses", {})):
            make_table(account, name)
            arn = client.describe_table(TableName=name)["Table"]["TableArn"]
            client.tag_resource(ResourceArn=arn, Tags=[{"Key": key, "Value": one} for key, one in tags.items()])
        try:
            later = replace(reader, now=reader.now + timedelta(hours=20))
            found = {one["name"]: one for one in dynamodb.read(later)["scratch"]}
            assert set(found) == {drill, other}
            assert found[other]["run"] == "run-1"
            assert 19 < found[drill]["ageHours"] < 21
            answer = {"dynamodb": dynamodb.read(later)}
            verdicts = Check("health", "dynamodb_scratch_table_leftover").run(Snapshot(answer), Thresholds())
            assert {one.resource for one in verdicts if one.verdict is FindingStatus.WARNING} == {drill, other}
        finally:
            for name in (drill, other, "somebody-elses"):
                client.update_table(TableName=name, DeletionProtectionEnabled=False)
                client.delete_table(TableName=name)

    def test_a_table_that_is_not_there_is_unread(self, reader: AwsReader) -> None:
        answer = dynamodb.read(replace(reader, settings=replace(reader.settings, table_name="no-such-table")))
        assert is_failed(answer["tables"])
        assert is_failed(answer["parts"])


class TestCloudWatch:
    def test_all_kinds_of_alarms_of_all_pages(self, reader: AwsReader) -> None:
        """With answers of a Stubber, which botocore's model validates: moto has neither composite alarms nor pages."""
        client = reader.client("cloudwatch")
        kinds = {"AlarmTypes": ["MetricAlarm", "CompositeAlarm", "LogAlarm"]}
        first = {"MetricAlarms": [{"AlarmName": "one", "StateValue": "OK"}], "CompositeAlarms": [], "NextToken": "2"}
        both = {"AlarmName": "both", "StateValue": "ALARM", "StateReason": "one is in ALARM", "ActionsEnabled": False}
        second = {"MetricAlarms": [], "CompositeAlarms": [both], "LogAlarms": [{"AlarmName": "log"}]}
        alarms = {}
        for excluded in ((), ("b*",)):
            with Stubber(client) as stubber:
                stubber.add_response("describe_alarms", first, kinds)
                stubber.add_response("describe_alarms", second, {**kinds, "NextToken": "2"})
                stubber.add_client_error("get_dashboard", "ResourceNotFound")
                other = configured(reader, alarms=Names(exclude=excluded))
                other._clients["cloudwatch"] = client
                alarms[excluded] = cloudwatch.read(other)["states"][0]["alarms"]
        assert [(one["name"], one["kind"], one["state"]) for one in alarms[()]] == [
            ("one", "metric", "OK"),
            ("both", "composite", "ALARM"),
            ("log", "log", None),
        ]
        assert [one["name"] for one in alarms[("b*",)]] == ["one", "log"]

    def test_the_dashboard_of_the_template_has_series(self, reader: AwsReader, account: Account) -> None:
        account.metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": "migration-requests"}, 0)
        dashboard = cloudwatch.read(reader)["dashboards"][0]
        filled = [one["label"] for one in dashboard["series"] if one["points"]]
        assert dashboard["exists"]
        assert len(dashboard["series"]) == 12
        assert any(label.endswith("ApproximateNumberOfMessagesVisible Maximum migration-requests") for label in filled)

    def test_a_dashboard_that_is_gone_is_told_from_one_that_is_refused(self, reader: AwsReader, box: Sandbox) -> None:
        gone = configured(reader, dashboard="no-such-dashboard")
        assert cloudwatch.read(gone)["dashboards"] == [{"name": "no-such-dashboard", "exists": False}]
        fault = box.faults.add_document({"kind": "accessDenied", "operation": "GetDashboard"})
        refused = cloudwatch.read(reader)["dashboards"][0]
        box.faults.remove(fault.fault_id)
        assert refused["exists"][NOT_READ]["code"] == "ACCESS_DENIED"

    def test_a_body_that_is_no_dashboard_is_unread(self, reader: AwsReader, account: Account) -> None:
        account.client("cloudwatch").put_dashboard(DashboardName="odd", DashboardBody=json.dumps([1]))
        dashboard = cloudwatch.read(configured(reader, dashboard="odd"))["dashboards"][0]
        assert is_failed(dashboard["series"])


class TestMigrations:
    def test_by_status_and_never_by_a_scan(self, reader: AwsReader, account: Account, box: Sandbox) -> None:
        server = "s-0123456789abcdef0"
        for name, phase, minutes in (
            ("active", Phase.CUTTING_OVER, 90),
            ("frozen", Phase.FROZEN, 10),
            ("failed", Phase.FAILED, 10),
            ("done", Phase.FINALIZED, 10),
        ):
            migration(
                account,
                name,
                wave="w",
                app="a",
                phase=phase,
                updated_minutes_ago=minutes,
                server_id=server,
                record={"error_code": "E"} if name == "frozen" else None,
            )
        box.calls.clear()
        answer = queries.read(reader)
        assert set(calls(box)) == {"Query"}
        active, frozen = answer["active"][0], answer["frozen"][0]
        assert (active["name"], active["phase"], frozen["errorCode"]) == ("mig-active", "CUTTING_OVER", "E")
        assert 90 <= active["minutesSinceUpdate"] < 95
        assert answer["summary"] == [
            {
                "counts": {
                    "REQUESTED": 0,
                    "MIGRATION_IN_PROGRESS": 1,
                    "COMPLETED": 1,
                    "FAILED": 1,
                    "ROLLED_BACK": 0,
                    "FROZEN": 1,
                },
                "servers": [{"name": server, "migrations": ["mig-active"]}],
            }
        ]

    def test_an_item_that_nobody_understands_makes_it_unread(self, reader: AwsReader, account: Account) -> None:
        item = {"migrationId": "mig-odd", "status": "FROZEN", "updatedAt": "2026-01-01T00:00:00.000Z", "phase": "?"}
        key = {"migrationId": {"S": "mig-odd"}}
        client = account.client("dynamodb")
        client.put_item(TableName=reader.settings.table_name, Item={name: {"S": one} for name, one in item.items()})
        answer = queries.read(reader)
        client.delete_item(TableName=reader.settings.table_name, Key=key)
        assert is_failed(answer["frozen"])
        assert is_failed(answer["summary"])
        assert not is_failed(answer["active"])


class TestServers:
    def test_servers_that_mgn_does_not_know_are_named(self, reader: AwsReader, account: Account, box: Sandbox) -> None:
        """201 of them: two filtered calls, and not one is left out."""
        ids = [f"s-{number:017x}" for number in range(201)]
        store = DynamoDbLedger(account.client("dynamodb"), reader.settings.table_name)
        records = [Record(f"mig-many-{one}", "many", "app", one, Phase.PLANNED) for one in ids]
        store.write(records, records, "planned")
        known = migration(account, "known-01", wave="many", app="app", phase=Phase.READY)
        box.calls.clear()
        servers = {one["name"]: one for one in replication.read(reader)["servers"]}
        assert calls(box)["DescribeSourceServers"] == 2
        assert {name for name, one in servers.items() if one["isListed"]} == {known.source_server_id}
        assert set(ids) <= set(servers)
        assert servers[known.source_server_id]["replicationState"] == "CONTINUOUS"
        found = Check("health", "mgn_server_replication_stalled").run(
            Snapshot({"mgn": {"servers": [servers[one] for one in ids]}}), Thresholds()
        )
        assert {one.verdict for one in found} == {FindingStatus.UNKNOWN}

    def test_a_refused_call_is_seen_at_each_server(self, reader: AwsReader, account: Account, box: Sandbox) -> None:
        migration(account, "refused-01", wave="refused", app="app", phase=Phase.READY)
        fault = box.faults.add_document(
            {"kind": "accessDenied", "service": "mgn", "operation": "DescribeSourceServers"}
        )
        answer = replication.read(reader)
        box.faults.remove(fault.fault_id)
        assert answer["servers"]
        assert all(is_failed(one["isListed"]) for one in answer["servers"])
        assert set(failures(answer)) == {"mgn:describe_source_servers"}


READERS = {"events": events, "dynamodb": dynamodb, "cloudwatch": cloudwatch, "ledger": queries, "mgn": replication}


@pytest.mark.parametrize("name", READERS)
def test_a_proxys_page_instead_of_an_answer_is_unread(
    reader: AwsReader, account: Account, box: Sandbox, name: str
) -> None:
    """Each call in turn is answered with HTML and status 200: no reader falls over it, none takes it for "none"."""
    if name == "mgn":
        migration(account, "proxied-01", wave="proxied", app="app", phase=Phase.READY)
    box.calls.clear()
    READERS[name].read(reader)
    asked = [one["operation"] for one in box.calls.counts()]
    assert asked
    for operation in asked:
        fault = box.faults.add_document({"kind": "notJson", "operation": operation})
        answer = READERS[name].read(reader)
        box.faults.remove(fault.fault_id)
        assert set(failures(answer)), operation
