"""Keys whose policy lets in everybody."""

from __future__ import annotations

from migration_ops.runbook.audit.verdicts import asked_of, open_to
from migration_ops.runbook.facts import Facts
from migration_ops.runbook.judging import Judgement
from migration_ops.runbook.thresholds import Thresholds


def judge(key: Facts, _: Facts, __: Thresholds) -> Judgement:
    return open_to([("", key["policy"])], asked_of(key, "accessCheck"))
