"""Tasks that may take for ever: neither they nor the whole execution has a time-out."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, warning
from migration_ops.core.thresholds import Thresholds


def judge(machine: Facts, _: Facts, __: Thresholds) -> Judgement:
    tasks = machine["tasks"]
    endless = [one["name"] for one in tasks if not one["hasTimeout"]]
    if endless and not machine["hasTimeout"]:
        return warning("tasks without a time-out", value=len(endless), limit=0, evidence=tuple(endless))
    return ok(f"{len(tasks)} tasks end some day", value=0, limit=0)
