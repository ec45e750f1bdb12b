"""The ledger is encrypted with a KMS key of this account."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, warning
from migration_ops.core.thresholds import Thresholds


def judge(table: Facts, _: Facts, __: Thresholds) -> Judgement:
    kind = table.maybe("keyType")
    if kind == "KMS":
        return ok("", value=kind)
    return warning("it is under DynamoDB's own key, outside of this account", value=kind, limit="KMS")
