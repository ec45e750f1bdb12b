"""Who may approve for servers that are cut over: the users they were registered with. A later run can name fewer.

Pure. ``MIGRATION_OPS_APPROVERS`` comes first: registered users whom it does not allow any more are ignored.
"""

from __future__ import annotations

from collections.abc import Iterable

from migration_ops.core.policy import Policy, matches
from migration_ops.core.states import IN_CUTOVER, STOPPED, Phase
from migration_ops.ledger.protocol import Record
from migration_ops.wave.rules.standing import REGISTERED, standing_of

# A rollback would terminate instances that may be in use. FAILED and FROZEN: nobody noted where it was stopped.
_AT_STAKE = IN_CUTOVER | STOPPED | {Phase.ROLLING_BACK}


def registered_approvers(policy: Policy, records: Iterable[Record]) -> frozenset[str] | None:
    """The users that all of these records were registered with; None when none names a user whom the policy allows.

    An empty set: several records name users, and no user is named by all of them.
    """
    bound: frozenset[str] | None = None
    for record in records:
        named = (record.facts.get(REGISTERED) or {}).get("approvers") or ()
        allowed = frozenset(one for one in named if not policy.approvers or matches(one, policy.approvers))
        if allowed:
            bound = allowed if bound is None else bound & allowed
    return bound


def binding_approvers(policy: Policy, records: Iterable[Record]) -> frozenset[str] | None:
    """As above, for records whose cutover has begun. Before it, a later run may still correct wrong names."""
    return registered_approvers(policy, [one for one in records if standing_of(one).at in _AT_STAKE])


def why_not_approvers(bound: frozenset[str] | None, named: Iterable[str]) -> str | None:
    """Why a run may not have these approvers; None when it may.

    :param bound: of ``binding_approvers``.
    :param named: the approvers of the run's conf; empty: everybody.
    """
    users = frozenset(named)
    if bound is None or (users and users <= bound):
        return None
    whom = ", ".join(sorted(users - bound)) if users else "everybody"
    known = ", ".join(sorted(bound)) or "users of whom nobody is in all registrations"
    return f"{whom} could approve, but what is cut over was registered with {known}: name these users, or fewer"
