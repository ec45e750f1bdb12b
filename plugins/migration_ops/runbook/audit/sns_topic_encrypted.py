"""The messages of a topic are encrypted at rest."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, critical, ok
from migration_ops.core.thresholds import Thresholds


def judge(topic: Facts, _: Facts, __: Thresholds) -> Judgement:
    key = topic.maybe("keyId")
    return ok(f"with key {key}") if key else critical("messages are not encrypted at rest")
