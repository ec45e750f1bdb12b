"""Comparing and putting right, against the sandbox's CloudWatch."""

from __future__ import annotations

from typing import Any

import pytest

from include.sandbox.estates.account import Account
from include.sandbox.estates.clean.sqs import make_queue
from include.sandbox.sandbox import Sandbox
from migration_ops.aws.reader import AwsReader
from migration_ops.core.finding import FindingStatus
from migration_ops.core.states import Phase
from migration_ops.runbook.alarms.wanted import KINDS, LEFTOVER
from tests.runbook.alarms.conftest import SERVER, TOPICS, Look, alarms, foreign, goes_on

DEAD = "migration-ops/dead_letters/jobs-dlq"
RATE = "migration-ops/function_error_rate/validate-input"
LAG = f"migration-ops/replication_lag/{SERVER}"
# Of no kind and not ours; but where it is, somebody has installed alarms.
OTHER = "migration-ops/old_kind/x"
REAL_KINDS = [kind for kind in KINDS if kind != LEFTOVER]


def verdicts(looked: Any) -> dict[str, tuple[str, str]]:
    return {one.resource: (one.verdict.value, one.value) for one in looked.findings}


@pytest.mark.parametrize("kind", REAL_KINDS)
def test_a_dry_run_shows_what_is_missing_and_makes_nothing(look: Look, account: Account, kind: str) -> None:
    foreign(account, OTHER)
    looked = look(kind)
    assert {one.value for one in looked.findings} == {"missing"}
    assert FindingStatus.OK not in {one.verdict for one in looked.findings}
    assert set(alarms(account)) == {OTHER}


@pytest.mark.parametrize("kind", REAL_KINDS)
def test_after_an_apply_all_is_as_wanted_and_a_second_one_changes_nothing(
    look: Look, account: Account, box: Sandbox, kind: str
) -> None:
    first = look(kind, dry_run=False)
    assert {one.verdict for one in first.findings} == {FindingStatus.OK}
    assert first.done
    made = alarms(account)
    assert {one.resource for one in first.findings} == set(made)
    box.calls.clear()
    second = look(kind, dry_run=False)
    assert second.done == ()
    assert {one.verdict for one in second.findings} == {FindingStatus.OK}
    assert not {one["operation"] for one in box.calls.counts()} & {"PutMetricAlarm", "DeleteAlarms", "TagResource"}
    assert alarms(account) == made


CHANGES: list[tuple[str, dict[str, Any], str]] = [
    (DEAD, {"Threshold": 5.0}, "Threshold"),
    (DEAD, {"Statistic": "Sum"}, "Statistic"),
    (DEAD, {"Dimensions": []}, "Dimensions"),
    (DEAD, {"TreatMissingData": "missing"}, "TreatMissingData"),
    (DEAD, {"AlarmActions": []}, "AlarmActions"),
    (DEAD, {"Unit": "Count"}, "Unit"),
    (RATE, {"Metrics": "broken"}, "Metrics"),
]


@pytest.mark.parametrize(("name", "change", "field"), CHANGES)
def test_each_changed_member_is_shown_and_put_right(
    look: Look, account: Account, applied: None, name: str, change: dict[str, Any], field: str
) -> None:
    kind = name.split("/")[1]
    before = alarms(account)[name]
    request = {
        member: value
        for member, value in before.items()
        if member not in ("AlarmArn", "AlarmConfigurationUpdatedTimestamp") and not member.startswith("State")
    }
    if change == {"Metrics": "broken"}:
        queries = [dict(one) for one in before["Metrics"]]
        queries[-1]["Expression"] = "m1"
        change = {"Metrics": queries}
    account.client("cloudwatch").put_metric_alarm(**request | change)
    found = {one.resource: one for one in look(kind).findings}[name]
    assert (found.value, found.verdict) == ("drifted", FindingStatus.CRITICAL)
    assert [one["field"] for one in found.evidence] == [field]
    assert found.evidence[0]["is"] != found.evidence[0]["should"]
    assert {one.verdict for one in look(kind, dry_run=False).findings} == {FindingStatus.OK}
    now = alarms(account)[name]
    assert {member: now.get(member) for member in request} == {member: before.get(member) for member in request}


