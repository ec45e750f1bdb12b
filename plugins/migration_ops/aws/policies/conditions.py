"""Which conditions bind a request to somebody in particular, by what each key and operator means.

What "everybody" means follows S3's own definition of a public policy (User Guide, "The meaning of public"): a wildcard
principal is harmless only under a condition that is fixed to something, not one with wildcards in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

from migration_ops.aws.policies.patterns import covers, has_variable


@dataclass(frozen=True)
class Condition:
    """One key under one operator, as written; ``key`` in lower case, for IAM does not look at its case."""

    operator: str
    key: str
    values: tuple[str, ...]


# Keys that hold an account, an organization or a network of somebody. aws:username, aws:PrincipalTag and
# aws:PrincipalType are left out: anybody can have the same in an account of their own. aws:VpcSourceIp is left out:
# private addresses are the same in everybody's VPC; the aws:SourceVpc that it needs beside it binds by itself.
ACCOUNT_KEYS = frozenset(
    {
        "aws:sourceaccount",
        "aws:sourceowner",
        "aws:principalaccount",
        "aws:principalorgid",
        "aws:sourceorgid",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:vpceaccount",
        "aws:vpceorgid",
        "kms:calleraccount",
        "s3:dataaccesspointaccount",
        # A secret between the Alexa skill and us (Lambda Developer Guide, "Alexa").
        "lambda:eventsourcetoken",
    }
)
ARN_KEYS = frozenset(
    {
        "aws:sourcearn",
        "aws:principalarn",
        "aws:sourcevpcarn",
        "s3:dataaccesspointarn",
        "ec2:sourceinstancearn",
        "lambda:sourcefunctionarn",
    }
)
# Paths of units: o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*; the organization must be fixed, the rest may be open.
PATH_KEYS = frozenset({"aws:principalorgpaths", "aws:sourceorgpaths", "aws:vpceorgpaths"})
SOURCE_IP, USER_ID, BY_SERVICE = "aws:sourceip", "aws:userid", "aws:principalisawsservice"
# The unique id of a user or role, or an account (its root user; the account of a federated user). What follows the
# colon is the session's name, which is free.
UNIQUE_ID = re.compile(r"(A(IDA|ROA)[A-Z0-9]{12,}|\d{12})(:.*)?", re.DOTALL)
# CloudWatch Logs gives the log group's ARN to KMS, and no aws:SourceArn. It is a service's word: who calls KMS directly
# chooses the context freely.
LOGS_CONTEXT = "kms:encryptioncontext:aws:logs:arn"
# Operators in which * and ? are wildcards; in the others they are themselves.
LIKE = frozenset({"stringlike", "arnlike", "arnequals"})
# Operators that hold only when the key is there and has one of the values.
DEMANDING = LIKE | {"stringequals", "stringequalsignorecase"}
BINDING_OPERATORS = DEMANDING | {"ipaddress", "bool"}
# "Deny unless": the operator which the request must meet to get past the Deny.
COMPLEMENTS = {
    "stringnotequals": "StringEquals",
    "stringnotequalsignorecase": "StringEqualsIgnoreCase",
    "stringnotlike": "StringLike",
    "arnnotequals": "ArnEquals",
    "arnnotlike": "ArnLike",
    "notipaddress": "IpAddress",
}
# Wider networks than these count as everywhere, as S3 has it.
MIN_PREFIX = {4: 8, 6: 32}
# Addresses that many have at the same time. Not ipaddress.is_private: that takes in documentation networks.
SHARED = tuple(
    ip_network(one)
    for one in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "fc00::/7",
        "fe80::/10",
        "::1/128",
    )
)


def plain_operator(condition: Condition) -> str:
    """In lower case and without ``ForAnyValue:``, which changes nothing where one value is enough."""
    return condition.operator.lower().removeprefix("foranyvalue:")


def in_force(conditions: Iterable[Condition]) -> list[Condition]:
    """
    The conditions as they work together.

    ``...IfExists`` and ``ForAllValues:`` also hold for a request without the key. Beside ``Null: false`` of the same
    key there is no such request: they are what they are without it.
    """
    listed = list(conditions)
    present = {
        one.key
        for one in listed
        if one.operator.lower() == "null" and {each.lower() for each in one.values} == {"false"}
    }
    return [_demanded(one) if one.key in present else one for one in listed]


def restricts(condition: Condition) -> bool:
    """Whether a request must come from somebody in particular to meet the condition."""
    operator = plain_operator(condition)
    if operator not in BINDING_OPERATORS or not condition.values:
        return False
    if condition.key == SOURCE_IP:
        return operator == "ipaddress" and is_narrow(condition.values)
    if operator == "bool":
        # An AWS service itself: nobody of the public. On whose behalf is another question.
        return condition.key == BY_SERVICE and {one.lower() for one in condition.values} == {"true"}
    fixed = _FIXED.get(condition.key)
    return operator != "ipaddress" and fixed is not None and all(fixed(operator, one) for one in condition.values)


def restricts_service(condition: Condition) -> bool:
    """Whether a service must act for somebody in particular to meet it."""
    if condition.key == LOGS_CONTEXT:
        operator = plain_operator(condition)
        return operator in DEMANDING and all(_is_bound_arn(operator, one) for one in condition.values)
    return condition.key != BY_SERVICE and restricts(condition)


def demands(condition: Condition) -> bool:
    """Whether it holds only for requests that have the key with one of its values, and not with just any value."""
    operator = plain_operator(condition)
    return (
        operator in DEMANDING
        and bool(condition.values)
        and not any(_is_free(operator, one) for one in condition.values)
    )


def complement(condition: Condition) -> Condition | None:
    """What a request meets that gets past a Deny with this condition; None when that says nothing."""
    operator = condition.operator.lower()
    if operator.startswith("foranyvalue:"):
        # It does not hold for a request without the key, which therefore gets past.
        return None
    bare = operator.removeprefix("forallvalues:").removesuffix("ifexists")
    if bare in COMPLEMENTS:
        prefix = "ForAnyValue:" if operator.startswith("forallvalues:") else ""
        return replace(condition, operator=prefix + COMPLEMENTS[bare])
    if operator == "boolifexists" and condition.key == BY_SERVICE and _says(condition, "false"):
        # Without IfExists an anonymous request, which lacks the key, gets past.
        return replace(condition, operator="Bool", values=("true",))
    return None


def is_narrow(values: Iterable[str]) -> bool:
    """Whether addresses are those of somebody: together no large part of everything, and none that many have."""
    try:
        networks = [ip_network(one.strip(), strict=False) for one in values]
    except ValueError:
        return False
    joined: list[IPv4Network | IPv6Network] = [
        *collapse_addresses(one for one in networks if isinstance(one, IPv4Network)),
        *collapse_addresses(one for one in networks if isinstance(one, IPv6Network)),
    ]
    return bool(joined) and all(one.prefixlen >= MIN_PREFIX[one.version] and not _is_shared(one) for one in joined)


def has_wildcard(value: str, operator: str = "stringlike") -> bool:
    """Under this operator; a policy variable is filled by the caller's own request."""
    return has_variable(value) or (operator in LIKE and any(one in value for one in "*?"))


