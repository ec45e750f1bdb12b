"""A fresh installation is quiet: what only ``migration_setup`` makes, with the shipped configuration."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from include.sandbox.estates import fake_pip
from include.sandbox.estates.account import Account
from include.sandbox.estates.clean.sqs import make_queue
from include.sandbox.sandbox import Sandbox
from migration_ops.core.config import SHIPPED_PATTERNS, Names, RunbookConfig, read_config
from migration_ops.core.finding import RED, Finding, FindingStatus, Route
from migration_ops.runbook.checks.expectations import skipped_lines
from migration_ops.runbook.reports.notify import route_of
from tests.runbook.estates import account_of, chapters, look, reader_of

CHAPTERS = chapters()
CRITICAL, UNKNOWN, WARNING, OK = FindingStatus
# What is not installed, by chapter; everything else is judged.
NOT_HERE = {
    "assessment": {"no scan of the Python packages here: 1 check skipped"},
    "audit": {
        "no functions here: 6 checks skipped",
        "no roles here: 10 checks skipped",
        "no secrets here: 5 checks skipped",
        "no state machines here: 2 checks skipped",
    },
    "cost": {"no cost data here: 2 checks skipped"},
    "health": {
        "no functions here: 3 checks skipped",
        "no state machines here: 5 checks skipped",
    },
    "performance": {"no functions here: 5 checks skipped", "no state machines here: 4 checks skipped"},
    "weekly": {
        "no cost data here: 1 check skipped",
        "no functions here: 1 check skipped",
        "no scan of the Python packages here: 1 check skipped",
    },
}


@pytest.fixture(scope="module")
def account(box: Sandbox) -> Iterator[Account]:
    box.reset()
    made = account_of(box)
    made.settings["MIGRATION_OPS_PIP_LIST_COMMAND"] = shlex.join([sys.executable, fake_pip.__file__])
    yield made
    box.reset()


def findings(box: Sandbox, account: Account, chapter: str, config: RunbookConfig | None = None) -> list[Finding]:
    _, found = look(reader_of(box, account, config or read_config()), CHAPTERS[chapter])
    return [one for some in found.values() for one in some]


def changed(**resources: Any) -> RunbookConfig:
    """The shipped configuration with other resources."""
    config = read_config()
    return config.model_copy(update={"resources": config.resources.model_copy(update=resources)})


@pytest.mark.parametrize("name", CHAPTERS)
def test_nothing_is_red_and_what_is_not_here_is_said_in_a_line(box: Sandbox, account: Account, name: str) -> None:
    found = findings(box, account, name)
    for line in skipped_lines(found):
        print(f"{name}: {line}")
    assert [(one.check_id, one.resource, one.reason) for one in found if one.verdict in RED] == []
    assert set(skipped_lines(found)) == NOT_HERE.get(name, set())


@pytest.mark.parametrize(
    ("chapter", "kind", "number"),
    [("health", "functions", 3), ("health", "state_machines", 5), ("audit", "secrets", 5), ("audit", "keys", 3)],
)
def test_what_an_installer_says_is_there_is_missed(
    box: Sandbox, account: Account, chapter: str, kind: str, number: int
) -> None:
    for names in (Names(include=("orders-*",)), Names(include=("*",), exclude=("*",), expect=True)):
        found = [one for one in findings(box, account, chapter, changed(**{kind: names})) if one.verdict is UNKNOWN]
        assert [one.resource for one in found] == ["*"] * number, kind


def test_data_that_an_installer_expects_is_missed(box: Sandbox, account: Account) -> None:
    config = changed(expect=("dependencyScan", "costs", "history"))
    unknown = {
        one.check_id
        for name in ("weekly", "assessment", "cost", "capacity")
        for one in findings(box, account, name, config)
        if one.verdict is UNKNOWN
    }
    assert unknown == {
        "packages_vulnerable",
        "packages_known_vulnerabilities",
        "cost_service_growth",
        "cost_tag_growth",
        "cost_week_growth",
        "growth_forecast",
    }


@pytest.mark.parametrize(
    ("service", "operation", "chapter"),
    [
        ("lambda", "ListFunctions", "health"),
        ("states", "ListStateMachines", "performance"),
        ("secretsmanager", "ListSecrets", "audit"),
        ("ce", "GetCostAndUsage", "cost"),
        ("s3", "GetObject", "assessment"),
    ],
)
def test_a_list_that_cannot_be_read_is_unknown_and_not_none_here(
    box: Sandbox, account: Account, service: str, operation: str, chapter: str
) -> None:
    before = [one for one in findings(box, account, chapter) if one.verdict is UNKNOWN]
    fault = box.faults.add_document({"kind": "accessDenied", "service": service, "operation": operation})
    during = [one for one in findings(box, account, chapter) if one.verdict is UNKNOWN]
    box.faults.remove(fault.fault_id)
    assert before == []
    assert during


class TestOurOwn:
    """What the settings name is expected, whatever it is called."""

    @pytest.mark.parametrize(
        ("setting", "checks"),
        [("event_bus", {"eventbridge_bus_not_public"}), ("evidence_bucket", {"s3_bucket_not_public"})],
    )
    def test_one_that_is_gone_is_unknown(self, box: Sandbox, account: Account, setting: str, checks: set[str]) -> None:
        reader = reader_of(box, account, read_config())
        reader.settings = replace(reader.settings, **{setting: "acme-gone"})
        reader.config = read_config().with_own(reader.settings)
        _, found = look(reader, CHAPTERS["audit"])
        unknown = {check for check, some in found.items() if any(one.verdict is UNKNOWN for one in some)}
        assert checks <= unknown

    def test_a_topic_that_is_gone_is_unknown(self, box: Sandbox, account: Account) -> None:
        found = findings(box, account, "audit", changed(on_call_topic="migration-pager"))
        unknown = {one.check_id for one in found if one.verdict is UNKNOWN}
        assert unknown == {"sns_topic_encrypted", "sns_topic_not_public"}


def test_what_belongs_to_others_pages_nobody(box: Sandbox, account: Account) -> None:
    """An ordinary account: scaling alarms, another team's queue, roles that AWS and its tools make."""
    cloudwatch, iam = account.client("cloudwatch"), account.client("iam")
    for name in ("TargetTracking-table/orders-AlarmLow-1", "awseb-e-abc-stack-AWSEBCloudwatchAlarmLow-1", "billing"):
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            Namespace="AWS/DynamoDB",
            MetricName="ConsumedReadCapacityUnits",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="LessThanThreshold",
        )
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="low")
    url = make_queue(account.client("sqs"), "orders-queue")
    for number in range(101):
        account.client("sqs").send_message(QueueUrl=url, MessageBody=str(number))
    trust = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "sts:AssumeRole"}
    for name in ("AWSReservedSSO_AdministratorAccess_1", "OrganizationAccountAccessRole", "cdk-hnb-cfn-exec-role"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))
        everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(everything))
    found = [one for name in ("health", "audit") for one in findings(box, account, name)]
    assert [(one.check_id, one.resource) for one in found if route_of(one) is Route.PAGE] == []
    assert [(one.check_id, one.resource) for one in found if one.verdict in RED] == []
    warned = {one.resource: one.reason for one in found if "inline_policy" in one.check_id and one.verdict is WARNING}
    assert len(warned) == 3
    assert all("a warning only: " in reason for reason in warned.values())
    # A role of anybody else is judged as it is, and other teams' resources are there for the asking.
    iam.create_role(RoleName="somebody", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))
    iam.put_role_policy(RoleName="somebody", PolicyName="all", PolicyDocument=json.dumps(everything))
    audit = [one for one in findings(box, account, "audit") if one.verdict is CRITICAL]
    assert {one.resource for one in audit} == {"somebody"}
    asked = changed(queues=Names(include=("migration-*", "orders-*")), alarms=Names(include=("*",)))
    assert {one.resource for one in findings(box, account, "health", asked) if one.verdict is CRITICAL} >= {
        "orders-queue",
        "billing",
    }


def test_the_shipped_patterns_say_nothing_about_what_an_installer_has() -> None:
    config = read_config()
    kinds = [name for name in type(config.resources).model_fields if isinstance(getattr(config.resources, name), Names)]
    assert {pattern for kind in kinds for pattern in getattr(config.resources, kind).include} == SHIPPED_PATTERNS
    assert {kind for kind in kinds if config.resources.expects(kind)} == {"queues", "buses", "buckets", "topics"}
    assert config.thresholds == RunbookConfig().thresholds
    assert config.accepted == RunbookConfig().accepted
