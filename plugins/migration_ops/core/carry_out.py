"""Makes a change: plan, approve, act once, verify.

:func:`carry_out` keeps the order for a change that is over at once. A change that spans tasks uses its two halves:
:func:`act_once` in the task that acts, :func:`verify` in the one that waits for the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from migration_ops.core.change import (
    Action,
    Approval,
    ChangePlan,
    NotApprovedError,
    PlanChangedError,
    require_permitted,
)
from migration_ops.core.errors import MigrationError, OutcomeUnknownError, StepFailedError, UnknownError


class ChangeNotMadeError(StepFailedError):
    """The change was begun, and reading it back shows that it is not, or not wholly, there."""

    code = "CHANGE_NOT_MADE"
    hint = "Mend what the outcomes name, then run it again: only what is missing is done."


class ChangeUnknownError(UnknownError):
    """The change was begun, and nobody could read whether it is there."""

    code = "CHANGE_UNKNOWN"
    hint = "Mend what the reason names (a permission, an outage), then clear this task: it reads again."


class Effect(StrEnum):
    """What reading back shows of one action. What could not be read is UNKNOWN, and no kind of DONE."""

    DONE = "DONE"
    NOT_DONE = "NOT_DONE"
    UNKNOWN = "UNKNOWN"


class Change(Protocol):
    """What each kind of change has of its own."""

    def plan(self) -> ChangePlan:
        """What would be done, read now.

        :raises MigrationError: it could not be read: nobody knows, and nothing is done.
        """

    def send(self, actions: Sequence[Action]) -> None:
        """Makes one call that does these actions.

        :raises OutcomeUnknownError: the answer was lost.
        :raises MigrationError: it was refused.
        """

    def read_back(self, actions: Sequence[Action]) -> Mapping[str, Effect]:
        """What is there now, by the actions' keys. What is left out is UNKNOWN.

        :raises MigrationError: nothing could be read.
        """


@dataclass(frozen=True)
class Sent:
    """One call of a plan; ``error`` is None when the answer was good."""

    actions: tuple[Action, ...]
    error: MigrationError | None = None

    @property
    def is_lost(self) -> bool:
        """Nobody knows whether it was done: only reading shows it."""
        return isinstance(self.error, OutcomeUnknownError)


@dataclass(frozen=True)
class Acted:
    """The plan that was acted on, and its calls; none when it was sent before or there was nothing to do."""

    plan: ChangePlan
    sent: tuple[Sent, ...] = ()

    def require_sent(self) -> None:
        """:raises MigrationError: the first error. Trying again reads before it sends."""
        for one in self.sent:
            if one.error is not None:
                raise one.error


class ChangeState(StrEnum):
    """What became of a change as a whole."""

    NOTHING_TO_DO = "NOTHING_TO_DO"
    REFUSED = "REFUSED"
    DONE = "DONE"
    PARTLY_DONE = "PARTLY_DONE"
    NOT_DONE = "NOT_DONE"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True)
class ActionOutcome:
    """What reading back shows of an action, and with which error its call ended."""

    action: Action
    effect: Effect
    error: MigrationError | None = None


@dataclass(frozen=True)
class ChangeResult:
    """
    What became of a change.

    :param refusal: why nothing was touched; None when it was acted.
    :param unread: why nothing could be read back.
    """

    plan: ChangePlan
    outcomes: tuple[ActionOutcome, ...] = ()
    refusal: MigrationError | None = None
    unread: MigrationError | None = None

    @property
    def state(self) -> ChangeState:
        if self.refusal is not None:
            return ChangeState.REFUSED
        effects = {one.effect for one in self.outcomes}
        if Effect.UNKNOWN in effects or self.unread is not None:
            return ChangeState.UNKNOWN
        if not effects:
            return ChangeState.NOTHING_TO_DO
        return ChangeState(effects.pop().value) if len(effects) == 1 else ChangeState.PARTLY_DONE

    def require_done(self) -> None:
        """
        :raises MigrationError: the refusal.
        :raises ChangeUnknownError: something could not be read back.
        :raises ChangeNotMadeError: something is not there.
        """
        if self.refusal is not None:
            raise self.refusal
        if self.state is ChangeState.UNKNOWN:
            raise ChangeUnknownError("Nobody knows whether the change is there", **self._about(Effect.UNKNOWN))
        if self.state in (ChangeState.NOT_DONE, ChangeState.PARTLY_DONE):
            raise ChangeNotMadeError("The change is not wholly there", **self._about(Effect.NOT_DONE))

    def _about(self, effect: Effect) -> dict[str, Any]:
        errors = {one.action.key: str(one.error) for one in self.outcomes if one.error is not None}
        about = {
            "subject": self.plan.subject,
            "actions": [one.action.key for one in self.outcomes if one.effect is effect],
            "errors": errors or None,
            "reason": self.unread.message if self.unread else None,
        }
        return {name: value for name, value in about.items() if value is not None}


def act_once(change: Change, approval: Approval | None = None, shown_digest: str | None = None) -> Acted:
    """
    Makes the plan anew and sends it if it may be; each call once, and one that fails stops no other.

    :raises NotApprovedError: see :func:`require_permitted`; nothing was touched.
    :raises PlanChangedError: likewise.
    :raises MigrationError: the plan could not be made; nothing was touched.
    """
    plan = change.plan()
    if _is_to_send(plan):
        require_permitted(plan, approval, shown_digest)
    return _send(change, plan)


def carry_out(change: Change, approval: Approval | None = None, shown_digest: str | None = None) -> ChangeResult:
    """
    Plan, permission, act, verify, in this order and each once. A refusal is in the result.

    :raises MigrationError: the plan could not be made; nothing was touched.
    """
    plan = change.plan()
    try:
        if _is_to_send(plan):
            require_permitted(plan, approval, shown_digest)
    except (NotApprovedError, PlanChangedError) as refusal:
        return ChangeResult(plan, refusal=refusal)
    return verify(change, _send(change, plan))


def verify(change: Change, acted: Acted) -> ChangeResult:
    """Reads back what was acted on. What is there counts, not what a call answered."""
    if not acted.plan.actions:
        return ChangeResult(acted.plan)
    effects: Mapping[str, Effect] = {}
    unread = None
    try:
        effects = change.read_back(acted.plan.actions)
    except MigrationError as error:
        unread = error
    errors = {action.key: one.error for one in acted.sent for action in one.actions}
    outcomes = [
        ActionOutcome(one, effects.get(one.key, Effect.UNKNOWN), errors.get(one.key)) for one in acted.plan.actions
    ]
    return ChangeResult(acted.plan, tuple(outcomes), unread=unread)


def _is_to_send(plan: ChangePlan) -> bool:
    return bool(plan.actions) and not plan.is_begun


def _send(change: Change, plan: ChangePlan) -> Acted:
    calls = plan.calls if _is_to_send(plan) else []
    return Acted(plan, tuple(_sent(change, actions) for actions in calls))


def _sent(change: Change, actions: tuple[Action, ...]) -> Sent:
    try:
        change.send(actions)
    except MigrationError as error:
        return Sent(actions, error)
    return Sent(actions)
