"""Where a migration stands: used by sheets, steps, the stop of the wave, the close and the CMDB alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from migration_ops.aws.mgn.servers import ServerView
from migration_ops.core.states import CUT_OVER, ENDED, STOPPED, Phase
from migration_ops.ledger.protocol import Record
from migration_ops.wave.rules.refusals import GATE_CODES

# Facts of a record. STOPPED_IN: the phase in which it became FAILED or FROZEN. STOPPED_AT: when it failed or stopped.
STOPPED_IN, STOPPED_AT = "stoppedIn", "stoppedAt"
# RETRY: a person asked for it again after a failure. ROLLED_BACK: the last rollback. Both {"at", …}, ISO 8601 UTC.
RETRY, ROLLED_BACK = "retry", "rolledBack"
# RESET: {"at"} while the whole wave was cleared around a held migration, until its first task has refused that.
RESET = "resetWhileHeld"
# Member of RETRY: a task of the test took it up, so only a sheet that shows the retry lets it be launched.
NEEDS_SHEET = "needsSheet"
# TEST: {"testedAt", "wave"} of the test launch; testedAt None when MGN showed it ready before. DEPENDS_ON: names.
TEST, DEPENDS_ON = "test", "dependsOn"
# APPROVALS: the last answer by what was asked. REGISTERED: {"runId", "planHash", "at", …} of the last registration.
APPROVALS, REGISTERED = "approvals", "registered"
# Member of an answer that a rollback ended: when, ISO 8601 UTC. Of ROLLED_BACK: that it ended all answers before it.
ENDED_AT, ENDS_APPROVALS = "endedByRollbackAt", "endsApprovals"

# Error code that the close of a run writes for a migration without a failure of its own.
NOT_REACHED = "NOT_REACHED"
# A later look at a verified instance: it is not well, or its state could not be read.
INSTANCE_BROKEN, INSTANCE_UNKNOWN = "INSTANCE_BROKEN", "INSTANCE_UNKNOWN"

# The name of the intent of a cutover launch (``mgn.started.Action``).
_CUTOVER = "START_CUTOVER"

# The phases of a migration in their order; ``reached`` compares places in it.
WAY = (
    Phase.PLANNED,
    Phase.TEST_LAUNCHING,
    Phase.TEST_LAUNCHED,
    Phase.TESTED,
    Phase.READY,
    Phase.CUTTING_OVER,
    Phase.CUTOVER_LAUNCHED,
    Phase.CUTOVER_VERIFIED,
    Phase.FINALIZING,
    Phase.FINALIZED,
)
_PLACE = {phase: number for number, phase in enumerate(WAY)}
# Phases from which a test starts over. FAILED and FROZEN: nobody noted where it was stopped.
_ANEW = frozenset({Phase.PLANNED, Phase.ROLLED_BACK}) | STOPPED
# From these phases a migration does not reach its cutover without a person.
NOT_COMING = STOPPED | {Phase.ROLLING_BACK, Phase.ROLLED_BACK}


class StepRow(NamedTuple):
    """``begins_at``: the step may begin; ``acting``: it goes on; from ``done_at`` on it has nothing to do."""

    begins_at: frozenset[Phase]
    acting: frozenset[Phase]
    done_at: Phase


def _row(begins_at: Iterable[Phase], acting: Iterable[Phase], done_at: Phase) -> StepRow:
    return StepRow(frozenset(begins_at), frozenset(acting), done_at)


STEP_TABLE: dict[str, StepRow] = {
    "replication_ready": _row(_ANEW, (), Phase.TEST_LAUNCHING),
    "test_launch": _row(_ANEW, {Phase.TEST_LAUNCHING}, Phase.TEST_LAUNCHED),
    "test_verify": _row({Phase.TEST_LAUNCHED}, (), Phase.TESTED),
    "mark_ready": _row({Phase.TESTED}, (), Phase.READY),
    # A cutover that failed leaves CUTTING_OVER; its source may have to be stopped once more.
    "quiesce": _row({Phase.READY, Phase.ROLLED_BACK}, {Phase.CUTTING_OVER}, Phase.CUTOVER_LAUNCHED),
    "cutover": _row({Phase.READY, Phase.ROLLED_BACK}, {Phase.CUTTING_OVER}, Phase.CUTOVER_LAUNCHED),
    "cutover_verify": _row({Phase.CUTOVER_LAUNCHED}, (), Phase.CUTOVER_VERIFIED),
    "finalize": _row({Phase.CUTOVER_VERIFIED}, {Phase.FINALIZING}, Phase.FINALIZED),
    "rollback": _row(frozenset(WAY[:-1]) | STOPPED, {Phase.ROLLING_BACK}, Phase.ROLLED_BACK),
}
# Steps that a rolled back migration repeats only when it was ready.
_OF_A_CUTOVER = ("quiesce", "cutover")


@dataclass(frozen=True)
class Failure:
    """A failure of the migration itself (no refusal of a gate) that was not taken up again."""

    code: str
    message: str


@dataclass(frozen=True)
class Standing:
    """Where one migration stands.

    :param at: the phase of the work; for a stopped migration the phase in which it was stopped.
    :param interrupted_at: that phase of a stopped migration (FAILED, FROZEN); None otherwise or when it was not noted.
    :param failed: its own failure; a refusal of a gate is none.
    :param held: it is FROZEN: a person must look at it, and ask for it before anything is done to it.
    :param launching: its cutover launch was begun and is not judged yet.
    :param can_repeat: rolled back after it was ready, and MGN (if asked) still shows READY_FOR_CUTOVER.
    :param stopped_at: when it failed or was stopped, ISO 8601; None when it was not, or in an older ledger.
    :param retry, rolled_back, test, quiesce, registered: the facts of the record, None when there is none.
    :param approvals: the last answer that the ledger holds, by what was asked.
    """

    server: str
    at: Phase
    interrupted_at: Phase | None = None
    failed: Failure | None = None
    held: bool = False
    launching: bool = False
    can_repeat: bool = False
    stopped_at: str | None = None
    retry: dict[str, Any] | None = None
    rolled_back: dict[str, Any] | None = None
    test: dict[str, Any] | None = None
    quiesce: dict[str, Any] | None = None
    approvals: dict[str, Any] = field(default_factory=dict)
    registered: dict[str, Any] | None = None

    def reached(self, phase: Phase) -> bool:
        """Whether it is at ``phase`` or beyond; False after a rollback, or when nobody noted where it was stopped."""
        return self.at in _PLACE and _PLACE[self.at] >= _PLACE[phase]

    def acts(self, step: str) -> bool:
        """Whether the step has something to do for it."""
        row = STEP_TABLE[step]
        if self.at not in row.begins_at | row.acting:
            return False
        return self.can_repeat or self.at is not Phase.ROLLED_BACK or step not in _OF_A_CUTOVER

    def is_past(self, step: str) -> bool:
        """Whether the step is done for it."""
        done_at = STEP_TABLE[step].done_at
        return self.at is done_at or (done_at in _PLACE and self.reached(done_at))

    @property
    def is_cut_over(self) -> bool:
        """Cut over and verified, and its instance was not found broken since: what depends on it may follow."""
        return self.at in CUT_OVER and not self.is_unwell

    @property
    def is_unwell(self) -> bool:
        """The last look at its verified instance was not good; a later good look clears that."""
        return self.failed is not None and self.failed.code in (INSTANCE_BROKEN, INSTANCE_UNKNOWN)

    @property
    def is_rolling_back(self) -> bool:
        return self.at is Phase.ROLLING_BACK

    @property
    def has_failed(self) -> bool:
        """It counts for the stop of the wave."""
        return self.failed is not None or self.held or self.is_rolling_back


def standing_of(record: Record, view: ServerView | None = None) -> Standing:
    """Where the migration stands.

    :param view: the server in MGN now; it decides whether a rolled back one may be cut over again. None: not asked.
    """
    facts = record.facts
    interrupted, failed, held = _interrupted_at(record), _failure(record), record.phase is Phase.FROZEN
    ready = bool(facts.get("ready")) and (view is None or view.lifecycle_state == "READY_FOR_CUTOVER")
    return Standing(
        server=record.source_server_id,
        at=interrupted or record.phase,
        interrupted_at=interrupted,
        failed=failed,
        held=held,
        launching=(cutover := record.intents.get(_CUTOVER)) is not None and cutover.outcome is None,
        can_repeat=record.phase is Phase.ROLLED_BACK and ready,
        # A launch that was sent again keeps the time of the earlier failure in the facts.
        stopped_at=facts.get(STOPPED_AT) if failed or held else None,
        retry=_fact(record, RETRY),
        rolled_back=_fact(record, ROLLED_BACK),
        test=_fact(record, TEST),
        quiesce=_fact(record, "quiesce"),
        approvals=_fact(record, APPROVALS) or {},
        registered=_fact(record, REGISTERED),
    )


def _interrupted_at(record: Record) -> Phase | None:
    noted = record.facts.get(STOPPED_IN)
    if record.phase not in STOPPED or noted not in set(Phase):
        return None
    phase = Phase(noted)
    return None if phase in ENDED else phase


def _failure(record: Record) -> Failure | None:
    code = record.error_code
    if record.phase is Phase.FAILED and code is None:
        return Failure("FAILED", "nobody noted why")
    if code is None or code in GATE_CODES or code == NOT_REACHED:
        return None
    return Failure(code, record.error_message or "")


def _fact(record: Record, name: str) -> dict[str, Any] | None:
    found = record.facts.get(name)
    return dict(found) if isinstance(found, dict) else None
