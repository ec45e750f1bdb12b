"""Invocations that failed for good. CloudWatch has the metric only when it is not zero: no data means none."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import FindingVerdict, Judgement, above
from migration_ops.core.thresholds import Thresholds


def judge(rule: Facts, _: Facts, limits: Thresholds) -> Judgement:
    failures = sum(rule["failedInvocations"]["values"])
    lost = tuple(target["arn"] for target in rule["targets"] if not target.maybe("deadLetterArn"))
    evidence = tuple(f"no dead-letter queue: {arn}" for arn in lost) if failures else ()
    limit = limits.events.max_failed_invocations
    return above(failures, limit, "failed invocations", FindingVerdict.WARNING, evidence=evidence)
