"""Keys whose policy lets in everybody."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.verdicts import asked_of, open_to


def judge(key: Facts, _: Facts, __: Thresholds) -> Judgement:
    return open_to([("", key["policy"])], asked_of(key, "accessCheck"))
