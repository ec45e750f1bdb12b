"""A definition holds no secrets; they are read when a task runs."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.audit.exposure import judge_secrets


def judge(machine: Facts, _: Facts, __: Thresholds) -> Judgement:
    return judge_secrets(machine["secrets"], "none in the definition")
