"""Who may approve what was cut over: the users it was registered with. A later run can name fewer of them, no others.

Pure. An administrator's ``MIGRATION_OPS_APPROVERS`` stands above: users whom it does not allow any more bind nobody.
"""

from __future__ import annotations

from collections.abc import Iterable

from migration_ops.core.policy import Policy, matches
from migration_ops.core.states import IN_CUTOVER, STOPPED, Phase
from migration_ops.ledger.protocol import Record
from migration_ops.wave.rules.standing import REGISTERED, standing_of

# A rollback would terminate instances that may be in use. Of what was stopped nobody knows where, it might.
_AT_STAKE = IN_CUTOVER | STOPPED | {Phase.ROLLING_BACK}


def registered_approvers(policy: Policy, records: Iterable[Record]) -> frozenset[str] | None:
    """The users that all of these records were registered with; None when none of them names any.

    An empty set: several name some, and nobody is among them all.
    """
    bound: frozenset[str] | None = None
    for record in records:
        named = (record.facts.get(REGISTERED) or {}).get("approvers") or ()
        allowed = frozenset(one for one in named if not policy.approvers or matches(one, policy.approvers))
        if allowed:
            bound = allowed if bound is None else bound & allowed
    return bound


def binding_approvers(policy: Policy, records: Iterable[Record]) -> frozenset[str] | None:
    """Of the records whose cutover was begun; before it a conf that names the wrong users can be corrected."""
    return registered_approvers(policy, [one for one in records if standing_of(one).at in _AT_STAKE])


def why_not_approvers(bound: frozenset[str] | None, named: Iterable[str]) -> str | None:
    """Why a run may not have these approvers; None when it may.

    :param bound: of ``binding_approvers``.
    :param named: of the run's conf; none: everybody.
    """
    users = frozenset(named)
    if bound is None or (users and users <= bound):
        return None
    whom = ", ".join(sorted(users - bound)) if users else "everybody"
    known = ", ".join(sorted(bound)) or "users of whom nobody is in all registrations"
    return f"{whom} could approve, and what is cut over was registered with {known}: name those, or fewer of them"
