"""Which alarms are wanted, exactly: a wrong dimension or statistic is an alarm that never rings."""

from __future__ import annotations

from typing import Any

import pytest

from migration_ops.core.facts import NotReadError, Snapshot, failed
from migration_ops.core.finding import Route
from migration_ops.core.states import Phase
from migration_ops.core.thresholds import Executions, Functions, Migrations, Queues, Thresholds
from migration_ops.runbook.alarms.alarm import NAME_CHARACTERS, PREFIX
from migration_ops.runbook.alarms.wanted import KINDS, LEFTOVER, desired_and_doubts, subjects_of

TOPICS = {route: f"arn:{route.value}" for route in Route}
LIMITS = Thresholds(
    queues=Queues(max_dead_letters=0),
    functions=Functions(max_error_percent=1.5, min_invocations=20),
    executions=Executions(max_failed_per_hour=2),
    migrations=Migrations(max_lag_seconds=420),
)
EXAMPLES: dict[str, list[dict[str, Any]]] = {
    "queues": [{"name": "jobs", "isDeadLetter": False}, {"name": "jobs-dlq", "isDeadLetter": True}],
    "functions": [{"name": "validate"}],
    "machines": [{"name": "waves", "arn": "arn:aws:states:us-east-1:1:stateMachine:waves"}],
    "rules": [{"name": "plain", "bus": "default"}, {"name": "own", "bus": "custom"}],
    "tables": [{"name": "state", "indexes": ["by-wave"]}],
    "migrations": [{"sourceServerId": "s-1", "wave": "w", "phase": "READY"}],
}


def requests(kind: str, things: list[dict[str, Any]] | None = None) -> dict[str, dict[str, Any]]:
    subjects = subjects_of(kind)
    assert subjects
    read = Snapshot({subjects: EXAMPLES[subjects] if things is None else things})
    alarms, doubts = desired_and_doubts(kind, read, LIMITS)
    assert doubts == {}
    return {one.name.removeprefix(f"{PREFIX}{kind}/"): one.request(TOPICS) for one in alarms}


def dimensions(request: dict[str, Any]) -> dict[str, str]:
    return {one["Name"]: one["Value"] for one in request["Dimensions"]}


def test_dead_letters_are_counted_by_their_maximum_from_the_first_one_on() -> None:
    found = requests("dead_letters")
    assert list(found) == ["jobs-dlq"]
    one = found["jobs-dlq"]
    assert (one["Namespace"], one["MetricName"]) == ("AWS/SQS", "ApproximateNumberOfMessagesVisible")
    assert dimensions(one) == {"QueueName": "jobs-dlq"}
    assert (one["Statistic"], one["TreatMissingData"]) == ("Maximum", "notBreaching")
    assert (one["ComparisonOperator"], one["Threshold"]) == ("GreaterThanOrEqualToThreshold", 1)
    assert one["AlarmActions"] == one["OKActions"] == ["arn:page"]


def test_silence_of_a_server_that_should_replicate_is_a_fault() -> None:
    one = requests("replication_lag")["s-1"]
    assert (one["Namespace"], one["MetricName"], one["Statistic"]) == ("AWS/MGN", "LagDuration", "Maximum")
    assert dimensions(one) == {"SourceServerID": "s-1"}
    assert (one["TreatMissingData"], one["Threshold"]) == ("breaching", 420)
    assert one["AlarmActions"] == ["arn:warn"]


@pytest.mark.parametrize("phase", Phase)
def test_lag_is_watched_until_the_cutover_is_launched(phase: Phase) -> None:
    expected = {
        Phase.PLANNED,
        Phase.TEST_LAUNCHING,
        Phase.TEST_LAUNCHED,
        Phase.TESTED,
        Phase.READY,
        Phase.CUTTING_OVER,
    }
    found = requests("replication_lag", [{"sourceServerId": "s-1", "wave": "w", "phase": phase.value}])
    assert bool(found) == (phase in expected)


