"""The policy of a bus lets in nobody in general."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.audit.exposure import open_to


def judge(bus: Facts, _: Facts, __: Thresholds) -> Judgement:
    return open_to([("", one) for one in bus["policies"]])
