"""A wanted CloudWatch alarm and its PutMetricAlarm request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from migration_ops.core.finding import Route

# An alarm with another prefix is not ours.
PREFIX = "migration-ops/"
# Limit of PutMetricAlarm.
NAME_CHARACTERS = 255
# The tag that says which installation an alarm belongs to; its value is the ledger's table.
OWNER_TAG = "migration-ops/installation"
ABOVE, AT_LEAST = "GreaterThanThreshold", "GreaterThanOrEqualToThreshold"
GOOD, BAD = "notBreaching", "breaching"


@dataclass(frozen=True)
class Series:
    """One metric: ``statistic`` over ``period_seconds``. All dimensions are named: with fewer it is another metric."""

    namespace: str
    metric: str
    dimensions: Mapping[str, str]
    statistic: str
    period_seconds: int

    @property
    def named(self) -> list[dict[str, str]]:
        return [{"Name": name, "Value": value} for name, value in self.dimensions.items()]


@dataclass(frozen=True)
class Formula:
    """Metric math over series ``m1``, ``m2``, …; all have one period."""

    expression: str
    series: tuple[Series, ...]


@dataclass(frozen=True)
class Alarm:
    """
    One alarm.

    :param kind: name of a function in ``kinds``.
    :param about: what it watches, unique within the kind; becomes part of the name.
    :param measure: what is compared with ``threshold``.
    :param missing: what a period without data means: ``notBreaching`` where idle resources stop reporting,
        ``breaching`` where missing data is the fault.
    :param periods: consecutive periods that must be beyond the threshold.
    :param route: whom it notifies.
    """

    kind: str
    about: str
    measure: Series | Formula
    threshold: float
    comparison: str
    route: Route
    description: str
    missing: str = GOOD
    periods: int = 1

    @property
    def name(self) -> str:
        full = f"{PREFIX}{self.kind}/{self.about}"
        if len(full) <= NAME_CHARACTERS:
            return full
        digest = sha256(full.encode()).hexdigest()[:16]
        return f"{full[: NAME_CHARACTERS - 17]}-{digest}"

    def request(self, topics: Mapping[Route, str]) -> dict[str, Any]:
        """
        The request of PutMetricAlarm, with every member on which the alarm depends.

        :param topics: ARN by route.
        """
        return {
            "AlarmName": self.name,
            "AlarmDescription": self.description,
            "ActionsEnabled": True,
            "AlarmActions": [topics[self.route]],
            # The all-clear goes where the alarm went.
            "OKActions": [topics[self.route]],
            "InsufficientDataActions": [],
            "EvaluationPeriods": self.periods,
            "DatapointsToAlarm": self.periods,
            "Threshold": float(self.threshold),
            "ComparisonOperator": self.comparison,
            "TreatMissingData": self.missing,
            **_measured(self.measure),
        }


def _measured(measure: Series | Formula) -> dict[str, Any]:
    if isinstance(measure, Series):
        return {
            "Namespace": measure.namespace,
            "MetricName": measure.metric,
            "Dimensions": measure.named,
            "Statistic": measure.statistic,
            "Period": measure.period_seconds,
        }
    queries = [
        {
            "Id": f"m{number}",
            "MetricStat": {
                "Metric": {"Namespace": one.namespace, "MetricName": one.metric, "Dimensions": one.named},
                "Period": one.period_seconds,
                "Stat": one.statistic,
            },
            "ReturnData": False,
        }
        for number, one in enumerate(measure.series, start=1)
    ]
    return {"Metrics": [*queries, {"Id": "e1", "Expression": measure.expression, "ReturnData": True}]}
