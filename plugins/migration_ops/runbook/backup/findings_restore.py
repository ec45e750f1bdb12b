"""Findings about restored and recovered tables, and how they keep to the recovery objectives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from migration_ops.core.finding import Finding
from migration_ops.runbook.backup.findings import CRITICAL, OK, UNKNOWN, WARNING, finding
from migration_ops.runbook.backup.fingerprint import Difference, Profile
from migration_ops.runbook.backup.manifest import Manifest
from migration_ops.runbook.backup.verify import PROBLEMS_SHOWN

# Prefix of a drill's check ids. Only a drill needs items: people may restore an empty backup.
DRILL = "drill_"


def of_restored(prefix: str, table: str, profile: Profile, manifest: Manifest) -> Finding:
    """Compares number and digest of all items with the manifest."""
    is_same = (profile.tally.items, profile.tally.digest) == (manifest.items, manifest.digest)
    if is_same and not manifest.items and prefix.startswith(DRILL):
        return finding(f"{prefix}_items", table, UNKNOWN, "a drill over no items proves nothing", value=0, limit=0)
    return finding(
        f"{prefix}_items",
        table,
        OK if is_same else CRITICAL,
        "number and digest of all items are the backup's" if is_same else "the items are not those of the backup",
        value=profile.tally.items,
        limit=manifest.items,
        evidence=() if is_same else (profile.tally.digest, manifest.digest),
    )


def of_recovered(prefix: str, table: str, live: Profile, recovered: Profile, difference: Difference) -> Finding:
    """Sampled items that were not written since must be the same; all items, when nothing was written."""
    bad = difference.differing + difference.missing
    is_same = live.tally.digest == recovered.tally.digest
    if not live.tally.items and not recovered.tally.items:
        verdict, reason = UNKNOWN, "a drill over no items proves nothing"
    elif bad and not is_same:
        differing, missing = len(difference.differing), len(difference.missing)
        verdict, reason = CRITICAL, f"{differing} sampled items differ, {missing} are missing"
    elif is_same:
        verdict, reason = OK, "number and digest of all items are the live table's"
    elif difference.compared:
        verdict, reason = OK, f"{difference.compared} sampled items that were not written since are the same"
    else:
        verdict, reason = (
            UNKNOWN,
            "the tables differ, and every sampled item was written since: nothing to compare",
        )
    return finding(
        f"{prefix}_items",
        table,
        verdict,
        reason,
        value=recovered.tally.items,
        limit=live.tally.items,
        evidence=bad[:PROBLEMS_SHOWN],
    )


def of_history(
    prefix: str, table: str, migrations: int, broken: Mapping[str, list[str]], excused: tuple[str, ...] = ()
) -> Finding:
    """
    Whether the history of each migration is whole.

    :param broken: problems by migration.
    :param excused: migrations written while the backup was read: record and history may not fit together.
    """
    torn = sorted(set(broken) & set(excused))
    bad = sorted(set(broken) - set(excused))
    evidence = tuple(problem for name in bad or torn for problem in broken[name])[:PROBLEMS_SHOWN]
    if bad:
        verdict, reason = CRITICAL, f"the history of {len(bad)} of {migrations} migrations is not whole"
    elif torn:
        verdict, reason = WARNING, f"{len(torn)} of {migrations} migrations were written while the backup was read"
    elif not migrations and prefix.startswith(DRILL):
        verdict, reason = UNKNOWN, "a drill without a migration proves nothing about histories"
    else:
        verdict, reason = OK, f"the history of all {migrations} migrations is whole"
    return finding(f"{prefix}_history", table, verdict, reason, value=len(broken), limit=0, evidence=evidence)


@dataclass(frozen=True)
class Objective:
    """A recovery objective: ``rto`` or ``rpo``, in minutes."""

    name: str
    limit_minutes: int


def of_objective(prefix: str, table: str, objective: Objective, since: datetime, until: datetime) -> Finding:
    """RTO: how long the restore took. RPO: how old the restored data was when the drill began."""
    minutes = (until - since) / timedelta(minutes=1)
    what = "took" if objective.name == "rto" else "would have lost"
    return finding(
        f"{prefix}_{objective.name}",
        table,
        CRITICAL if minutes > objective.limit_minutes else OK,
        f"{what} {minutes:.1f} of {objective.limit_minutes} minutes",
        value=round(minutes, 2),
        limit=objective.limit_minutes,
    )
