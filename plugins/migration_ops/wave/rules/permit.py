"""May this application be acted on now, and if not, why? One pure answer for sheets and for the tasks that act."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from migration_ops.aws.mgn.servers import moment
from migration_ops.core.states import Phase
from migration_ops.ledger.protocol import LockHeldError
from migration_ops.wave.plan.plan import PlannedApplication, WavePlan
from migration_ops.wave.rules.refusals import (
    ApplicationHeldError,
    ApprovalVoidError,
    DependencyNotCutOverError,
    GateShutError,
    NotOnSheetError,
    NotQuiescedError,
    NotThereYetError,
    PastNoReturnError,
    Reason,
    RollbackUnfinishedError,
    WaveStoppedError,
    WindowClosedError,
)
from migration_ops.wave.rules.standing import Standing

# Which evidence sheet an action needs, by the name of its approval in the conf.
APPROVED_BY: Mapping[str, str] = {"quiesce": "cutover", "cutover": "cutover", "finalize": "finalize"}
# These stop or replace a source: window, wave stop and dependencies are asked as well.
_CUTS_OVER = frozenset({"quiesce", "cutover"})
_WORK = frozenset({"quiesce", "cutover", "finalize"})


@dataclass(frozen=True)
class Request:
    """What a task was given when it was asked to act.

    :param sheet, approval: the results of the sheet's and the approval's tasks; None when there is none.
    :param decision: what was decided after a failure or on request, with by whom and why; None when nothing was.
    :param passed_at: when the cutover window's task let the wave through, ISO 8601; None when it is not known.
    :param is_retry: the orchestrator runs the task again by itself; nobody asked for it.
    """

    sheet: dict[str, Any] | None = None
    approval: dict[str, Any] | None = None
    passed_at: str | None = None
    is_retry: bool = False
    decision: dict[str, Any] | None = None

    def asks_for(self, standing: Standing) -> bool:
        """Whether a person asked for this very application since it failed or was stopped.

        What the whole wave does ran before that: then its own task was cleared. When the sheet, the approval or the
        window's task is newer, it was reset together with everything else, and nobody asked for it.
        """
        if self.is_retry and standing.held:
            return False
        stopped = moment(standing.stopped_at)
        waves = [one for one in map(moment, self._times()) if one is not None]
        return all(stopped is not None and one <= stopped for one in waves)

    def _times(self) -> Iterable[str | None]:
        return (self.made_at, str((self.approval or {}).get("at") or ""), self.passed_at)

    @property
    def made_at(self) -> str | None:
        """When the sheet was made; None for a sheet of an earlier version."""
        return (self.sheet or {}).get("madeAt")


@dataclass(frozen=True)
class Surroundings:
    """What else an action depends on, as it is right now.

    :param stop: why the wave stops, None when it goes on.
    :param missing: dependencies that are not cut over now, with where each stands.
    :param window: why the window or a calendar is not open, None when all are.
    :param run_id: the run that acts; only what this run stopped counts as quiesced.
    :param held_by: the other run that holds a server's lock, by source server id.
    """

    stop: str | None = None
    missing: Mapping[str, str] = field(default_factory=dict)
    window: str | None = None
    run_id: str = ""
    held_by: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Permission:
    """Yes, or every reason against it; the first one gives a task's error its code and hint."""

    action: str
    app_name: str
    reasons: tuple[Reason, ...] = ()

    @property
    def is_given(self) -> bool:
        return not self.reasons

    @property
    def words(self) -> str:
        """The reasons in the words of sheet and error."""
        return "; ".join(reason.message for reason in self.reasons)

    @property
    def remedies(self) -> list[str]:
        """What a person can do about each, once."""
        return list(dict.fromkeys(reason.remedy for reason in self.reasons))

    def require(self) -> None:
        """:raises GateShutError, LockHeldError: of the kind of the first reason, in the words of all."""
        if self.reasons:
            first = self.reasons[0]
            raise first.kind(self.words, appName=self.app_name, **first.context)


def permit(
    action: str,
    plan: WavePlan,
    app: PlannedApplication,
    standings: Iterable[Standing],
    request: Request | None = None,
    surroundings: Surroundings | None = None,
) -> Permission:
    """Whether the action may be taken on the application.

    :param action: a step of ``STEP_TABLE`` that acts: test_launch, quiesce, cutover, finalize, rollback.
    :param request: what the task was given; None for a sheet, where nobody can have asked for what is held.
    :param surroundings: None leaves the gates out that are asked only right before the action.
    """
    mine = list(standings)
    reasons = [*_of_standing(action, mine, request)]
    if request is not None and surroundings is not None:
        gates: list[Callable[[], Iterable[Reason]]] = []
        if action in APPROVED_BY:
            gates += [lambda: _of_sheet(app, request), lambda: _of_approval(action, plan, mine, request)]
        if action in _CUTS_OVER:
            gates += [lambda: _of_wave(app, surroundings)]
        if action == "cutover" and plan.conf.quiesce is not None:
            gates += [lambda: _of_quiesce(mine, surroundings)]
        if action == "rollback":
            gates += [lambda: _of_decision(app, request), lambda: _of_locks(surroundings)]
        reasons += [reason for gate in gates for reason in gate()]
    return Permission(action, app.app_name, tuple(reasons))


