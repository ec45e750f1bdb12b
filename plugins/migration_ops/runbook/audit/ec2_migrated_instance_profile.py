"""A migrated server has an instance profile."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, warning
from migration_ops.core.thresholds import Thresholds


def judge(instance: Facts, _: Facts, __: Thresholds) -> Judgement:
    arn = instance.maybe("profileArn")
    return ok("", evidence=(arn,)) if arn else warning("there is no instance profile")
