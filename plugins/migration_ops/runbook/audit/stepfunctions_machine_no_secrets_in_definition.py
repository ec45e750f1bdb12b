"""A definition holds no secrets; they are read when a task runs."""

from __future__ import annotations

from migration_ops.runbook.audit.verdicts import judge_secrets
from migration_ops.runbook.facts import Facts
from migration_ops.runbook.judging import Judgement
from migration_ops.runbook.thresholds import Thresholds


def judge(machine: Facts, _: Facts, __: Thresholds) -> Judgement:
    return judge_secrets(machine["secrets"], "none in the definition")