def _of_standing(action: str, standings: list[Standing], request: Request | None) -> Iterable[Reason]:
    unfinished = [one for one in standings if one.is_rolling_back]
    if unfinished and action != "rollback":
        yield _reason(RollbackUnfinishedError, unfinished, lambda one: "its rollback did not end" + _why(one))
    if action == "rollback":
        final = [one for one in standings if one.at is Phase.FINALIZED]
        if final:
            yield _reason(PastNoReturnError, final, lambda one: "is finalized, there is no way back")
    held = [] if action not in _WORK else [one for one in standings if _is_held(one, request)]
    if held:
        yield _reason(ApplicationHeldError, held, _held_words)
    early = [] if action == "rollback" else [one for one in standings if _is_early(action, one)]
    if early:
        yield _reason(NotThereYetError, early, lambda one: f"is {one.at.value}, {action} does not begin there")


def _is_held(standing: Standing, request: Request | None) -> bool:
    return (standing.held or standing.failed is not None) and not (request is not None and request.asks_for(standing))


def _is_early(action: str, standing: Standing) -> bool:
    return not standing.is_rolling_back and not standing.acts(action) and not standing.is_past(action)


def _held_words(standing: Standing) -> str:
    word = "is held" if standing.held else "failed"
    return f"{word} in phase {standing.at.value}{_why(standing)}"


def _why(standing: Standing) -> str:
    return f" ({standing.failed.code}: {standing.failed.message})" if standing.failed else ""


def _of_decision(app: PlannedApplication, request: Request) -> Iterable[Reason]:
    if (request.decision or {}).get("decision") != "rollback":
        yield Reason(ApprovalVoidError, f"nobody decided to roll {app.app_name} back")


def _of_locks(around: Surroundings) -> Iterable[Reason]:
    if around.held_by:
        where = ", ".join(f"{server} to {run}" for server, run in around.held_by.items())
        yield Reason(LockHeldError, f"these servers belong to another run: {where}", {"holders": dict(around.held_by)})


def _reason(kind: type[GateShutError], standings: list[Standing], words: Callable[[Standing], str]) -> Reason:
    return Reason(kind, "; ".join(f"{one.server} {words(one)}" for one in standings))


def _of_sheet(app: PlannedApplication, request: Request) -> Iterable[Reason]:
    sheet = request.sheet or {}
    if app.app_name not in (sheet.get("ready") or []):
        why = (sheet.get("excluded") or {}).get(app.app_name, "not on the sheet")
        yield Reason(NotOnSheetError, f"{app.app_name} was left out: {why}")


def _of_approval(action: str, plan: WavePlan, standings: list[Standing], request: Request) -> Iterable[Reason]:
    since = [one for one in standings if _rolled_back_since(one, moment(request.made_at))]
    if since:
        yield _reason(ApprovalVoidError, since, lambda one: "was rolled back after this sheet was made")
    which = APPROVED_BY[action]
    if not plan.conf.approvals.is_asked(which):
        return
    approval, sheet = request.approval or {}, request.sheet or {}
    if approval.get("approved") is not True:
        yield Reason(ApprovalVoidError, f"the {which} was not approved")
    elif approval.get("planHash") != plan.plan_hash:
        yield Reason(ApprovalVoidError, "the plan changed after the approval", {"approved": approval.get("planHash")})
    elif not sheet.get("digest") or approval.get("sheetDigest") != sheet["digest"]:
        facts = {"approved": approval.get("sheetDigest"), "now": sheet.get("digest")}
        yield Reason(ApprovalVoidError, "the evidence changed after the approval", facts)


def _rolled_back_since(standing: Standing, made: datetime | None) -> bool:
    """A rollback ends what people approved before it. A sheet that does not say when it was made is older."""
    if standing.rolled_back is None and standing.at is not Phase.ROLLED_BACK:
        return False
    when = moment((standing.rolled_back or {}).get("at"))
    return made is None or (when is not None and when >= made)


def _of_wave(app: PlannedApplication, around: Surroundings) -> Iterable[Reason]:
    if around.window:
        yield Reason(WindowClosedError, around.window)
    if around.stop:
        yield Reason(WaveStoppedError, f"the wave stops: {around.stop}")
    if around.missing:
        where = ", ".join(f"{name} is {phases}" for name, phases in around.missing.items())
        yield Reason(DependencyNotCutOverError, f"{app.app_name} needs what is not cut over now: {where}")


def _of_quiesce(standings: list[Standing], around: Surroundings) -> Iterable[Reason]:
    running = [one for one in standings if one.acts("cutover") and not one.launching and not _is_quiet(one, around)]
    if running:
        yield _reason(NotQuiescedError, running, lambda one: f"was not stopped by this run ({_quiet_state(one)})")


def _is_quiet(standing: Standing, around: Surroundings) -> bool:
    fact = standing.quiesce or {}
    return fact.get("state") == "STOPPED" and fact.get("runId") == around.run_id


def _quiet_state(standing: Standing) -> str:
    return f"quiesce: {(standing.quiesce or {}).get('state') or 'never ran'}"
