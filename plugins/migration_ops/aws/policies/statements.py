"""IAM policy documents: their statements, and which of them allow everybody, or a service for anybody. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from migration_ops.aws.policies.conditions import (
    Condition,
    account_of,
    complement,
    has_wildcard,
    in_force,
    restricts,
    restricts_service,
)
from migration_ops.aws.policies.patterns import contains, covers
from migration_ops.core.errors import UnknownError
from migration_ops.core.facts import Snapshot

__all__ = [
    "Condition",
    "MalformedPolicyError",
    "Principal",
    "Statement",
    "closed_by_deny",
    "foreign_accounts",
    "held_statements",
    "public_statements",
    "restricts",
    "statements",
    "unbound_services",
]


class MalformedPolicyError(UnknownError):
    """A policy cannot be understood: it is not known whom it allows."""

    code = "MALFORMED_POLICY"
    hint = "Look at the policy in the console; correct it if it is not valid."


@dataclass(frozen=True)
class Principal:
    """One principal. ``"Principal": "*"`` is of kind ``*`` and value ``*``."""

    kind: str
    value: str


@dataclass(frozen=True)
class Statement:
    """One statement with every member as a tuple. ``effect`` is ``Allow`` or ``Deny``."""

    effect: str
    sid: str = ""
    principals: tuple[Principal, ...] = ()
    not_principals: tuple[Principal, ...] = ()
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    not_resources: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()

    @property
    def allows(self) -> bool:
        return self.effect == "Allow"

    @property
    def document(self) -> dict[str, Any]:
        """As a statement of an identity policy; without ``Sid``, which must be unique in a policy."""
        parts = {
            "Action": self.actions,
            "NotAction": self.not_actions,
            "Resource": self.resources,
            "NotResource": self.not_resources,
        }
        made: dict[str, Any] = {"Effect": self.effect} | {name: list(one) for name, one in parts.items() if one}
        asked: dict[str, dict[str, list[str]]] = {}
        for one in self.conditions:
            asked.setdefault(one.operator, {})[one.key] = list(one.values)
        return made | ({"Condition": asked} if asked else {})

    @property
    def names_everybody(self) -> bool:
        """Whether a principal is a wildcard, or ``NotPrincipal`` is used."""
        return bool(self.not_principals) or any(_is_everybody(one) for one in self.principals)

    @property
    def is_restricted(self) -> bool:
        """Whether a condition restricts it to an account, organization, resource or network; one is enough."""
        return any(restricts(one) for one in in_force(self.conditions))

    @property
    def is_restricted_for_services(self) -> bool:
        """Whether a condition restricts for whom a service may act."""
        return any(restricts_service(one) for one in in_force(self.conditions))


def statements(document: Any) -> list[Statement]:
    """
    The statements of a policy.

    :param document: the policy as JSON text (also URL-encoded, as IAM answers it) or as a mapping.
    :raises MalformedPolicyError: it is neither, has no statements, or one of them cannot be understood.
    """
    found = _parsed(document).get("Statement")
    listed = [found] if isinstance(found, Mapping) else found
    if not isinstance(listed, list) or not listed:
        raise MalformedPolicyError("the policy has no statements")
    return [_statement(one) for one in listed]


def public_statements(document: Any) -> list[Statement]:
    """
    The statements that allow something to everybody: a wildcard principal that no condition restricts.

    A ``Deny`` for everybody else ("deny unless from our organization") also counts as a restriction.

    :raises MalformedPolicyError: the policy cannot be understood.
    """
    listed = statements(document)
    return [one for one in _for_everybody(listed) if not _closed(one, listed, restricts)]


def held_statements(document: Any) -> list[Statement]:
    """
    The statements that would allow everybody if no Deny of the same policy restricted them.

    :raises MalformedPolicyError: the policy cannot be understood.
    """
    listed = statements(document)
    return [one for one in _for_everybody(listed) if _closed(one, listed, restricts)]


def unbound_services(document: Any) -> list[Statement]:
    """
    The statements that allow something to an AWS service for whomever it acts (the confused deputy problem).

    :raises MalformedPolicyError: the policy cannot be understood.
    """
    listed = statements(document)
    return [
        one
        for one in listed
        if one.allows
        and _lets_services_in(one)
        and not one.is_restricted_for_services
        and not _closed(one, listed, restricts_service)
    ]


def closed_by_deny(
    statement: Statement,
    listed: Iterable[Statement],
    binds: Callable[[Condition], bool] = restricts,
    spares: Callable[[Principal], bool] = lambda _: True,
) -> bool:
    """
    Whether a Deny of the same policy leaves access only to named principals or under a restricting condition.

    :param binds: whether a condition restricts enough.
    :param spares: whether a principal may be exempt from the Deny (``NotPrincipal``).
    """
    return _closed(statement, listed, binds, spares)


def foreign_accounts(document: Any, own: Iterable[str]) -> set[str]:
    """
    Accounts other than ``own`` that are allowed something as principals.

    :raises MalformedPolicyError: the policy cannot be understood.
    """
    named = {
        account_of(who.value)
        for one in statements(document)
        if one.allows
        for who in one.principals
        if who.kind == "AWS" and who.value != "*"
    }
    return {one for one in named if one} - set(own)


def _for_everybody(listed: Iterable[Statement]) -> list[Statement]:
    return [one for one in listed if one.allows and one.names_everybody and not one.is_restricted]


def _lets_services_in(statement: Statement) -> bool:
    """A service by name; or everybody, restricted by a condition to AWS services."""
    if any(who.kind == "Service" and who.value != "*" for who in statement.principals):
        return True
    return statement.names_everybody and statement.is_restricted and not statement.is_restricted_for_services


def _closed(
    statement: Statement,
    listed: Iterable[Statement],
    binds: Callable[[Condition], bool],
    spares: Callable[[Principal], bool] = lambda _: True,
) -> bool:
    return any(not one.allows and _shuts_out(one, binds, spares) and _takes_in(one, statement) for one in listed)


def _shuts_out(deny: Statement, binds: Callable[[Condition], bool], spares: Callable[[Principal], bool]) -> bool:
    """Whether it denies everybody but named or restricted callers. A Deny needs all its conditions: each must fit."""
    if deny.not_principals and not deny.conditions:
        return all(spares(one) and not _is_everybody(one) for one in deny.not_principals)
    if not any(one.kind in ("*", "AWS") and one.value == "*" for one in deny.principals):
        return False
    left = [complement(one) for one in deny.conditions]
    return all(one is not None and binds(one) for one in left)


def _takes_in(deny: Statement, allowed: Statement) -> bool:
    """Whether the Deny covers everything that the other statement allows."""
    if deny.not_actions or deny.not_resources or allowed.not_actions or allowed.not_resources:
        everything = "*" in deny.actions and "*" in deny.resources
        same = (deny.not_actions, deny.not_resources) == (allowed.not_actions, allowed.not_resources)
        return everything or (same and deny.actions == allowed.actions and deny.resources == allowed.resources)
    actions = all(any(covers(wide, one) for wide in deny.actions) for one in allowed.actions)
    # A trust policy has no resources: it is always about its role.
    return actions and all(any(contains(wide, one) for wide in deny.resources) for one in allowed.resources)


def _is_everybody(who: Principal) -> bool:
    """Whether the principal is everybody; also an ARN with a wildcard as account, which IAM itself does not accept."""
    return who.value == "*" or (who.value.startswith("arn:") and has_wildcard(account_of(who.value)))


def _parsed(document: Any) -> Mapping[str, Any]:
    if isinstance(document, Snapshot):
        return document.plain()
    if isinstance(document, Mapping):
        return document
    if not isinstance(document, str):
        raise MalformedPolicyError(f"the policy is no document but {type(document).__name__}")
    # Decoded only when it is encoded: a plain policy may contain a %.
    text = document if document.lstrip().startswith("{") else unquote(document)
    try:
        found = json.loads(text)
    except ValueError as error:
        raise MalformedPolicyError("the policy is not JSON") from error
    if not isinstance(found, Mapping):
        raise MalformedPolicyError("the policy is JSON but no document")
    return found


def _statement(raw: Any) -> Statement:
    if not isinstance(raw, Mapping) or raw.get("Effect") not in ("Allow", "Deny"):
        raise MalformedPolicyError("a statement has no known effect")
    return Statement(
        effect=raw["Effect"],
        sid=str(raw.get("Sid", "")),
        principals=_principals(raw.get("Principal")),
        not_principals=_principals(raw.get("NotPrincipal")),
        actions=_texts(raw.get("Action")),
        not_actions=_texts(raw.get("NotAction")),
        resources=_texts(raw.get("Resource")),
        not_resources=_texts(raw.get("NotResource")),
        conditions=_conditions(raw.get("Condition")),
    )


def _principals(raw: Any) -> tuple[Principal, ...]:
    if raw is None:
        return ()
    if isinstance(raw, str):
        return (Principal("*" if raw == "*" else "AWS", raw),)
    if not isinstance(raw, Mapping):
        raise MalformedPolicyError("a principal is neither text nor a document")
    return tuple(Principal(str(kind), value) for kind, values in raw.items() for value in _texts(values))


def _conditions(raw: Any) -> tuple[Condition, ...]:
    if raw is None:
        return ()
    if not isinstance(raw, Mapping) or not all(isinstance(one, Mapping) for one in raw.values()):
        raise MalformedPolicyError("a condition is no document")
    return tuple(
        Condition(str(operator), str(key).lower(), _texts(values))
        for operator, keys in raw.items()
        for key, values in keys.items()
    )


def _texts(raw: Any) -> tuple[str, ...]:
    """One text or a list, as policies allow both; booleans as ``true`` and ``false``."""
    if raw is None:
        return ()
    values = raw if isinstance(raw, (list, tuple)) else (raw,)
    return tuple(str(one).lower() if isinstance(one, bool) else str(one) for one in values)