def test_an_alarm_whose_subject_is_gone_is_deleted_and_only_it(look: Look, account: Account, applied: None) -> None:
    before = set(alarms(account))
    goes_on(account, SERVER, Phase.FAILED)
    assert verdicts(look("replication_lag")) == {LAG: ("WARNING", "orphaned")}
    look("replication_lag", dry_run=False)
    assert before - set(alarms(account)) == {LAG}


def test_an_alarm_of_a_kind_that_is_no_more_is_left_over(look: Look, account: Account, applied: None) -> None:
    cloudwatch = account.client("cloudwatch")
    foreign(account, "migration-ops/old_kind/x")
    assert verdicts(look(LEFTOVER)) == {"*": ("OK", 0)}
    arn = alarms(account)["migration-ops/old_kind/x"]["AlarmArn"]
    tag = {"Key": "migration-ops/installation", "Value": account.settings["MIGRATION_OPS_TABLE_NAME"]}
    cloudwatch.tag_resource(ResourceARN=arn, Tags=[tag])
    assert verdicts(look(LEFTOVER)) == {"migration-ops/old_kind/x": ("WARNING", "orphaned")}
    before = set(alarms(account))
    look(LEFTOVER, dry_run=False)
    assert before - set(alarms(account)) == {"migration-ops/old_kind/x"}


def test_alarms_of_others_are_never_touched(look: Look, account: Account) -> None:
    names = [DEAD, "migration-ops/dead_letters/somebody-elses", "migration-dlq-alarm", "other/dead_letters/jobs-dlq"]
    for name in names:
        foreign(account, name)
    before = {name: alarms(account)[name] for name in names}
    for kind in KINDS:
        look(kind, dry_run=False)
    assert {name: alarms(account)[name] for name in names} == before
    # The one that stands where ours should be is said, and red: ours cannot ring.
    found = {one.resource: one for one in look("dead_letters").findings}
    assert (found[DEAD].value, found[DEAD].verdict) == ("not ours", FindingStatus.CRITICAL)


def test_another_installations_alarms_are_not_ours(look: Look, account: Account, applied: None) -> None:
    arn = alarms(account)[LAG]["AlarmArn"]
    tag = {"Key": "migration-ops/installation", "Value": "another-table"}
    account.client("cloudwatch").tag_resource(ResourceARN=arn, Tags=[tag])
    goes_on(account, SERVER, Phase.FAILED)
    looked = look("replication_lag", dry_run=False)
    assert looked.done == ()
    assert LAG in alarms(account)


def test_silence_is_said_and_kept(look: Look, account: Account, applied: None) -> None:
    cloudwatch = account.client("cloudwatch")
    cloudwatch.disable_alarm_actions(AlarmNames=[DEAD])
    assert verdicts(look("dead_letters", dry_run=False))[DEAD] == ("CRITICAL", "actions disabled")
    request = {
        member: value
        for member, value in alarms(account)[DEAD].items()
        if member not in ("AlarmArn", "AlarmConfigurationUpdatedTimestamp") and not member.startswith("State")
    }
    cloudwatch.put_metric_alarm(**request | {"Threshold": 9.0})
    assert verdicts(look("dead_letters", dry_run=False))[DEAD] == ("CRITICAL", "actions disabled")
    now = alarms(account)[DEAD]
    assert (now["Threshold"], now["ActionsEnabled"]) == (1.0, False)


