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
from migration_ops.wave.rules.approvals import ROLLBACK, Subject, is_ended, is_rolled_back_since, why_void
from migration_ops.wave.rules.refusals import (
    ApplicationHeldError,
    ApprovalVoidError,
    DependencyNotCutOverError,
    GateShutError,
    NotOnSheetError,
    NotQuiescedError,
    NotThereYetError,
    PastNoReturnError,
    PlanMismatchError,
    Reason,
    RollbackUnfinishedError,
    WaveStoppedError,
    WindowClosedError,
)
from migration_ops.wave.rules.standing import NEEDS_SHEET, Standing

# Which evidence sheet an action needs, by the name of its approval in the conf.
APPROVED_BY: Mapping[str, str] = {"quiesce": "cutover", "cutover": "cutover", "finalize": "finalize"}
# Actions that need the plan that preflight registered.
_BY_REGISTERED_PLAN = frozenset({"test_launch", "quiesce", "cutover", "finalize"})
# These stop or replace a source: window, wave stop and dependencies are checked as well.
_CUTS_OVER = frozenset({"quiesce", "cutover"})
_WORK = frozenset({"quiesce", "cutover", "finalize"})
# Launches nothing, so it goes on after a failure of its own; what is held still has to be asked for.
_AFTER_LAUNCH = frozenset({"cutover_verify"})


@dataclass(frozen=True)
class Request:
    """What a task was given to act on. Answers of people are not in it: they are read from the ledger.

    :param sheet: the result of the sheet's task; None when there is none.
    :param which: the decision of people that the action needs; None for an action that needs none.
    :param decision: the result of the task that decided about a failure or a rollback request; None without one.
    :param passed_at: when the cutover window's task let the wave through, ISO 8601; None when it is not known.
    :param is_retry: Airflow runs the task again by itself; nobody asked for it.
    """

    sheet: dict[str, Any] | None = None
    which: str | None = None
    passed_at: str | None = None
    is_retry: bool = False
    decision: dict[str, Any] | None = None

    def asks_for(self, standing: Standing) -> bool:
        """Whether a person asked for this very application since it failed or was stopped.

        True when the sheet, the approval and the window's task are all older than the failure: then its own task was
        cleared. When one of them is newer, the whole wave was reset, and nobody asked for this application. Nor is it
        known that somebody did when the time of the failure, or all those of the wave, are not known.
        """
        if self.is_retry and standing.held:
            return False
        stopped = moment(standing.stopped_at)
        waves = [one for one in map(moment, self._times(standing)) if one is not None]
        return stopped is not None and bool(waves) and all(one <= stopped for one in waves)

    def _times(self, standing: Standing) -> Iterable[str | None]:
        approval = standing.approvals.get(self.which or "") or {}
        return (self.made_at, str(approval.get("at") or ""), self.passed_at)

    @property
    def made_at(self) -> str | None:
        """When the sheet was made; None for a sheet of an earlier version."""
        return (self.sheet or {}).get("madeAt")


@dataclass(frozen=True)
class Surroundings:
    """What else an action depends on, as it is right now.

    :param stop: why the wave stops, None when it goes on.
    :param missing: dependencies that are not cut over now, each with its phases.
    :param window: why the window or a calendar is not open, None when all are.
    :param run_id: the run that acts; only what this run stopped counts as quiesced.
    :param held_by: the other run that holds a server's lock, by source server id.
    :param required: decisions that the installation demands of people whatever the conf says.
    :param restarted: commands that start a source again and came after its stop, by source server id.
    :param now: None: every decision with an expiry counts as expired.
    """

    stop: str | None = None
    missing: Mapping[str, str] = field(default_factory=dict)
    window: str | None = None
    run_id: str = ""
    held_by: Mapping[str, str] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    restarted: Mapping[str, list[str]] = field(default_factory=dict)
    now: datetime | None = None