def account_of(value: str) -> str:
    """Of an ARN or of an account id as principal; empty for the id of something that was deleted."""
    if value.startswith("arn:"):
        return value.split(":")[4] if value.count(":") >= 5 else ""
    return value if value.isdigit() else ""


def _is_shared(network: IPv4Network | IPv6Network) -> bool:
    return any(one.version == network.version and network.overlaps(one) for one in SHARED)


def _demanded(condition: Condition) -> Condition:
    operator = re.sub("(?i)^forallvalues:|ifexists$", "", condition.operator)
    return replace(condition, operator=operator)


def _says(condition: Condition, value: str) -> bool:
    return {one.lower() for one in condition.values} == {value}


def _is_free(operator: str, value: str) -> bool:
    """Nothing but wildcards: any value will do."""
    return operator in LIKE and not value.strip("*?")


def _is_bound_arn(operator: str, value: str) -> bool:
    """An ARN in a fixed account; one without an account (a bucket's) must be fixed as a whole."""
    parts = value.split(":", 5)
    if len(parts) < 6:
        return bool(value) and not has_wildcard(value, operator)
    account = parts[4]
    return not has_wildcard(account or value, operator)


_FIXED: dict[str, Callable[[str, str], bool]] = {
    **dict.fromkeys(ACCOUNT_KEYS, lambda operator, value: bool(value) and not has_wildcard(value, operator)),
    **dict.fromkeys(ARN_KEYS, _is_bound_arn),
    **dict.fromkeys(PATH_KEYS, lambda operator, value: not has_wildcard(value.split("/")[0], operator)),
    USER_ID: lambda operator, value: (
        not has_wildcard(value.split(":")[0], operator) and UNIQUE_ID.fullmatch(value) is not None
    ),
}

# Conditions of a role's own policies that bind what it acts on or how, not who acts: the role itself acts always.
# Global keys about the session or the request (time, Region, address, agent, TLS, MFA) bind nothing of that kind.
CALLED_VIA = frozenset({"aws:calledvia", "aws:calledviafirst", "aws:calledvialast"})
RESOURCE_ORGANIZATION = frozenset({"aws:resourceorgid", "aws:resourceorgpaths", "aws:resourceaccount"})
# Whoever may write a template has it call what they like.
BORROWED_SERVICES = ("cloudformation.amazonaws.com", "servicecatalog.amazonaws.com")
# Keys of services about the request's form, not about what it is on.
FORM = re.compile(
    r"s3:(authtype|signatureversion|signatureage|tlsversion|x-amz-.*|resourceaccount)|sts:.*|ec2:(region|osuser)|"
    r"kms:(requestalias|calleraccount)"
)


def binds_resource(condition: Condition) -> bool:
    """Whether a role's statement reaches only some resources by it: tagged ones, or those a service acts on."""
    if condition.key in CALLED_VIA:
        return demands(condition) and not any(
            covers(value, service) for value in condition.values for service in BORROWED_SERVICES
        )
    return "resourcetag/" in condition.key and demands(condition)


def binds_change(condition: Condition) -> bool:
    """As :func:`binds_resource`, for any action: also by what the request makes, or by a key of the service."""
    if binds_resource(condition):
        return True
    if condition.key.startswith("aws:"):
        return condition.key.startswith("aws:requesttag/") and demands(condition)
    if condition.key == "kms:grantisforawsresource":
        return plain_operator(condition) == "bool" and _says(condition, "true")
    return FORM.fullmatch(condition.key) is None and demands(condition)


def binds_assumption(condition: Condition) -> bool:
    """Whether only some roles can be taken on: tagged ones, or those of an account or organization."""
    if condition.key in RESOURCE_ORGANIZATION:
        operator = plain_operator(condition)
        return demands(condition) and not any(has_wildcard(one.split("/")[0], operator) for one in condition.values)
    return binds_resource(condition)
