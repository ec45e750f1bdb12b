"""CloudWatch metrics for readers: many series in few calls (GetMetricData, 500 queries each)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from migration_ops.aws.reader import AwsReader
from migration_ops.core.batches import in_groups, side_by_side
from migration_ops.core.errors import UnknownError
from migration_ops.core.facts import failed, is_failed

# Limit of GetMetricData.
QUERIES_A_CALL = 500
GOOD_STATUS = "Complete"
# CloudWatch keeps 5-minute data for 63 days only, and a long window does not need the detail.
FINE_PERIOD_SECONDS, COARSE_PERIOD_SECONDS, FINE_WINDOW = 300, 3600, timedelta(days=2)


@dataclass(frozen=True)
class Metric:
    """One series: ``statistic`` over ``period_seconds``, within the reader's window.

    :param key: names the series in the answer; unique within one read.
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
    reader: AwsReader, metrics: Iterable[Metric], since: datetime | None = None, now: datetime | None = None
) -> dict[str, Any]:
    """
    Values by key, oldest first: ``{"values": [...], "times": [...]}``; a failure document for each that was not read.

    A series that CloudWatch answered only in part becomes a failure document; the others are not affected.

    A series without data points has empty lists; the check judges what that means.
    """
    found: dict[str, Any] = {}
    groups = in_groups(list(metrics), QUERIES_A_CALL)
    span = (since or reader.since, now or reader.now)
    for group, answer in zip(groups, side_by_side(groups, lambda some: _read(reader, some, span)), strict=True):
        found |= {metric.key: answer for metric in group} if is_failed(answer) else answer
    return found


def _read(reader: AwsReader, metrics: list[Metric], span: tuple[datetime, datetime]) -> Any:
    ids = {f"m{number}": metric.key for number, metric in enumerate(metrics)}
    queries = [{"Id": name, "MetricStat": _stat(one)} for name, one in zip(ids, metrics, strict=True)]

    def read() -> dict[str, Any]:
        pages = reader.client("cloudwatch").get_paginator("get_metric_data")
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
        return {key: _whole(states.get(key, "no answer"), one) for key, one in series.items()}

    return reader.guarded("cloudwatch:get_metric_data", read)


def _whole(state: str, series: dict[str, Any]) -> dict[str, Any]:
    if state == GOOD_STATUS:
        return series
    return failed("cloudwatch:get_metric_data", UnknownError(f"GetMetricData did not answer the whole series: {state}"))


def points_since(series: Any, since: datetime) -> Any:
    """The points of a series at ``since`` or later; a failure document is returned unchanged."""
    if is_failed(series):
        return series
    kept = [(value, at) for value, at in zip(series["values"], series["times"], strict=True) if _time(at) >= since]
    return {"values": [value for value, _ in kept], "times": [at for _, at in kept]}


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


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
