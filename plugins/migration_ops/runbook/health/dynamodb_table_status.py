"""Whether the ledger's table and its indexes can be used, and whether the table can be restored to any second."""

from __future__ import annotations

from collections.abc import Iterator

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, critical, ok, unknown, warning
from migration_ops.core.thresholds import Thresholds

# Reads and writes go on meanwhile; an index that is being made cannot be asked yet.
CHANGING = frozenset({"CREATING", "UPDATING"})
UNUSABLE = frozenset({"ARCHIVED", "ARCHIVING", "DELETING", "INACCESSIBLE_ENCRYPTION_CREDENTIALS"})


def judge(part: Facts, estate: Facts, limits: Thresholds) -> Iterator[Judgement]:
    yield _state(part["status"])
    if part["kind"] != "table":
        return
    for table in estate.at("dynamodb.tables"):
        recovery = table["backups"]["pointInTime"]
        if recovery != "ENABLED":
            yield warning(f"point-in-time recovery is {recovery}", value=recovery, limit="ENABLED")


def _state(status: str) -> Judgement:
    if status == "ACTIVE":
        return ok("active", value=status)
    if status in CHANGING:
        return warning(f"it is {status}", value=status)
    if status in UNUSABLE:
        return critical(f"it is {status}", value=status)
    return unknown(f"its status is {status}", value=status)
