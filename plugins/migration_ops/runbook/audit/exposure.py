"""What several checks say in the same words: who is let in by policies, and where secrets stand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from migration_ops.core.finding import Judgement, critical, ok, unknown, warning
from migration_ops.runbook.policies import MalformedPolicy, Statement, public_statements, unbound_services

LISTED = 10


def open_to(policies: Iterable[tuple[str, Any]]) -> Judgement:
    """
    CRITICAL when a policy lets everybody in; WARNING when it lets an AWS service in on whoever's behalf.

    :param policies: what a policy belongs to (an alias; empty for the resource itself) and the policy.
    """
    public: list[str] = []
    unbound: list[str] = []
    for whose, document in policies:
        try:
            public += [_named(whose, one) for one in public_statements(document)]
            unbound += [_named(whose, one) for one in unbound_services(document)]
        except MalformedPolicy as error:
            return unknown(error.message)
    if public:
        return critical(f"everybody is allowed {'; '.join(public)}", value="everybody", evidence=tuple(public[:LISTED]))
    if unbound:
        why = f"a service is allowed on any account's behalf: {'; '.join(unbound)}"
        return warning(why, value="any account's services", evidence=tuple(unbound[:LISTED]))
    return ok("nobody in general is let in")


def judge_secrets(found: list[Any], none: str) -> Judgement:
    """
    CRITICAL with name and kind of each secret.

    :param found: ``name`` and ``kind`` of each.
    :param none: what to say when there is none.
    """
    if not found:
        return ok(none, value=0, limit=0)
    named = [f"{one['name']} ({one['kind']})" for one in found]
    more = f" and {len(named) - LISTED} more" if len(named) > LISTED else ""
    reason = f"secrets in plain sight: {', '.join(named[:LISTED])}{more}"
    return critical(reason, value=len(named), limit=0, evidence=tuple(named[:LISTED]))


def _named(whose: str, statement: Statement) -> str:
    what = ", ".join((*statement.actions, *(f"all but {one}" for one in statement.not_actions)))
    return f"{what}{f' ({statement.sid})' if statement.sid else ''}{f' of alias {whose}' if whose else ''}"
