"""The state that CloudWatch would give an alarm on one metric, from the data points that moto holds: moto gives none.

As CloudWatch evaluates it (User Guide, "Configuring how CloudWatch alarms treat missing data"), for alarms whose data
come in time: the last periods that have ended, each beyond the threshold, within it, or missing.
"""

from __future__ import annotations

import operator
from datetime import UTC, datetime, timedelta
from typing import Any

COMPARE = {
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
}
ALARM, OK, NO_DATA = "ALARM", "OK", "INSUFFICIENT_DATA"


def state_of(cloudwatch: Any, alarm: dict[str, Any], now: datetime) -> str:
    """:param alarm: as DescribeAlarms answers it; one with a single metric and a statistic."""
    period = timedelta(seconds=alarm["Period"])
    seconds = int(now.timestamp()) // alarm["Period"] * alarm["Period"]
    end = datetime.fromtimestamp(seconds, UTC)
    start = end - period * alarm["EvaluationPeriods"]
    points = cloudwatch.get_metric_statistics(
        Namespace=alarm["Namespace"],
        MetricName=alarm["MetricName"],
        Dimensions=alarm["Dimensions"],
        StartTime=start,
        EndTime=end,
        Period=alarm["Period"],
        Statistics=[alarm["Statistic"]],
    )["Datapoints"]
    values = {int((one["Timestamp"] - start) / period): one[alarm["Statistic"]] for one in points}
    if not values and alarm["TreatMissingData"] == "missing":
        return NO_DATA
    is_beyond = COMPARE[alarm["ComparisonOperator"]]
    missing = alarm["TreatMissingData"] == "breaching"
    beyond = [
        is_beyond(values[number], alarm["Threshold"]) if number in values else missing
        for number in range(alarm["EvaluationPeriods"])
    ]
    return ALARM if sum(beyond) >= alarm["DatapointsToAlarm"] else OK
