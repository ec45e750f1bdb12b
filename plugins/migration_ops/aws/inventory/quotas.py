"""Service quotas and how much of each is used: now, and by week where AWS has a metric."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from migration_ops.aws.inventory.quotas_list import QUOTAS, QuotaSource
from migration_ops.aws.inventory.quotas_usage import COUNTERS
from migration_ops.aws.metrics import Metric, read_metrics
from migration_ops.aws.reader import AwsReader
from migration_ops.core.batches import side_by_side
from migration_ops.core.errors import UnknownError
from migration_ops.core.facts import failed, is_failed
from migration_ops.core.listing import Listing
from migration_ops.core.series import WEEK, by_week, day_ends, whole_days

DAY_SECONDS = 86_400
# Usage for which MGN has its own metric: all servers that are not archived (no dimension).
OWN_METRICS = {"mgnNotArchived": Metric("mgnNotArchived", "AWS/MGN", "ActiveSourceServerCount", {}, "Maximum")}
LISTS = (("list_service_quotas", "applied"), ("list_aws_default_service_quotas", "default"))


def read(reader: AwsReader) -> dict[str, Any]:
    """
    ``quotas``: ``name, limit, source`` (applied, default, documented), ``used``, ``weeks [[end, maximum]]`` (empty if
    there is no metric), ``hasHistory``.
    """
    services = sorted({one.service for one in QUOTAS if one.fixed is None})
    listed = dict(zip(services, side_by_side(services, lambda one: _listed(reader, one)), strict=True))
    needed = sorted({one.usage for one in QUOTAS if one.usage})
    counted = dict(zip(needed, side_by_side(needed, lambda one: COUNTERS[one](reader)), strict=True))
    limits = {one.name: _limit(one, listed) for one in QUOTAS}
    metrics = {one.name: _metric(one, limits[one.name]) for one in QUOTAS}
    span = whole_days(reader.now, reader.config.thresholds.capacity.history_days)
    series = read_metrics(reader, [one for one in metrics.values() if one], *span)
    return {"quotas": [_quota(one, limits[one.name], series, counted, span) for one in QUOTAS]}


def _listed(reader: AwsReader, service: str) -> Any:
    """Each quota's applied value, or its default: ListServiceQuotas leaves out quotas that were never changed."""
    found: dict[str, dict[str, Any]] = {}
    for operation, source in LISTS:
        quotas = reader.pages("service-quotas", operation, "Quotas", ServiceCode=service)
        if is_failed(quotas):
            return quotas
        for one in quotas:
            found.setdefault(one["QuotaCode"], one | {"source": source})
    return found


def _limit(quota: QuotaSource, listed: dict[str, Any]) -> Any:
    """``value, source`` and the metric of its usage; None when Service Quotas does not list it; or the failure."""
    if quota.fixed is not None:
        return {"value": quota.fixed, "source": "documented"}
    known = listed[quota.service]
    if is_failed(known):
        return known
    one = next((one for one in known.values() if _is(quota, one)), None)
    return None if one is None else {"value": one["Value"], "source": one["source"], "metric": one.get("UsageMetric")}


def _is(quota: QuotaSource, listed: dict[str, Any]) -> bool:
    if quota.code:
        return bool(listed["QuotaCode"] == quota.code)
    name = listed["QuotaName"].lower()
    return all(word in name for word in quota.words) and not any(word in name for word in quota.not_words)


def _metric(quota: QuotaSource, limit: Any) -> Metric | None:
    if quota.usage:
        own = OWN_METRICS.get(quota.usage)
        return own and Metric(quota.name, own.namespace, own.name, {}, own.statistic, DAY_SECONDS)
    if limit is None or is_failed(limit) or not limit["metric"]:
        return None
    found = limit["metric"]
    statistic = found.get("MetricStatisticRecommendation", "Maximum")
    dimensions = found["MetricDimensions"]
    return Metric(quota.name, found["MetricNamespace"], found["MetricName"], dimensions, statistic, DAY_SECONDS)


def _quota(
    quota: QuotaSource,
    limit: Any,
    series: dict[str, Any],
    counted: dict[str, Any],
    span: tuple[datetime, datetime],
) -> dict[str, Any]:
    values = series.get(quota.name)
    weeks = _weeks(values, span)
    if limit is None:
        limit = failed(f"service-quotas:{quota.service}", UnknownError(f"Service Quotas does not list {quota.name}"))
    found: dict[str, Any] = {"name": quota.name, "hasHistory": quota.name in series, "weeks": weeks}
    found |= {"limit": limit, "source": limit} if is_failed(limit) else {}
    found |= {} if is_failed(limit) else {"limit": limit["value"], "source": limit["source"]}
    return found | {"used": counted[quota.usage] if quota.usage else _lately(values, span)}


def _weeks(series: Any, span: tuple[datetime, datetime]) -> Any:
    if series is None:
        return []
    if is_failed(series):
        return series
    return [[end.isoformat(), value] for end, value in by_week(day_ends(series), *span, max)]


def _lately(series: Any, span: tuple[datetime, datetime]) -> Any:
    """The maximum of the last seven days; None when AWS reported no usage in them."""
    if series is None:
        return failed("service-quotas", UnknownError("Service Quotas names no metric of its use"))
    if is_failed(series):
        return series
    return max((value for end, value in day_ends(series) if end > span[1] - WEEK), default=None)


# The lists that checks are about.
LISTED_QUOTAS = Listing("quotas", "quotas", read)
