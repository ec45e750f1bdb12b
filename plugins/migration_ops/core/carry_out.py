"""Makes a change: plan, check the approval, act once, verify.

:func:`carry_out` does all of it for a change that ends at once. A change that spans tasks uses its two halves:
:func:`act_once` in the task that acts, :func:`verify` in the task that waits for the end.
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
    """The change was started, and reading it back shows that it was not made, or only in part."""

    code = "CHANGE_NOT_MADE"
    hint = "Fix what the outcomes name, then run it again: only what is missing is done."


class ChangeUnknownError(UnknownError):
    """The change was started, and it could not be read back whether it was made."""

    code = "CHANGE_UNKNOWN"
    hint = "Fix what the reason names (a permission, an outage), then clear this task: it reads again."


class Effect(StrEnum):
    """What reading back shows of one action. What could not be read is UNKNOWN and never counts as DONE."""

    DONE = "DONE"
    NOT_DONE = "NOT_DONE"
    UNKNOWN = "UNKNOWN"


class Change(Protocol):
    """What each kind of change implements."""

    def plan(self) -> ChangePlan:
        """What would be done, from what is read now.

        :raises MigrationError: it could not be read; then nothing is done.
        """

    def send(self, actions: Sequence[Action]) -> None:
        """Makes one call that does these actions.

        :raises OutcomeUnknownError: the answer was lost.
        :raises MigrationError: the call was refused.
        """

    def read_back(self, actions: Sequence[Action]) -> Mapping[str, Effect]:
        """What is there now, by action key. An action that is left out is UNKNOWN.

        :raises MigrationError: nothing could be read.
        """


@dataclass(frozen=True)
class Sent:
    """One call of a plan; ``error`` is None when the call succeeded."""

    actions: tuple[Action, ...]
    error: MigrationError | None = None

    @property
    def is_lost(self) -> bool:
        """Whether the answer was lost: only reading back shows whether it was done."""
        return isinstance(self.error, OutcomeUnknownError)


@dataclass(frozen=True)
class Acted:
    """The plan that was acted on, and its calls: none when it was sent before, or when there was nothing to do."""

    plan: ChangePlan
    sent: tuple[Sent, ...] = ()

    def require_sent(self) -> None:
        """:raises MigrationError: the first error of a call. The next try reads before it sends."""
        for one in self.sent:
            if one.error is not None:
                raise one.error


class ChangeState(StrEnum):
    """The outcome of a change as a whole."""

    NOTHING_TO_DO = "NOTHING_TO_DO"
    REFUSED = "REFUSED"
    DONE = "DONE"
    PARTLY_DONE = "PARTLY_DONE"
    NOT_DONE = "NOT_DONE"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True)
class ActionOutcome:
    """What reading back shows of an action, and the error of its call, if any."""

    action: Action
    effect: Effect
    error: MigrationError | None = None


@dataclass(frozen=True)
class ChangeResult:
    """
    The outcome of a change.

    :param refusal: why nothing was touched; None when the change was permitted or nothing had to be sent.
    :param unread: why nothing could be read back; None when reading back worked.
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
        :raises NotApprovedError: it was refused, see :func:`require_permitted`.
        :raises PlanChangedError: likewise.
        :raises ChangeUnknownError: something could not be read back.
        :raises ChangeNotMadeError: something planned was not done.
        """
        if self.refusal is not None:
            raise self.refusal
        if self.state is ChangeState.UNKNOWN:
            raise ChangeUnknownError("It is not known whether the change was made", **self._about(Effect.UNKNOWN))
        if self.state in (ChangeState.NOT_DONE, ChangeState.PARTLY_DONE):
            raise ChangeNotMadeError("The change was not made, or only in part", **self._about(Effect.NOT_DONE))

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
    Makes the plan again and sends it if that is permitted. Each call is sent once; one that fails does not stop the
    others.

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
    Plans, checks the permission, acts and verifies, in this order and each once. A refusal is in the result.

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
    """Reads back what was acted on. The result is what is there, not what a call answered."""
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
