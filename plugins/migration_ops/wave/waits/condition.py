"""The base of all conditions: what is observed, when a subject counts as absent, when a wait ends."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from migration_ops.core.errors import InvalidInputError
from migration_ops.core.verdict import GateResult, Verdict
from migration_ops.wave.waits.outcome import Reason

# An eventually consistent read may leave an id out once or twice, not this often in a row.
ABSENCES_UNTIL_FAILED = 5


@dataclass(frozen=True)
class ApiError:
    """The read failed this time: never OK, resets the count of good samples, does not end the wait by itself."""

    message: str


@dataclass(frozen=True)
class ConditionResult:
    """What one poll says of the whole wait.

    :param reason: None: keep waiting.
    :param observed: as in ``wave.waits.outcome.Resumed``; plain JSON values.
    """

    reason: Reason | None
    observed: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class SubjectResult:
    """The verdict of one poll on one subject. ``is_terminal``: waiting cannot help."""

    verdict: Verdict
    reason: str
    view: dict[str, Any] | None = None
    is_terminal: bool = False
    more: dict[str, Any] = field(default_factory=dict)

    def as_document(self) -> dict[str, Any]:
        return {"verdict": self.verdict.value, "reason": self.reason, "view": self.view} | self.more


class Condition(ABC):
    """Judges poll after poll until the wait is over.

    It keeps counts (good samples, absences) in memory only: after a restart of the triggerer they start from zero,
    which can lengthen a wait and never shortens one.

    :param until: the parameters of ``wave.waits.outcome.Wait``.
    :param subjects: the ids that are waited for; one that a poll leaves out is UNKNOWN, never forgotten.
    :param clock: epoch seconds.
    """

    absences_until_failed: int | None = ABSENCES_UNTIL_FAILED

    def __init__(
        self, until: dict[str, Any], subjects: Iterable[str] = (), clock: Callable[[], float] = time.time
    ) -> None:
        self._subjects = set(subjects)
        self._clock = clock
        self._absences: dict[str, int] = {}
        self._configure(until)

    def observe(self, observations: dict[str, Any]) -> ConditionResult:
        """Call once per poll with the latest view per subject.

        :param observations: None = the API did not list the subject; ``ApiError`` = it could not be read.
        """
        self._subjects |= set(observations)
        unread = ApiError("not read in this poll")
        results = {one: self._evaluate(one, observations.get(one, unread)) for one in sorted(self._subjects)}
        reason = self._conclude(results)
        return ConditionResult(reason, {one: result.as_document() for one, result in results.items()})

    @abstractmethod
    def _configure(self, until: dict[str, Any]) -> None:
        """:raises InvalidInputError: a parameter is missing or malformed."""

    @abstractmethod
    def _judge(self, subject: str, observation: Any) -> SubjectResult:
        """Judges what the API did list."""

    def _evaluate(self, subject: str, observation: Any) -> SubjectResult:
        if isinstance(observation, ApiError):
            return SubjectResult(Verdict.UNKNOWN, f"could not be read: {observation.message}")
        if observation is not None:
            self._absences.pop(subject, None)
            return self._judge(subject, observation)
        absences = self._absences[subject] = self._absences.get(subject, 0) + 1
        is_terminal = self.absences_until_failed is not None and absences >= self.absences_until_failed
        return SubjectResult(Verdict.UNKNOWN, f"not listed, {absences} polls in a row", is_terminal=is_terminal)

    def _conclude(self, results: dict[str, SubjectResult]) -> Reason | None:
        """One terminal subject ends the wait; otherwise it is met when there are subjects and all are OK."""
        if any(one.is_terminal for one in results.values()):
            return Reason.FAILED
        return Reason.MET if results and all(one.verdict is Verdict.OK for one in results.values()) else None


def result_from(
    check: GateResult, view: dict[str, Any] | None, *, is_terminal: bool = False, **more: Any
) -> SubjectResult:
    return SubjectResult(check.verdict, check.reason, view, is_terminal, more)


def required(until: dict[str, Any], key: str, kind: type | tuple[type, ...]) -> Any:
    """:raises InvalidInputError: ``until`` has no such parameter, or one of another type."""
    value = until.get(key)
    if value is None or not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise InvalidInputError("a wait's parameter is missing or malformed", path=f"until.{key}", value=value)
    return value


def epoch_seconds(until: dict[str, Any], key: str) -> float:
    """:raises InvalidInputError: not a finite number."""
    value = float(required(until, key, (int, float)))
    if not abs(value) < float("inf"):
        raise InvalidInputError("a wait's time must be finite", path=f"until.{key}")
    return value
