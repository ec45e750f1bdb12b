"""Migrations on their way about which nothing was written for long."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import FindingVerdict, Judgement, above
from migration_ops.core.states import Phase
from migration_ops.core.thresholds import Thresholds

# Here a wave waits for the first sync, for people, for its window or for the soak, and may do so for long.
WAITING = frozenset({Phase.PLANNED, Phase.TESTED, Phase.READY, Phase.CUTOVER_VERIFIED})


def judge(migration: Facts, _: Facts, limits: Thresholds) -> Judgement:
    phase = migration["phase"]
    return above(
        migration["minutesSinceUpdate"],
        limits.migrations.stuck_after_minutes,
        f"minutes without a change in {phase}",
        FindingVerdict.WARNING if phase in WAITING else FindingVerdict.CRITICAL,
        evidence=tuple(f"{name}: {migration.maybe(name)}" for name in ("wave", "sourceServerId", "dagRunId")),
    )