@dataclass(frozen=True)
class Permission:
    """Given, or every reason against it; the first reason gives a task's error its code and hint."""

    action: str
    app_name: str
    reasons: tuple[Reason, ...] = ()

    @property
    def is_given(self) -> bool:
        return not self.reasons

    @property
    def words(self) -> str:
        """The reasons as sheet and error show them."""
        return "; ".join(reason.message for reason in self.reasons)

    @property
    def remedies(self) -> list[str]:
        """What a person can do about each reason, without repetitions."""
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

    :param action: a step of ``STEP_TABLE``: test_launch, quiesce, cutover, cutover_verify, finalize or rollback.
    :param request: what the task was given; None for a sheet: what is held then counts as not asked for.
    :param surroundings: None leaves out the gates that are checked only right before the action.
    """
    mine = list(standings)
    reasons = [*_of_standing(action, mine, request)]
    if request is not None and surroundings is not None:
        gates: list[Callable[[], Iterable[Reason]]] = []
        if action in _BY_REGISTERED_PLAN:
            gates += [lambda: of_registration(plan, mine)]
        if action in APPROVED_BY:
            gates += [lambda: _of_sheet(app, request)]
            gates += [lambda: _of_approval(APPROVED_BY[action], plan, app, mine, request, surroundings)]
        if action in _CUTS_OVER:
            gates += [lambda: _of_retries(mine, request), lambda: _of_wave(app, surroundings)]
        if action == "cutover" and plan.conf.quiesce is not None:
            gates += [lambda: _of_quiesce(mine, surroundings)]
        if action == "rollback":
            gates += [lambda: _of_decision(plan, app, mine, request, surroundings), lambda: _of_locks(surroundings)]
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
    held = [one for one in standings if _is_held(action, one, request)]
    if held:
        yield _reason(ApplicationHeldError, held, _held_words)
    early = [] if action in {"rollback", *_AFTER_LAUNCH} else [one for one in standings if _is_early(action, one)]
    if early:
        yield _reason(NotThereYetError, early, lambda one: f"is {one.at.value}, {action} does not begin there")


def waits_to_be_asked_for(action: str, standing: Standing) -> bool:
    """Whether the action needs a person to have asked for this very application."""
    if action in _WORK:
        return standing.held or standing.failed is not None
    return action in _AFTER_LAUNCH and standing.held


def _is_held(action: str, standing: Standing, request: Request | None) -> bool:
    return waits_to_be_asked_for(action, standing) and not (request is not None and request.asks_for(standing))


def _is_early(action: str, standing: Standing) -> bool:
    return not standing.is_rolling_back and not standing.acts(action) and not standing.is_past(action)


def _held_words(standing: Standing) -> str:
    word = "is held" if standing.held else "failed"
    return f"{word} in phase {standing.at.value}{_why(standing)}"


def _why(standing: Standing) -> str:
    return f" ({standing.failed.code}: {standing.failed.message})" if standing.failed else ""


def _of_decision(
    plan: WavePlan, app: PlannedApplication, standings: list[Standing], request: Request, around: Surroundings
) -> Iterable[Reason]:
    """What the conf decides (``onFailure: rollback``) is in the ledger too: the task ``decide`` wrote it."""
    if (request.decision or {}).get("decision") != ROLLBACK:
        yield Reason(ApprovalVoidError, f"nobody decided to roll {app.app_name} back")
        return
    digest = (request.decision or {}).get("digest")
    about = Subject(request.which or ROLLBACK, app.app_name, around.run_id, plan.plan_hash, digest)
    yield from _void(standings, about, around)


def _void(standings: list[Standing], about: Subject, around: Surroundings) -> Iterable[Reason]:
    void = {one.server: why for one in standings if (why := why_void(one, about, around.now))}
    if void:
        same = set(void.values())
        words = f"{', '.join(void)}: {same.pop()}" if len(same) == 1 else "; ".join(f"{s} {w}" for s, w in void.items())
        yield Reason(ApprovalVoidError, words)


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


def _of_retries(standings: list[Standing], request: Request) -> Iterable[Reason]:
    """A launch that was taken up again replaces what runs: whoever approved must have seen that it is a retry."""
    shown = (request.sheet or {}).get("retries") or {}
    unseen = [one for one in standings if (one.retry or {}).get(NEEDS_SHEET) and one.acts("cutover")]
    unseen = [one for one in unseen if shown.get(one.server) != (one.retry or {}).get("at")]
    if unseen:
        yield _reason(
            NotOnSheetError, unseen, lambda one: f"was asked for again on {(one.retry or {}).get('at')}, not shown here"
        )


def _of_approval(
    which: str,
    plan: WavePlan,
    app: PlannedApplication,
    standings: list[Standing],
    request: Request,
    around: Surroundings,
) -> Iterable[Reason]:
    if plan.conf.approvals.is_asked(which) or which in around.required:
        sheet = request.sheet or {}
        about = Subject(which, app.app_name, around.run_id, plan.plan_hash, sheet.get("digest"), request.made_at)
        yield from _void(standings, about, around)
        return
    made_at = moment(request.made_at)
    since = [one for one in standings if is_ended(one.approvals.get(which)) or is_rolled_back_since(one, made_at)]
    if since:
        yield _reason(ApprovalVoidError, since, lambda one: "was rolled back after this sheet was made")


def of_registration(plan: WavePlan, standings: Iterable[Standing]) -> Iterable[Reason]:
    """The plan in XCom must be the one that preflight registered: whoever can edit XComs must not be able to change it.

    Servers that an earlier run finalized keep that run's plan, so they are not compared.
    """
    left = [one for one in standings if one.at is not Phase.FINALIZED]
    other = [one for one in left if (one.registered or {}).get("planHash") != plan.plan_hash]
    if other:
        yield _reason(PlanMismatchError, other, lambda one: _registered_words(one, plan))


def _registered_words(standing: Standing, plan: WavePlan) -> str:
    noted = standing.registered or {}
    if not noted.get("planHash"):
        return "was registered with a plan that the ledger does not name"
    return (
        f"was registered by run {noted.get('runId')} with plan {noted['planHash'][:16]}, this is {plan.plan_hash[:16]}"
    )


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
    if around.restarted:
        which = "; ".join(f"{server}: {', '.join(ids)}" for server, ids in around.restarted.items())
        yield Reason(NotQuiescedError, f"a start command took effect after the source was stopped ({which})")


def _is_quiet(standing: Standing, around: Surroundings) -> bool:
    fact = standing.quiesce or {}
    return fact.get("state") == "STOPPED" and fact.get("runId") == around.run_id


def _quiet_state(standing: Standing) -> str:
    return f"quiesce: {(standing.quiesce or {}).get('state') or 'never ran'}"
