"""A bucket keeps the versions of its objects."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, warning
from migration_ops.core.thresholds import Thresholds


def judge(bucket: Facts, _: Facts, __: Thresholds) -> Judgement:
    state = bucket["versioning"]
    return ok("", value=state) if state == "Enabled" else warning("it is off", value=state, limit="Enabled")
