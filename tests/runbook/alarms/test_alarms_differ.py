"""Every member of an alarm by which it would watch something else counts as drift."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from migration_ops.core.finding import Route
from migration_ops.runbook.alarms.alarm import ABOVE, Alarm, Formula, Series
from migration_ops.runbook.alarms.drift import MEASURE, NOT_COMPARED, OTHERS, differences

TOPICS = {route: f"arn:aws:sns:us-east-1:123456789012:{route.value}" for route in Route}
ARN = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:a"
ERRORS = Series("AWS/Lambda", "Errors", {"FunctionName": "f"}, "Sum", 300)


def wanted(measure: Series | Formula) -> dict[str, Any]:
    return Alarm("function_error_rate", "f", measure, 1, ABOVE, Route.PAGE, "text").request(TOPICS)


def found(there: dict[str, Any], measure: Series | Formula = ERRORS) -> list[str]:
    return [one["field"] for one in differences({"AlarmArn": ARN, **there}, wanted(measure))]


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("EvaluationWindow", {"WallClockWindow": {"Timezone": "UTC"}}),
        ("EvaluationCriteria", {"PromQLCriteria": {"Query": "up"}}),
        ("EvaluationInterval", 60),
        ("ExtendedStatistic", "p99"),
        ("Unit", "Count"),
        ("ThresholdMetricId", "ad1"),
    ],
)
def test_a_member_that_we_never_set_counts(member: str, value: Any) -> None:
    assert found(wanted(ERRORS) | {member: value}) == [member]


def test_a_sliding_window_is_what_we_get_without_asking() -> None:
    assert found(wanted(ERRORS) | {"EvaluationWindow": {"SlidingWindow": {}}}) == []


def formula(**more: Any) -> dict[str, Any]:
    there = wanted(Formula("m1", (ERRORS,)))
    return there | {"Metrics": [there["Metrics"][0] | more, there["Metrics"][1]]}


def test_a_metric_of_another_account_counts() -> None:
    measure = Formula("m1", (ERRORS,))
    assert found(formula(AccountId="999999999999"), measure) == ["Metrics"]
    assert found(formula(AccountId="123456789012"), measure) == [], "its own account is the default"
    assert found(formula(Label="errors"), measure) == [], "a label changes nothing"


def test_every_member_of_the_request_is_compared_or_named_as_not_compared() -> None:
    members = set(_operation("PutMetricAlarm").input_shape.members)
    compared = {*wanted(ERRORS), *wanted(Formula("m1", (ERRORS,))), *MEASURE, *OTHERS}
    assert members - compared == {"Tags"}
    assert compared - NOT_COMPARED <= members


def _operation(name: str) -> Any:
    return botocore.session.get_session().get_service_model("cloudwatch").operation_model(name)
