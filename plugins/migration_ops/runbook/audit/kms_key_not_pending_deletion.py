"""Keys that are about to be deleted."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, critical, ok
from migration_ops.core.thresholds import Thresholds

PENDING = frozenset({"PendingDeletion", "PendingReplicaDeletion"})


def judge(key: Facts, _: Facts, __: Thresholds) -> Judgement:
    state = key["state"]
    if state not in PENDING:
        return ok(f"is {state}", value=state)
    # A primary key that waits for its replicas has no date yet.
    when = key.maybe("deletionAt", "once its replicas are")
    return critical(f"is deleted {when}", value=state)
