"""A function's environment holds names of secrets, never secrets."""

from __future__ import annotations

from migration_ops.runbook.audit.verdicts import judge_secrets
from migration_ops.runbook.facts import Facts
from migration_ops.runbook.judging import Judgement
from migration_ops.runbook.thresholds import Thresholds


def judge(function: Facts, _: Facts, __: Thresholds) -> Judgement:
    return judge_secrets(function["secrets"], f"none in {function['variables']} variables")
