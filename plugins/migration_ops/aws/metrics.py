"""CloudWatch metrics for readers: many series in few calls (GetMetricData, 500 queries each)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from migration_ops.aws.reader import Reader
from migration_ops.core.batches import in_groups, side_by_side
from migration_ops.core.errors import Unknown
from migration_ops.core.facts import is_failed

# Limit of GetMetricData.
QUERIES_A_CALL = 500
GOOD_STATUS = "Complete"
# CloudWatch keeps five minutes for 63 days; a long window needs no such detail either.
FINE_PERIOD_SECONDS, COARSE_PERIOD_SECONDS, FINE_WINDOW = 300, 3600, timedelta(days=2)


@dataclass(frozen=True)
class Metric:
    """One series: ``statistic`` over ``period_seconds``, within the reader's window.

    :param key: under which the answer is found, unique within one read.
    """

    key: str
    namespace: str
    name: str
    dimensions: Mapping[str, str] = field(default_factory=dict)
    statistic: str = "Sum"
    period_seconds: int = 300


def period_seconds(window: timedelta) -> int:
    """The period for counters that are added up over a window."""
    return FINE_PERIOD_SECONDS if window <= FINE_WINDOW else COARSE_PERIOD_SECONDS


def read_metrics(
    reader: Reader, metrics: Iterable[Metric], since: datetime | None = None, now: datetime | None = None
) -> dict[str, Any]:
    """
    Values by key, oldest first: ``{"values": [...], "times": [...]}``; a failure document for each that was not read.

    No data points is an empty list, which is what CloudWatch says; what that means is for the check to judge.
    """
    found: dict[str, Any] = {}
    groups = in_groups(list(metrics), QUERIES_A_CALL)
    span = (since or reader.since, now or reader.now)
    for group, answer in zip(groups, side_by_side(groups, lambda some: _read(reader, some, span)), strict=True):
        found |= {metric.key: answer for metric in group} if is_failed(answer) else answer
    return found


def _read(reader: Reader, metrics: list[Metric], span: tuple[datetime, datetime]) -> Any:
    ids = {f"m{number}": metric.key for number, metric in enumerate(metrics)}
    queries = [{"Id": name, "MetricStat": _stat(one)} for name, one in zip(ids, metrics, strict=True)]

    def read() -> dict[str, Any]:
        pages = reader.of("cloudwatch").get_paginator("get_metric_data")
        series: dict[str, dict[str, Any]] = {key: {"values": [], "times": []} for key in ids.values()}
        states: dict[str, str] = {}
        for page in pages.paginate(
            MetricDataQueries=queries, StartTime=span[0], EndTime=span[1], ScanBy="TimestampAscending"
        ):
            for one in page["MetricDataResults"]:
                key = ids[one["Id"]]
                states[key] = one.get("StatusCode", GOOD_STATUS)
                series[key]["values"] += one["Values"]
                series[key]["times"] += one["Timestamps"]
        bad = {key: state for key, state in states.items() if state != GOOD_STATUS}
        if bad or set(states) != set(series):
            raise Unknown("GetMetricData did not answer all series", states=bad, missing=len(series) - len(states))
        return series

    return reader.attempt("cloudwatch:get_metric_data", read)


def _stat(metric: Metric) -> dict[str, Any]:
    return {
        "Metric": {
            "Namespace": metric.namespace,
            "MetricName": metric.name,
            "Dimensions": [{"Name": name, "Value": value} for name, value in metric.dimensions.items()],
        },
        "Period": metric.period_seconds,
        "Stat": metric.statistic,
    }
