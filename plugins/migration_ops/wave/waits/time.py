"""Waits for other applications, for a time, and for the cutover window."""

from __future__ import annotations

from typing import Any

from migration_ops.core.errors import InvalidInputError
from migration_ops.core.verdict import Verdict
from migration_ops.wave.waits.condition import Condition, ConditionResult, SubjectResult, epoch_seconds, required
from migration_ops.wave.waits.outcome import Reason

WINDOW = "cutoverWindow"


class LedgerCondition(Condition):
    """Every migration reached one of ``until.reached``; one in ``until.failed`` ends the wait.

    Observations: ``{"phase": …, "status": …, "reason": …}``, None while the ledger has no record.
    """

    absences_until_failed = None

    def _configure(self, until: dict[str, Any]) -> None:
        self._reached = frozenset(required(until, "reached", (list, tuple, set, frozenset)))
        self._failed = frozenset(until.get("failed") or ())
        if not self._reached or self._reached & self._failed:
            raise InvalidInputError(
                "phases to reach must be given and differ from those that fail", path="until.reached"
            )

    def _judge(self, subject: str, observation: dict[str, Any]) -> SubjectResult:
        phase = observation.get("phase")
        because = f": {observation['reason']}" if observation.get("reason") else ""
        if phase in self._failed:
            return SubjectResult(Verdict.BLOCKED, f"is {phase}{because}", observation, is_terminal=True)
        if phase in self._reached:
            return SubjectResult(Verdict.OK, f"is {phase}", observation)
        if phase is None:
            return SubjectResult(Verdict.UNKNOWN, "the ledger gives no phase", observation)
        return SubjectResult(
            Verdict.BLOCKED, f"is {phase}, not yet one of {', '.join(sorted(self._reached))}", observation
        )


class ClockCondition(Condition):
    """The time ``until.at`` (epoch seconds) is reached. It has no subjects."""

    def _configure(self, until: dict[str, Any]) -> None:
        self._at = epoch_seconds(until, "at")

    def observe(self, observations: dict[str, Any]) -> ConditionResult:
        return ConditionResult(Reason.MET if self._clock() >= self._at else None, {})

    def _judge(self, subject: str, observation: Any) -> SubjectResult:
        raise InvalidInputError("a wait for a time has no subjects", subject=subject)


class CalendarCondition(Condition):
    """All change calendars are OPEN, and the time is between ``until.opens`` and ``until.closes`` (epoch seconds).

    The window closing while waiting ends the wait as failed. The window itself is observed as ``cutoverWindow``.
    """

    absences_until_failed = None

    def _configure(self, until: dict[str, Any]) -> None:
        self._opens = epoch_seconds(until, "opens") if until.get("opens") is not None else None
        self._closes = epoch_seconds(until, "closes") if until.get("closes") is not None else None

    def observe(self, observations: dict[str, Any]) -> ConditionResult:
        calendars = super().observe(observations).observed
        if self._opens is not None or self._closes is not None:
            calendars[WINDOW] = self._window().as_document()
        if self._closes is not None and self._clock() >= self._closes:
            return ConditionResult(Reason.FAILED, calendars)
        is_open = bool(calendars) and all(one["verdict"] == Verdict.OK for one in calendars.values())
        return ConditionResult(Reason.MET if is_open else None, calendars)

    def _judge(self, subject: str, observation: str) -> SubjectResult:
        view = {"state": observation}
        if observation == "OPEN":
            return SubjectResult(Verdict.OK, "the change calendar is open", view)
        if observation == "CLOSED":
            return SubjectResult(Verdict.BLOCKED, "the change calendar is closed", view)
        return SubjectResult(Verdict.UNKNOWN, f"the change calendar is {observation}", view)

    def _window(self) -> SubjectResult:
        now = self._clock()
        if self._closes is not None and now >= self._closes:
            return SubjectResult(Verdict.BLOCKED, "the cutover window is over")
        if self._opens is not None and now < self._opens:
            return SubjectResult(Verdict.BLOCKED, "the cutover window is not open yet")
        return SubjectResult(Verdict.OK, "the cutover window is open")
