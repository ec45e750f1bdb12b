"""A planned change of something outside this package: its actions, how to undo it, the digest an approval is bound to.

``carry_out`` makes the change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from migration_ops.core.documents import canonical_digest
from migration_ops.core.errors import BlockedError, InvalidInputError


class NotApprovedError(BlockedError):
    """The plan needs a person's approval, and there is none; nothing was touched."""

    code = "NOT_APPROVED"
    hint = "Trigger a new run, or clear the task that plans with downstream: the question is asked again."


class PlanChangedError(BlockedError):
    """What would be done now is not what was shown or approved; nothing was touched."""

    code = "PLAN_CHANGED"
    hint = "Clear the task that plans with downstream, so that people see what would be done now."


@dataclass(frozen=True)
class Action:
    """
    One planned action.

    :param what: a verb, "create".
    :param resource: name or id of what it is done to; with ``what`` unique in its plan.
    :param before: what is there now, a plain JSON value; None: nothing.
    :param after: what is to be there; None: nothing.
    :param is_destructive: it loses something that running the plan again does not bring back. True also where this
        cannot be known.
    """

    what: str
    resource: str
    before: Any = None
    after: Any = None
    is_destructive: bool = False

    @property
    def key(self) -> str:
        """Identifies the action; the same each time the plan is made."""
        return f"{self.what} {self.resource}"


@dataclass(frozen=True)
class Undo:
    """
    The way back: what a person or this package can do, or why there is none.

    :raises InvalidInputError: both are given, or neither.
    """

    how: str = ""
    none_because: str = ""

    def __post_init__(self) -> None:
        if bool(self.how) == bool(self.none_because):
            raise InvalidInputError("a change names its way back, or why there is none", path="undo")


@dataclass(frozen=True)
class ChangePlan:
    """
    What would be done.

    :param subject: what is changed as a whole: a stack, a wave.
    :param context: what else decides about an approval, a plain JSON value; part of the digest.
    :param asks_always: a person is asked even when nothing is destroyed.
    :param is_one_call: one call does all actions, or none of them.
    :param is_begun: this same plan was sent before: nothing is sent again, it is only verified.
    :raises InvalidInputError: two actions have the same ``what`` and ``resource``.
    """

    subject: str
    actions: tuple[Action, ...]
    undo: Undo
    context: Mapping[str, Any] = field(default_factory=dict)
    asks_always: bool = False
    is_one_call: bool = False
    is_begun: bool = False

    def __post_init__(self) -> None:
        keys = [one.key for one in self.actions]
        if len(set(keys)) < len(keys):
            raise InvalidInputError("an action is planned twice", path="actions", value=sorted(keys))

    @property
    def needs_person(self) -> bool:
        """Whether a person must approve. A destructive action always needs approval."""
        return self.asks_always or any(one.is_destructive for one in self.actions)

    @property
    def digest(self) -> str:
        """sha256 (hex) over subject, context and actions; it does not depend on the order of the actions."""
        actions = sorted((asdict(one) for one in self.actions), key=lambda one: (one["what"], one["resource"]))
        return canonical_digest({"subject": self.subject, "context": dict(self.context), "actions": actions})

    @property
    def calls(self) -> list[tuple[Action, ...]]:
        """The actions, grouped by the call that does them."""
        if self.is_one_call:
            return [self.actions] if self.actions else []
        return [(one,) for one in self.actions]


@dataclass(frozen=True)
class Approval:
    """
    A person's answer.

    :param digest: digest of the plan that the person saw.
    :param by: who answered.
    :param reason: why it was rejected, or that nobody answered.
    """

    digest: str
    is_approved: bool
    by: str = ""
    reason: str = ""


def require_permitted(plan: ChangePlan, approval: Approval | None = None, shown_digest: str | None = None) -> None:
    """
    Returns if this plan, as it is now, may be acted on.

    :param shown_digest: digest of the plan that was shown where nobody had to approve; None: none was shown.
    :raises NotApprovedError: a person must approve and did not, or a person rejected it.
    :raises PlanChangedError: it differs from what was approved or shown.
    """
    if approval is not None and not approval.is_approved:
        raise NotApprovedError(approval.reason or "It was not approved", subject=plan.subject, by=approval.by)
    if plan.needs_person and approval is None:
        raise NotApprovedError("A person must approve this, and nobody was asked", subject=plan.subject)
    seen = {one for one in (approval.digest if approval else None, shown_digest) if one is not None}
    if seen - {plan.digest}:
        raise PlanChangedError("The plan is not the one that was shown", subject=plan.subject, digest=plan.digest)
