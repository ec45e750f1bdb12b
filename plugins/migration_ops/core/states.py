"""The ledger's states of one migration, and the table of allowed transitions."""

from __future__ import annotations

from enum import StrEnum

from migration_ops.core.errors import MigrationError


class Status(StrEnum):
    """Coarse state for queries and alarms."""

    REQUESTED = "REQUESTED"
    MIGRATION_IN_PROGRESS = "MIGRATION_IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    ROLLED_BACK = "ROLLED_BACK"
    FROZEN = "FROZEN"


class Phase(StrEnum):
    """The step a migration is in."""

    PLANNED = "PLANNED"
    TEST_LAUNCHING = "TEST_LAUNCHING"
    TEST_LAUNCHED = "TEST_LAUNCHED"
    TESTED = "TESTED"
    READY = "READY"
    CUTTING_OVER = "CUTTING_OVER"
    CUTOVER_LAUNCHED = "CUTOVER_LAUNCHED"
    CUTOVER_VERIFIED = "CUTOVER_VERIFIED"
    FINALIZING = "FINALIZING"
    FINALIZED = "FINALIZED"
    ROLLING_BACK = "ROLLING_BACK"
    ROLLED_BACK = "ROLLED_BACK"
    FAILED = "FAILED"
    FROZEN = "FROZEN"


STATUS_OF: dict[Phase, Status] = {
    Phase.PLANNED: Status.REQUESTED,
    Phase.FINALIZED: Status.COMPLETED,
    Phase.ROLLED_BACK: Status.ROLLED_BACK,
    Phase.FAILED: Status.FAILED,
    Phase.FROZEN: Status.FROZEN,
} | {
    phase: Status.MIGRATION_IN_PROGRESS
    for phase in (
        Phase.TEST_LAUNCHING,
        Phase.TEST_LAUNCHED,
        Phase.TESTED,
        Phase.READY,
        Phase.CUTTING_OVER,
        Phase.CUTOVER_LAUNCHED,
        Phase.CUTOVER_VERIFIED,
        Phase.FINALIZING,
        Phase.ROLLING_BACK,
    )
}

# Phases in which nothing runs any more; a new run, or a cleared task, may start from them.
ENDED = frozenset({Phase.FINALIZED, Phase.ROLLED_BACK, Phase.FAILED, Phase.FROZEN})
# Stopped before the goal; the record also has the phase before.
STOPPED = frozenset({Phase.FAILED, Phase.FROZEN})
# A dependant may cut over when everything it depends on is in one of these.
CUT_OVER = frozenset({Phase.CUTOVER_VERIFIED, Phase.FINALIZING, Phase.FINALIZED})
# The point of no return: from here on MGN offers no way back.
AFTER_NO_RETURN = frozenset({Phase.FINALIZED})
# A rollback is impossible, or nobody knows whether it is possible.
PERHAPS_AFTER_NO_RETURN = frozenset({Phase.FINALIZING, Phase.FINALIZED, Phase.FROZEN})
# Phases in which MGN shows TESTING or CUTTING_OVER because of the wave's own test launch or cutover.
IN_TEST = frozenset({Phase.TEST_LAUNCHING, Phase.TEST_LAUNCHED, Phase.TESTED})
IN_CUTOVER = frozenset({Phase.CUTTING_OVER, Phase.CUTOVER_LAUNCHED, Phase.CUTOVER_VERIFIED, Phase.FINALIZING})
# Replication matters until the cutover instance is launched. Later the record still holds the lag of its cutover, which
# is old, and finalizing ends replication.
NEEDS_REPLICATION = frozenset(
    {Phase.PLANNED, Phase.TEST_LAUNCHING, Phase.TEST_LAUNCHED, Phase.TESTED, Phase.READY, Phase.CUTTING_OVER}
)
# A wave waits here for the first sync, for people, for its window or for the soak, and this may take long.
MAY_WAIT_LONG = frozenset({Phase.PLANNED, Phase.TESTED, Phase.READY, Phase.CUTOVER_VERIFIED})
# Time spent here is waiting for a person, a window or another application, so it is not compared with a limit. From
# TESTED to READY no person is waited for, so TESTED is timed.
NOT_TIMED = (MAY_WAIT_LONG - {Phase.TESTED}) | ENDED
# Phases whose duration the wave report shows, in its order.
SHOWN_IN_REPORT = (
    Phase.TEST_LAUNCHING,
    Phase.TESTED,
    Phase.READY,
    Phase.CUTTING_OVER,
    Phase.CUTOVER_VERIFIED,
    Phase.FINALIZED,
    Phase.ROLLED_BACK,
)
# Phases after which a migration may leave the ledger for the archive. Not FROZEN: a person still has to look.
ARCHIVABLE = ENDED - {Phase.FROZEN}