@pytest.mark.parametrize("kind", KINDS)
def test_a_refused_call_is_unknown_or_red_and_deletes_nothing(
    look: Look, account: Account, box: Sandbox, applied: None, kind: str
) -> None:
    """Every subject is gone, every alarm an orphan; yet whoever cannot read that deletes nothing."""
    goes_on(account, SERVER, Phase.FAILED)
    foreign(account, "migration-ops/old_kind/x")
    tag = {"Key": "migration-ops/installation", "Value": account.settings["MIGRATION_OPS_TABLE_NAME"]}
    arn = alarms(account)["migration-ops/old_kind/x"]["AlarmArn"]
    account.client("cloudwatch").tag_resource(ResourceARN=arn, Tags=[tag])
    make_queue(account.client("sqs"), "new-queue")
    box.calls.clear()
    look(kind)
    calls = [(one["service"], one["operation"]) for one in box.calls.counts()]
    before = alarms(account)
    lies = []
    # Ages of messages are read with the queues, and no alarm hangs on them.
    for service, operation in [one for one in calls if one[1] != "GetMetricData"]:
        fault = box.faults.add_document({"kind": "accessDenied", "service": service, "operation": operation})
        looked = look(kind, dry_run=False)
        box.faults.remove(fault.fault_id)
        if FindingStatus.UNKNOWN not in {one.verdict for one in looked.findings}:
            lies.append(f"{service}:{operation}")
    assert lies == []
    assert set(alarms(account)) == set(before)


@pytest.mark.parametrize("operation", ["PutMetricAlarm", "DeleteAlarms"])
def test_a_refused_change_is_red(look: Look, account: Account, box: Sandbox, operation: str) -> None:
    if operation == "DeleteAlarms":
        look("replication_lag", dry_run=False)
        goes_on(account, SERVER, Phase.FAILED)
    box.faults.add_document({"kind": "accessDenied", "service": "monitoring", "operation": operation})
    looked = look("replication_lag", dry_run=False)
    assert [one.verdict for one in looked.findings] == [FindingStatus.CRITICAL]
    assert "ACCESS_DENIED" in looked.findings[0].reason
    assert [one.error is None for one in looked.done] == [False]


def test_actions_lead_to_the_topics_of_the_configuration(look: Look, account: Account, applied: None) -> None:
    found = alarms(account)
    assert found[DEAD]["AlarmActions"] == [next(arn for route, arn in TOPICS.items() if route.value == "page")]
    assert found[LAG]["AlarmActions"] == [next(arn for route, arn in TOPICS.items() if route.value == "warn")]


def test_an_installation_without_functions_watches_none(look: Look, reader: AwsReader, account: Account) -> None:
    from dataclasses import replace

    from migration_ops.core.config import Names, Resources, RunbookConfig

    bare = replace(reader, config=RunbookConfig(resources=Resources(functions=Names(include=()))))
    assert verdicts(look("function_error_rate", using=bare)) == {"*": ("OK", 0)}


def test_an_alarm_made_after_a_deleted_one_is_not_ours_by_its_name(look: Look, account: Account, applied: None) -> None:
    """The sandbox keeps no tags of deleted alarms, and takes none for one that is there: as AWS does."""
    account.client("cloudwatch").delete_alarms(AlarmNames=[DEAD])
    foreign(account, DEAD)
    assert verdicts(look("dead_letters", dry_run=False))[DEAD] == ("CRITICAL", "not ours")
    assert alarms(account)[DEAD]["MetricName"] == "NumberOfMessagesSent"


def test_dead_letters_of_functions_and_rules_are_dead_letters_too(look: Look, account: Account) -> None:
    sqs = account.client("sqs")
    arns = {}
    for name in ("of-a-rule", "of-a-function", "of-nobody"):
        url = make_queue(sqs, name)
        arns[name] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    target = {"Id": "one", "Arn": arns["of-nobody"], "DeadLetterConfig": {"Arn": arns["of-a-rule"]}}
    account.client("events").put_targets(Rule="on-custom", EventBusName="custom-bus", Targets=[target])
    account.client("lambda").update_function_configuration(
        FunctionName="validate-input", DeadLetterConfig={"TargetArn": arns["of-a-function"]}
    )
    foreign(account, OTHER)
    found = {one.resource.rsplit("/", 1)[-1] for one in look("dead_letters").findings}
    assert {"of-a-rule", "of-a-function", "jobs-dlq"} <= found
    assert "of-nobody" not in found
