"""The messages of a queue are encrypted at rest."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, warning
from migration_ops.core.thresholds import Thresholds


def judge(queue: Facts, _: Facts, __: Thresholds) -> Judgement:
    key = queue.maybe("keyId")
    if queue["managedEncryption"] or key:
        return ok(f"with key {key}" if key else "with SQS's own key")
    return warning("messages are not encrypted at rest")
