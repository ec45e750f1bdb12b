"""A bucket has a rule for default encryption."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, warning
from migration_ops.core.thresholds import Thresholds


def judge(bucket: Facts, _: Facts, __: Thresholds) -> Judgement:
    algorithms = bucket.maybe("encryption")
    return ok("", value=", ".join(algorithms)) if algorithms else warning("there is no rule")
