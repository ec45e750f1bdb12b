"""Functions whose runtime is without support, or soon will be: judged as in the audit, but every week."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.audit import lambda_function_supported_runtime as audited


def judge(function: Facts, estate: Facts, limits: Thresholds) -> Judgement | None:
    return audited.judge(function, estate, limits)
