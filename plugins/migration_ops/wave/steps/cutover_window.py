"""The cutover window and the SSM change calendars (conf: cutoverWindow)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from migration_ops.core.errors import StepFailed
from migration_ops.core.verdict import Check, Verdict
from migration_ops.wave.plan.plan import WavePlan
from migration_ops.wave.records import require_met
from migration_ops.wave.rules.window import WindowJudgement, judge_window
from migration_ops.wave.services import Services, StepInput
from migration_ops.wave.waits.feeds import calendar_states
from migration_ops.wave.waits.outcome import Done, Outcome, Topic, Wait

# Without an end the window is waited for as long as a person would leave a change open.
_PATIENCE_SECONDS = 14 * 86_400


class WindowClosed(StepFailed):
    """The change window or a change calendar is closed; nothing was touched."""

    code = "WINDOW_CLOSED"
    hint = "Get a new window, then trigger a new run: the conf of a run cannot be changed."


def run(services: Services, inp: StepInput) -> Outcome:
    """Done when the window and every change calendar are open.

    :raises WindowClosed: the window closed before the calendars opened.
    """
    window = inp.conf["cutoverWindow"]
    calendars = list(window["changeCalendars"])
    judged = _judge(services, inp.plan)
    if judged.is_over:
        raise WindowClosed(judged.check.reason, window=window)
    if inp.resumed is not None:
        require_met(inp.resumed, "cutover window", inp.plan.wave)
    elif judged.wait_until is None and not calendars:
        return Done({"window": judged.check.as_document()})
    if judged.check.verdict is Verdict.OK and all_open(services, calendars):
        return Done({"window": judged.check.as_document(), "changeCalendars": calendars})
    opens, closes = _moment(window["opens"]), _moment(window["closes"])
    deadline = closes.timestamp() if closes else services.epoch() + _PATIENCE_SECONDS
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


def require_open(services: Services, inp: StepInput) -> None:
    """:raises WindowClosed: right before a launch the window or a calendar is not open."""
    judged = _judge(services, inp.plan)
    if judged.check.verdict is not Verdict.OK:
        raise WindowClosed(judged.check.reason, window=inp.conf["cutoverWindow"])
    calendars = list(inp.conf["cutoverWindow"]["changeCalendars"])
    if not all_open(services, calendars):
        raise WindowClosed("a change calendar is not open", changeCalendars=calendars)


def window_check(services: Services, plan: WavePlan) -> Check:
    """The window as a preflight check: only one that is over blocks."""
    judged = _judge(services, plan)
    if judged.is_over:
        return judged.check
    check = judged.check
    return Check(check.name, check.subject, Verdict.OK, check.value, check.limit, check.reason)


def all_open(services: Services, calendars: list[str]) -> bool:
    """Whether each calendar says OPEN right now; no calendars, no closed one."""
    if not calendars:
        return True
    states = calendar_states(services.client("ssm"), calendars)
    return all(states.get(name) == "OPEN" for name in calendars)


def _judge(services: Services, plan: WavePlan) -> WindowJudgement:
    window = plan.conf["cutoverWindow"]
    return judge_window(_moment(window["opens"]), _moment(window["closes"]), services.now())


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
