"""The policy of a topic lets in nobody in general."""

from __future__ import annotations

from migration_ops.runbook.audit.verdicts import all_asked_of, open_to
from migration_ops.runbook.facts import Facts
from migration_ops.runbook.judging import Judgement
from migration_ops.runbook.thresholds import Thresholds


def judge(topic: Facts, _: Facts, __: Thresholds) -> Judgement:
    return open_to([("", one) for one in topic["policies"]], all_asked_of(topic))
