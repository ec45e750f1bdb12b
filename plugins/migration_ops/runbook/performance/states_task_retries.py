"""Tasks that give up at the first error, or that come back all at once."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, warning
from migration_ops.core.thresholds import Thresholds

FAULTS = {"hasRetry": "no retry", "hasBackoff": "no backoff", "hasJitter": "no jitter"}


def judge(machine: Facts, _: Facts, __: Thresholds) -> Judgement:
    tasks = machine["tasks"]
    found = [fault for fault in (_fault(one) for one in tasks) if fault]
    if found:
        return warning("tasks that are not tried again with patience", value=len(found), limit=0, evidence=tuple(found))
    return ok(f"{len(tasks)} tasks are tried again with backoff and jitter", value=0, limit=0)


def _fault(task: Facts) -> str | None:
    fault = next((text for name, text in FAULTS.items() if not task[name]), None)
    return f"{task['name']}: {fault}" if fault else None
