"""A function's environment holds names of secrets, never secrets."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.audit.exposure import judge_secrets


def judge(function: Facts, _: Facts, __: Thresholds) -> Judgement:
    return judge_secrets(function["secrets"], f"none in {function['variables']} variables")
