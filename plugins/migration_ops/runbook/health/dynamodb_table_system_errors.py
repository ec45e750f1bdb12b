"""Requests that DynamoDB failed on its own side (HTTP 500). No data means none."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import FindingVerdict, Judgement, above
from migration_ops.core.thresholds import Thresholds


def judge(table: Facts, _: Facts, limits: Thresholds) -> Judgement:
    by_operation = {one["operation"]: sum(one["values"]) for one in table["systemErrors"]}
    evidence = tuple(f"{name} {number:g}" for name, number in by_operation.items() if number)
    limit = limits.table.max_system_errors
    return above(sum(by_operation.values()), limit, "requests that failed", FindingVerdict.WARNING, evidence=evidence)
