"""The cutover window and the SSM change calendars (conf: cutoverWindow)."""

from __future__ import annotations

from typing import Any

from migration_ops.core.verdict import GateResult, Verdict
from migration_ops.wave.conf.limits import WINDOW_PATIENCE
from migration_ops.wave.plan.plan import WavePlan
from migration_ops.wave.records import require_met
from migration_ops.wave.rules.refusals import WindowClosedError
from migration_ops.wave.rules.window import WindowResult, judge_window
from migration_ops.wave.services import Services, StepInput
from migration_ops.wave.waits.feeds import calendar_states
from migration_ops.wave.waits.outcome import Done, Outcome, Topic, Wait


def run(services: Services, inp: StepInput) -> Outcome:
    """Done when the window and every change calendar are open.

    :raises WindowClosedError: the window is over, also when it closed while the calendars were waited for.
    :raises StepTimedOutError: a window without ``closes`` was waited for 14 days.
    """
    window = inp.conf.cutover_window
    calendars = list(window.change_calendars)
    judged = _judge(services, inp.plan)
    if judged.is_over:
        raise WindowClosedError(judged.check.reason, window=window.as_document())
    if inp.resumed is not None:
        require_met(inp.resumed, "cutover window", inp.plan.wave)
    elif judged.wait_until is None and not calendars:
        return _passed(services, judged, [])
    if judged.check.verdict is Verdict.OK and all_open(services, calendars):
        return _passed(services, judged, calendars)
    opens, closes = window.opens, window.closes
    deadline = closes.timestamp() if closes else services.epoch() + WINDOW_PATIENCE.total_seconds()
    if not calendars and judged.wait_until is not None:
        until: dict[str, Any] = {"at": judged.wait_until.timestamp()}
        topic = Topic.CLOCK
    else:
        until = {"opens": opens.timestamp() if opens else None, "closes": closes.timestamp() if closes else None}
        topic = Topic.CALENDAR
    return Wait(
        topic=topic,
        subjects=tuple(calendars),
        until=until,
        poll_seconds=services.settings.check_poll_seconds,
        deadline=deadline,
        why=f"cutover window of {inp.plan.wave}: {judged.check.reason}; change calendars: {calendars or 'none'}",
    )


def _passed(services: Services, judged: WindowResult, calendars: list[str]) -> Done:
    """By ``passedAt`` later tasks know whether the whole wave passed here again after one of them failed."""
    more = {"changeCalendars": calendars} if calendars else {}
    return Done({"window": judged.check.as_document(), **more, "passedAt": services.now().isoformat()})


def closed_reason(services: Services, plan: WavePlan) -> str | None:
    """Why nothing may be launched right now: the window or a change calendar is not open. None when all are."""
    judged = _judge(services, plan)
    if judged.check.verdict is not Verdict.OK:
        return judged.check.reason or "the window is not open"
    calendars = list(plan.conf.cutover_window.change_calendars)
    return None if all_open(services, calendars) else f"a change calendar is not open: {', '.join(calendars)}"


def window_check(services: Services, plan: WavePlan) -> GateResult:
    """The window as a preflight check: only one that is over blocks."""
    judged = _judge(services, plan)
    if judged.is_over:
        return judged.check
    check = judged.check
    return GateResult(check.name, check.subject, Verdict.OK, check.value, check.limit, check.reason)


def all_open(services: Services, calendars: list[str]) -> bool:
    """Whether each calendar is OPEN right now; True without calendars (SSM GetCalendarState)."""
    if not calendars:
        return True
    states = calendar_states(services.client("ssm"), calendars)
    return all(states.get(name) == "OPEN" for name in calendars)


def _judge(services: Services, plan: WavePlan) -> WindowResult:
    window = plan.conf.cutover_window
    return judge_window(window.opens, window.closes, services.now())
