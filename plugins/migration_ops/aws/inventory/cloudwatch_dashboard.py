"""A CloudWatch dashboard's body: which metrics its widgets show."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from migration_ops.aws.metrics import Metric
from migration_ops.core.errors import UnknownError

DEFAULT_PERIOD_SECONDS = 300
DEFAULT_STATISTIC = "Average"
# In a widget's list ``.`` repeats the field of the line above, ``...`` all of its fields but those that follow here.
SAME, SAME_UP_TO_HERE = ".", "..."


def metrics_of(body: str, region: str) -> list[Metric]:
    """
    The series that the metric widgets show; keys are number and label. Expressions and other Regions are left out.

    Source: CloudWatch API reference, "Dashboard body structure and syntax".

    :param region: Region of the client that will read them.
    :raises UnknownError: the body is no dashboard.
    """
    found: list[Metric] = []
    for properties in _metric_widgets(body):
        if properties.get("region", region) != region:
            continue
        before: list[str] = []
        for line in properties.get("metrics", []):
            fields, options = _fields(line, before)
            if len(fields) < 2:
                continue
            before = fields
            if options.get("region", region) == region:
                found.append(_metric(len(found), fields, {**properties, **options}))
    return found


def _metric_widgets(body: str) -> Iterator[dict[str, Any]]:
    try:
        widgets = json.loads(body)["widgets"]
        yield from (one.get("properties", {}) for one in widgets if one["type"] == "metric")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnknownError(
            "the dashboard's body is not as CloudWatch documents it", cause=type(error).__name__
        ) from error


def _fields(line: list[Any], before: list[str]) -> tuple[list[str], dict[str, Any]]:
    """The fields, with repeats filled in from the line above, and the options; no fields for an expression."""
    options = next((one for one in line if isinstance(one, dict)), {})
    fields = [str(one) for one in line if not isinstance(one, dict)]
    if fields and fields[0] == SAME_UP_TO_HERE:
        own = fields[1:]
        fields = before[: len(before) - len(own)] + own
    return [
        before[number] if one == SAME and number < len(before) else one for number, one in enumerate(fields)
    ], options


def _metric(number: int, fields: list[str], properties: dict[str, Any]) -> Metric:
    namespace, name, *rest = fields
    dimensions = dict(zip(rest[::2], rest[1::2], strict=False))
    statistic = properties.get("stat", DEFAULT_STATISTIC)
    return Metric(
        f"{number} {namespace} {name} {statistic} {' '.join(dimensions.values())}".strip(),
        namespace,
        name,
        dimensions,
        statistic,
        int(properties.get("period", DEFAULT_PERIOD_SECONDS)),
    )