_STOPS = frozenset({Phase.ROLLING_BACK, Phase.FAILED, Phase.FROZEN})

TRANSITIONS: dict[Phase, frozenset[Phase]] = {
    # READY straight from PLANNED: the test is skipped, or MGN already is READY_FOR_CUTOVER.
    Phase.PLANNED: frozenset({Phase.TEST_LAUNCHING, Phase.READY}) | _STOPS,
    # A launch may be sent again (next attempt) while the phase stays.
    Phase.TEST_LAUNCHING: frozenset({Phase.TEST_LAUNCHING, Phase.TEST_LAUNCHED}) | _STOPS,
    Phase.TEST_LAUNCHED: frozenset({Phase.TESTED, Phase.TEST_LAUNCHING}) | _STOPS,
    Phase.TESTED: frozenset({Phase.READY, Phase.TEST_LAUNCHING}) | _STOPS,
    Phase.READY: frozenset({Phase.READY, Phase.CUTTING_OVER, Phase.TEST_LAUNCHING}) | _STOPS,
    Phase.CUTTING_OVER: frozenset({Phase.CUTTING_OVER, Phase.CUTOVER_LAUNCHED}) | _STOPS,
    Phase.CUTOVER_LAUNCHED: frozenset({Phase.CUTOVER_VERIFIED, Phase.CUTTING_OVER}) | _STOPS,
    Phase.CUTOVER_VERIFIED: frozenset({Phase.FINALIZING, Phase.CUTTING_OVER}) | _STOPS,
    Phase.FINALIZING: frozenset({Phase.FINALIZING, Phase.FINALIZED}) | _STOPS,
    # CMDB and callback results are appended without leaving the phase; nothing else follows.
    Phase.FINALIZED: frozenset({Phase.FINALIZED}),
    Phase.ROLLING_BACK: frozenset({Phase.ROLLING_BACK, Phase.ROLLED_BACK, Phase.FROZEN}),
    # After these a person cleared the task or started a new run: work goes on from what MGN shows. FROZEN: a launch
    # took effect after the rollback.
    Phase.ROLLED_BACK: frozenset(
        {Phase.PLANNED, Phase.TEST_LAUNCHING, Phase.READY, Phase.CUTTING_OVER, Phase.ROLLING_BACK, Phase.FROZEN}
    ),
    Phase.FAILED: frozenset(Phase) - {Phase.FINALIZED},
    Phase.FROZEN: frozenset(Phase),
}


class IllegalTransitionError(MigrationError):
    """The ledger was asked for a phase that may not follow the current one."""

    code = "ILLEGAL_TRANSITION"
    hint = "Another run or a person changed this migration; clear the task so that it reads the state again."


def check_transition(migration_id: str, old: Phase, new: Phase) -> None:
    """:raises IllegalTransitionError: when ``new`` may not follow ``old``. Staying in a phase is always allowed."""
    # Facts are written without a change of phase.
    if new is not old and new not in TRANSITIONS[old]:
        raise IllegalTransitionError(
            f"{old} may not become {new}", migrationId=migration_id, old=old.value, new=new.value
        )