def test_a_rate_needs_traffic() -> None:
    one = requests("function_error_rate")["validate"]
    by_id = {query["Id"]: query for query in one["Metrics"]}
    assert by_id["e1"]["Expression"] == "IF(m2>=20,100*m1/m2,0)"
    assert [query["Id"] for query in one["Metrics"] if query["ReturnData"]] == ["e1"]
    metrics = {name: by_id[name]["MetricStat"]["Metric"] for name in ("m1", "m2")}
    assert [metrics[name]["MetricName"] for name in ("m1", "m2")] == ["Errors", "Invocations"]
    assert all(one["Dimensions"] == [{"Name": "FunctionName", "Value": "validate"}] for one in metrics.values())
    assert (one["Threshold"], one["AlarmActions"], one["TreatMissingData"]) == (1.5, ["arn:page"], "notBreaching")
    assert "MetricName" not in one


def test_with_too_few_calls_any_error_is_a_warning() -> None:
    one = requests("function_few_calls")["validate"]
    assert one["Metrics"][-1]["Expression"] == "IF(m2<20,m1,0)"
    assert (one["Threshold"], one["ComparisonOperator"]) == (0, "GreaterThanThreshold")
    assert one["AlarmActions"] == ["arn:warn"]


def test_executions_that_timed_out_or_were_aborted_failed_too() -> None:
    found = requests("executions_failed")
    arn = EXAMPLES["machines"][0]["arn"]
    assert {one["MetricName"]: one["Threshold"] for one in found.values()} == {
        "ExecutionsFailed": 2,
        "ExecutionsTimedOut": 0,
        "ExecutionsAborted": 0,
    }
    assert list(found) == [f"waves/{one['MetricName']}" for one in found.values()]
    assert all(dimensions(one) == {"StateMachineArn": arn} for one in found.values())
    assert {(one["Namespace"], one["Period"], one["Statistic"]) for one in found.values()} == {
        ("AWS/States", 3600, "Sum")
    }
    assert {(one["TreatMissingData"], one["ComparisonOperator"]) for one in found.values()} == {
        ("notBreaching", "GreaterThanThreshold")
    }


def test_a_rule_of_another_bus_has_the_bus_as_a_dimension() -> None:
    found = requests("rule_failures")
    assert dimensions(found["default/plain/FailedInvocations"]) == {"RuleName": "plain"}
    assert dimensions(found["custom/own/FailedInvocations"]) == {"EventBusName": "custom", "RuleName": "own"}
    metrics = {"FailedInvocations": 10.0, "InvocationsFailedToBeSentToDlq": 0.0, "ThrottledRules": 0.0}
    assert {one["MetricName"]: one["Threshold"] for one in found.values()} == metrics
    assert len(found) == 6


def test_indexes_throttle_by_themselves() -> None:
    found = requests("table_throttles")
    assert dimensions(found["state/WriteThrottleEvents"]) == {"TableName": "state"}
    index = {"TableName": "state", "GlobalSecondaryIndexName": "by-wave"}
    assert dimensions(found["state/by-wave/ReadThrottleEvents"]) == index
    assert len(found) == 4


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_not_read_wants_nothing_and_says_so(kind: str) -> None:
    subjects = subjects_of(kind)
    if subjects is None:
        assert kind == LEFTOVER
        return
    with pytest.raises(NotReadError):
        desired_and_doubts(kind, Snapshot({subjects: failed("x:y", NotReadError("refused"))}), LIMITS)


def test_a_long_name_stays_distinct_and_fits() -> None:
    things = [{"name": "r" * 60 + end, "bus": "b" * 250} for end in ("1", "2")]
    found = requests("rule_failures", things)
    assert len(found) == 6
    assert all(len(one["AlarmName"]) <= NAME_CHARACTERS for one in found.values())


@pytest.mark.parametrize("kind", [one for one in KINDS if one != LEFTOVER])
def test_every_request_is_one_that_aws_takes(kind: str) -> None:
    """botocore's model of PutMetricAlarm: members, types, enumerations."""
    import botocore.session
    from botocore.validate import ParamValidator

    model = botocore.session.get_session().get_service_model("cloudwatch").operation_model("PutMetricAlarm")
    for request in requests(kind).values():
        report = ParamValidator().validate(request, model.input_shape)
        assert not report.has_errors(), report.generate_report()
