"""The metadata service of a migrated server asks for a token, or is off."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, critical, ok
from migration_ops.core.thresholds import Thresholds


def judge(instance: Facts, _: Facts, __: Thresholds) -> Judgement:
    if instance["metadata"] == "disabled":
        return ok("the metadata service is off")
    tokens = instance["tokens"]
    if tokens == "required":
        return ok("", value=tokens, limit="required")
    return critical("the metadata service answers without a token", value=tokens, limit="required")
