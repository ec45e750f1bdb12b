"""The error classes of a shut gate, and its reasons as a sheet and a task show them.

A refusal is no failure of the application: the ledger does not note it as an error, it does not count for the stop of
the wave, and nobody is asked to decide about it. When its cause is gone, the cleared task goes on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from migration_ops.core.errors import StepFailedError
from migration_ops.ledger.protocol import LockHeldError


class GateShutError(StepFailedError):
    """Base of all: the step was not allowed to act, and touched nothing."""

    code = "GATE_SHUT"
    hint = "Remove the cause, then clear this task with downstream."


class ApprovalVoidError(GateShutError):
    """Nobody approved, or something changed after the approval."""

    code = "APPROVAL_VOID"
    hint = "Clear the evidence sheet's task with downstream, so that the approval is asked for again."


class PlanMismatchError(GateShutError):
    """The plan that a task was given is not the one that was registered for its run."""

    code = "PLAN_MISMATCH"
    hint = (
        "Somebody changed the plan in XCom, or another run registered the servers since: clear `plan` with downstream, "
        "which makes the plan again from the run's conf and asks for the approvals again."
    )


class NotOnSheetError(GateShutError):
    """The evidence sheet that people saw left this application out."""

    code = "NOT_ON_SHEET"
    hint = "Fix what kept it off the sheet, then clear the sheet's task with downstream."


class WindowClosedError(GateShutError):
    """The change window or a change calendar is closed; nothing was touched."""

    code = "WINDOW_CLOSED"
    hint = "Get a new window, then trigger a new run: the conf of a run cannot be changed."


class WaveStoppedError(GateShutError):
    """Enough applications failed to stop the wave."""

    code = "WAVE_STOPPED"
    hint = (
        "Fix each failed application and clear its failed task with downstream (its `mark_ready` when the sheet is "
        "newer than the failure), or roll it back; then clear this task with downstream. What `onFailure: rollback` "
        "undid by itself must be seen by people first: clear `go_no_go` with downstream."
    )


class ApplicationHeldError(GateShutError):
    """The application failed or is held, and nobody asked for it again."""

    code = "APPLICATION_HELD"
    hint = (
        "It goes on only when it is asked for itself: fix the cause, then clear its own `mark_ready` with downstream "
        "(or the task of `test` that failed); the new sheet shows it as a retry."
    )


class RollbackUnfinishedError(GateShutError):
    """A rollback of the application was begun and did not end."""

    code = "ROLLBACK_UNFINISHED"
    hint = "Only another rollback goes on with it: answer `decide` again, or trigger migration_rollback."


class NotThereYetError(GateShutError):
    """The application is not in a phase in which this step begins."""

    code = "NOT_THERE_YET"
    hint = "Clear the first of its own tasks that is not done, with downstream."


class PastNoReturnError(GateShutError):
    """The application is finalized."""

    code = "PAST_NO_RETURN"
    hint = (
        "MGN has no way back after finalize. What a person can still do: keep or stop the instance in EC2, start the "
        "source server again, reinstall the replication agent and wait for a full initial sync."
    )


class DependencyNotCutOverError(GateShutError):
    """What it depends on is not cut over and verified now."""

    code = "DEPENDENCY_NOT_CUT_OVER"
    hint = "Cut the dependency over first, then clear this application's `wait_for_dependencies` with downstream."


class NotQuiescedError(GateShutError):
    """The conf wants the source stopped, and this run did not stop it, or it was started again."""

    code = "NOT_QUIESCED"
    hint = "Clear quiesce with downstream."


class TargetNotProvenError(GateShutError):
    """A managed node is not known to be the source server, or the document for its commands cannot be used."""

    code = "TARGET_NOT_PROVEN"
    hint = "Bring the SSM agent or the conf's instanceIds in order (docs/running-a-wave.md), then clear this task."


# Earlier versions wrote these codes to the ledger as an application's error. They are not failures.
GATE_CODES = frozenset(
    one.code
    for one in (
        ApprovalVoidError,
        PlanMismatchError,
        NotOnSheetError,
        WindowClosedError,
        WaveStoppedError,
        ApplicationHeldError,
        RollbackUnfinishedError,
        NotThereYetError,
        PastNoReturnError,
        DependencyNotCutOverError,
        NotQuiescedError,
        TargetNotProvenError,
    )
)


@dataclass(frozen=True)
class Reason:
    """One reason for a refusal: the sentence that the sheet and the task's error show."""

    kind: type[GateShutError | LockHeldError]
    message: str
    context: dict[str, Any] = field(default_factory=dict)

    @property
    def remedy(self) -> str:
        """What a person can do about it."""
        return self.kind.hint
