"""The policy of a bucket lets in nobody in general."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.audit.exposure import open_to


def judge(bucket: Facts, _: Facts, __: Thresholds) -> Judgement:
    return open_to([("", one) for one in bucket["policies"]])
