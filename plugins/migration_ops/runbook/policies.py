"""IAM policy documents: their statements, and which of them let in everybody. Pure; used by all audit checks.

What "everybody" means follows S3's own definition of a public policy (User Guide, "The meaning of public"): a wildcard
principal is harmless only under a condition that is fixed to something, not one with wildcards in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any
from urllib.parse import unquote

from migration_ops.core.errors import Unknown
from migration_ops.core.facts import Facts


class MalformedPolicy(Unknown):
    """A policy that cannot be understood: nobody can say whom it lets in."""

    code = "MALFORMED_POLICY"
    hint = "Look at the policy in the console; write it anew if it is not valid."


@dataclass(frozen=True)
class Principal:
    """One principal. ``"Principal": "*"`` is of kind ``*`` and value ``*``."""

    kind: str
    value: str


@dataclass(frozen=True)
class Condition:
    """One key under one operator, as written; ``key`` in lower case, for IAM does not look at its case."""

    operator: str
    key: str
    values: tuple[str, ...]


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
    def names_everybody(self) -> bool:
        """A wildcard as principal, or all but some."""
        return bool(self.not_principals) or any(_is_everybody(one) for one in self.principals)

    @property
    def is_restricted(self) -> bool:
        """A condition binds it to an account, an organization, a resource or a network. Conditions are and-ed."""
        return any(restricts(one) for one in self.conditions)


# Condition keys that bind a request to somebody. aws:userid and aws:username are left out: others may have the same.
ACCOUNT_KEYS = frozenset(
    {
        "aws:sourceaccount",
        "aws:sourceowner",
        "aws:principalaccount",
        "aws:principalorgid",
        "aws:sourceorgid",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "kms:calleraccount",
        "s3:dataaccesspointaccount",
    }
)
ARN_KEYS = frozenset({"aws:sourcearn", "aws:principalarn", "s3:dataaccesspointarn"})
# Paths of units: o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*; the organization must be fixed, the rest may be open.
PATH_KEYS = frozenset({"aws:principalorgpaths", "aws:sourceorgpaths"})
ADDRESS_KEYS = frozenset({"aws:sourceip", "aws:vpcsourceip"})
# Operators that hold only when the key is there and has one of the values. Not those with IfExists or ForAllValues:
# both hold for a request that lacks the key.
BINDING_OPERATORS = frozenset(
    {"stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike", "ipaddress"}
)
# Wider networks than these count as everywhere, as S3 has it.
MIN_PREFIX = {4: 8, 6: 32}


def statements(document: Any) -> list[Statement]:
    """
    The statements of a policy.

    :param document: the policy as JSON text (also URL-encoded, as IAM answers it) or as a mapping.
    :raises MalformedPolicy: it is neither, or a statement has no known effect.
    """
    found = _parsed(document).get("Statement")
    listed = [found] if isinstance(found, Mapping) else found
    if not isinstance(listed, list) or not listed:
        raise MalformedPolicy("the policy has no statements")
    return [_statement(one) for one in listed]


def public_statements(document: Any) -> list[Statement]:
    """
    The statements that allow something to everybody: a wildcard principal without a condition that restricts it.

    A ``Deny`` beside it is not weighed: who relies on one should narrow the principal.

    :raises MalformedPolicy: the policy cannot be understood.
    """
    return [one for one in statements(document) if one.allows and one.names_everybody and not one.is_restricted]


def unbound_services(document: Any) -> list[Statement]:
    """
    The statements that allow something to an AWS service on whoever's behalf (the confused deputy).

    :raises MalformedPolicy: the policy cannot be understood.
    """
    return [
        one
        for one in statements(document)
        if one.allows and any(who.kind == "Service" for who in one.principals) and not one.is_restricted
    ]


def foreign_accounts(document: Any, own: Iterable[str]) -> set[str]:
    """
    Accounts beside ``own`` that are allowed something as principals.

    :raises MalformedPolicy: the policy cannot be understood.
    """
    named = {
        _account_of(who.value)
        for one in statements(document)
        if one.allows
        for who in one.principals
        if who.kind == "AWS" and who.value != "*"
    }
    return {one for one in named if one} - set(own)


def restricts(condition: Condition) -> bool:
    """Whether a request must come from somebody in particular to meet the condition."""
    operator = condition.operator.lower().removeprefix("foranyvalue:")
    if operator not in BINDING_OPERATORS or not condition.values:
        return False
    if condition.key in ACCOUNT_KEYS:
        return not any(_has_wildcard(one) for one in condition.values)
    if condition.key in ARN_KEYS:
        return all(_is_bound_arn(one) for one in condition.values)
    if condition.key in PATH_KEYS:
        return not any(_has_wildcard(one.split("/")[0]) for one in condition.values)
    return condition.key in ADDRESS_KEYS and all(_is_narrow(one) for one in condition.values)


def _is_everybody(who: Principal) -> bool:
    """Also an ARN without a fixed account, which IAM itself would not take."""
    return who.value == "*" or (who.value.startswith("arn:") and _has_wildcard(_account_of(who.value)))


def _is_bound_arn(value: str) -> bool:
    """An ARN in a fixed account; one without an account (a bucket's) must be fixed as a whole."""
    parts = value.split(":", 5)
    if len(parts) < 6:
        return bool(value) and not _has_wildcard(value)
    account = parts[4]
    return not _has_wildcard(account) if account else not _has_wildcard(value)


def _is_narrow(value: str) -> bool:
    try:
        network = ip_network(value, strict=False)
    except ValueError:
        return False
    return network.prefixlen >= MIN_PREFIX[network.version]


def _has_wildcard(value: str) -> bool:
    # A policy variable (${aws:...}) is filled by the caller's own request.
    return any(one in value for one in ("*", "?", "${"))


def _account_of(value: str) -> str:
    """Of an ARN or of an account id as principal; empty for the id of something that was deleted."""
    if value.startswith("arn:"):
        return value.split(":")[4] if value.count(":") >= 5 else ""
    return value if value.isdigit() else ""


def _parsed(document: Any) -> Mapping[str, Any]:
    if isinstance(document, Facts):
        return document.plain()
    if isinstance(document, Mapping):
        return document
    if not isinstance(document, str):
        raise MalformedPolicy(f"the policy is no document but {type(document).__name__}")
    # Decoded only when it is encoded: a % inside a plain policy is a % .
    text = document if document.lstrip().startswith("{") else unquote(document)
    try:
        found = json.loads(text)
    except ValueError as error:
        raise MalformedPolicy("the policy is not JSON") from error
    if not isinstance(found, Mapping):
        raise MalformedPolicy("the policy is JSON but no document")
    return found


def _statement(raw: Any) -> Statement:
    if not isinstance(raw, Mapping) or raw.get("Effect") not in ("Allow", "Deny"):
        raise MalformedPolicy("a statement has no known effect")
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
        raise MalformedPolicy("a principal is neither text nor a document")
    return tuple(Principal(str(kind), value) for kind, values in raw.items() for value in _texts(values))


def _conditions(raw: Any) -> tuple[Condition, ...]:
    if raw is None:
        return ()
    if not isinstance(raw, Mapping) or not all(isinstance(one, Mapping) for one in raw.values()):
        raise MalformedPolicy("a condition is no document")
    return tuple(
        Condition(str(operator), str(key).lower(), _texts(values))
        for operator, keys in raw.items()
        for key, values in keys.items()
    )


def _texts(raw: Any) -> tuple[str, ...]:
    """One text or several, as policies have both; true and false as IAM reads them."""
    if raw is None:
        return ()
    values = raw if isinstance(raw, (list, tuple)) else (raw,)
    return tuple(str(one).lower() if isinstance(one, bool) else str(one) for one in values)
