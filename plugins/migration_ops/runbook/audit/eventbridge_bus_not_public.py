"""The policy of a bus lets in nobody in general."""

from __future__ import annotations

from migration_ops.runbook.audit.verdicts import open_to
from migration_ops.runbook.facts import Facts
from migration_ops.runbook.judging import Judgement
from migration_ops.runbook.thresholds import Thresholds


def judge(bus: Facts, _: Facts, __: Thresholds) -> Judgement:
    return open_to([("", one) for one in bus["policies"]])
