"""Which conditions restrict a request to certain callers, by the meaning of each key and operator.

"Everybody" follows S3's definition of a public policy (User Guide, "The meaning of public"): a wildcard principal is
harmless only with a condition that has fixed values, without wildcards.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

from migration_ops.aws.policies.patterns import VARIABLE, covers, has_variable


@dataclass(frozen=True)
class Condition:
    """One key under one operator, as written; ``key`` in lower case, because IAM ignores its case."""

    operator: str
    key: str
    values: tuple[str, ...]


# Keys that hold an account, an organization or a network. aws:username, aws:PrincipalTag and aws:PrincipalType are left
# out: anybody can have the same values in another account. aws:VpcSourceIp is left out: private addresses are the same
# in every VPC; the aws:SourceVpc that it needs restricts by itself.
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
# Keys whose values are account ids.
NAMES_ACCOUNT = frozenset({"aws:sourceaccount", "aws:sourceowner", "aws:principalaccount", "aws:userid"})
# Paths of organizational units: o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*; the organization must be fixed, the rest need
# not be.
PATH_KEYS = frozenset({"aws:principalorgpaths", "aws:sourceorgpaths", "aws:vpceorgpaths"})
SOURCE_IP, USER_ID, BY_SERVICE = "aws:sourceip", "aws:userid", "aws:principalisawsservice"
# The unique id of a user or role, or an account (its root user; the account of a federated user). What follows the
# colon is the session's name, which the caller chooses.
UNIQUE_ID = re.compile(r"(A(IDA|ROA)[A-Z0-9]{12,}|\d{12})(:.*)?", re.DOTALL)
# CloudWatch Logs gives KMS the log group's ARN in the encryption context, and no aws:SourceArn. This restricts the
# service only: whoever calls KMS directly chooses the context freely.
LOGS_CONTEXT = "kms:encryptioncontext:aws:logs:arn"
# Operators in which * and ? are wildcards; in the others they are themselves.
LIKE = frozenset({"stringlike", "arnlike", "arnequals"})
# Operators that hold only when the key is there and has one of the values.
DEMANDING = LIKE | {"stringequals", "stringequalsignorecase"}
BINDING_OPERATORS = DEMANDING | {"ipaddress", "bool"}
# "Deny unless": the operator that a request must meet so that the Deny does not apply.
COMPLEMENTS = {
    "stringnotequals": "StringEquals",
    "stringnotequalsignorecase": "StringEqualsIgnoreCase",
    "stringnotlike": "StringLike",
    "arnnotequals": "ArnEquals",
    "arnnotlike": "ArnLike",
    "notipaddress": "IpAddress",
}
# Wider networks than these count as everywhere, as in S3's definition.
MIN_PREFIX = {4: 8, 6: 32}
# Addresses that many hosts have at the same time. Not ipaddress.is_private: it includes documentation networks.
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
    """The operator in lower case and without ``ForAnyValue:``, which makes no difference here."""
    return condition.operator.lower().removeprefix("foranyvalue:")


def in_force(conditions: Iterable[Condition]) -> list[Condition]:
    """
    The conditions as they work together.

    ``...IfExists`` and ``ForAllValues:`` are also true for a request without the key. With ``Null: false`` of the same
    key there is no such request, so the prefix or suffix is removed.
    """
    listed = list(conditions)
    present = {
        one.key
        for one in listed
        if one.operator.lower() == "null" and {each.lower() for each in one.values} == {"false"}
    }
    return [_demanded(one) if one.key in present else one for one in listed]


def restricts(condition: Condition) -> bool:
    """Whether only certain callers can meet the condition."""
    operator = plain_operator(condition)
    if operator not in BINDING_OPERATORS or not condition.values:
        return False
    if condition.key == SOURCE_IP:
        return operator == "ipaddress" and is_narrow(condition.values)
    if operator == "bool":
        # The caller is an AWS service, so not the public. For whom it acts: see restricts_service.
        return condition.key == BY_SERVICE and {one.lower() for one in condition.values} == {"true"}
    fixed = _FIXED.get(condition.key)
    return operator != "ipaddress" and fixed is not None and all(fixed(operator, one) for one in condition.values)


def restricts_service(condition: Condition) -> bool:
    """Whether a service can meet it only when it acts for certain accounts or resources."""
    if condition.key == LOGS_CONTEXT:
        operator = plain_operator(condition)
        return operator in DEMANDING and all(_is_bound_arn(operator, one) for one in condition.values)
    return condition.key != BY_SERVICE and restricts(condition)


def accounts_named(condition: Condition) -> frozenset[str]:
    """The accounts to which a restricting condition leaves access; empty when it says nothing about accounts."""
    if condition.key in ARN_KEYS:
        return frozenset(filter(None, map(account_of, condition.values)))
    if condition.key in NAMES_ACCOUNT:
        return frozenset(account for one in condition.values if (account := one.split(":")[0]).isdigit())
    return frozenset()


def demands(condition: Condition) -> bool:
    """Whether only requests with the key and one of the given values meet it; no value is just wildcards."""
    operator = plain_operator(condition)
    return (
        operator in DEMANDING
        and bool(condition.values)
        and not any(_is_free(operator, one) for one in condition.values)
    )


def complement(condition: Condition) -> Condition | None:
    """The condition that a request meets if a Deny with this one does not apply; None if that says nothing."""
    operator = condition.operator.lower()
    if operator.startswith("foranyvalue:"):
        # A request without the key does not meet it, so the Deny does not apply to it.
        return None
    bare = operator.removeprefix("forallvalues:").removesuffix("ifexists")
    if bare in COMPLEMENTS:
        prefix = "ForAnyValue:" if operator.startswith("forallvalues:") else ""
        return replace(condition, operator=prefix + COMPLEMENTS[bare])
    if operator == "boolifexists" and condition.key == BY_SERVICE and _says(condition, "false"):
        # Without IfExists the Deny does not apply to an anonymous request, which lacks the key.
        return replace(condition, operator="Bool", values=("true",))
    return None


def is_narrow(values: Iterable[str]) -> bool:
    """Whether no network, after joining adjacent ones, is too wide or shared by many hosts."""
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
    """Whether the value has wildcards under this operator, or a policy variable, which the caller's request fills."""
    return has_variable(value) or (operator in LIKE and any(one in value for one in "*?"))


def account_of(value: str) -> str:
    """The account of an ARN or of an account id as principal; empty for the unique id of a deleted user or role."""
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
    """Whether the value is only wildcards, which match any value."""
    return operator in LIKE and not value.strip("*?")


def _is_bound_arn(operator: str, value: str) -> bool:
    """Whether the ARN's account has no wildcard; an ARN without account (a bucket's) must have no wildcard at all."""
    # A variable may hold colons and slashes: it is one character here. Whatever the caller puts in is free.
    free = has_variable(value)
    parts = (VARIABLE.sub("*", value) if free else value).split(":", 5)
    if len(parts) < 6:
        return bool(value) and not has_wildcard(value, operator)
    account = parts[4]
    if free and "*" in account:
        return False
    return not has_wildcard(account or value, operator)


_FIXED: dict[str, Callable[[str, str], bool]] = {
    **dict.fromkeys(ACCOUNT_KEYS, lambda operator, value: bool(value) and not has_wildcard(value, operator)),
    **dict.fromkeys(ARN_KEYS, _is_bound_arn),
    **dict.fromkeys(
        PATH_KEYS, lambda operator, value: not has_variable(value) and not has_wildcard(value.split("/")[0], operator)
    ),
    USER_ID: lambda operator, value: (
        not has_wildcard(value.split(":")[0], operator) and UNIQUE_ID.fullmatch(value) is not None
    ),
}

# Conditions of a role's own policies that restrict what it acts on or how; the caller is always the role. Global keys
# about the session or the request (time, Region, address, agent, TLS, MFA) do not restrict that.
CALLED_VIA = frozenset({"aws:calledvia", "aws:calledviafirst", "aws:calledvialast"})
RESOURCE_ORGANIZATION = frozenset({"aws:resourceorgid", "aws:resourceorgpaths", "aws:resourceaccount"})
# Whoever may write a template decides what these services call.
BORROWED_SERVICES = ("cloudformation.amazonaws.com", "servicecatalog.amazonaws.com")
# Keys of services about the form of the request, not about its resource.
FORM = re.compile(
    r"s3:(authtype|signatureversion|signatureage|tlsversion|x-amz-.*|resourceaccount)|sts:.*|ec2:(region|osuser)|"
    r"kms:(requestalias|calleraccount)"
)


def binds_resource(condition: Condition) -> bool:
    """Whether it limits a role's statement to some resources: tagged ones, or those that a service acts on."""
    if condition.key in CALLED_VIA:
        return demands(condition) and not any(
            covers(value, service) for value in condition.values for service in BORROWED_SERVICES
        )
    return "resourcetag/" in condition.key and demands(condition)


def binds_change(condition: Condition) -> bool:
    """As :func:`binds_resource`, for any action: also by tags in the request, or by a key of the service."""
    if binds_resource(condition):
        return True
    if condition.key.startswith("aws:"):
        return condition.key.startswith("aws:requesttag/") and demands(condition)
    if condition.key == "kms:grantisforawsresource":
        return plain_operator(condition) == "bool" and _says(condition, "true")
    return FORM.fullmatch(condition.key) is None and demands(condition)


def binds_assumption(condition: Condition) -> bool:
    """Whether it limits which roles can be assumed: tagged ones, or those of an account or organization."""
    if condition.key in RESOURCE_ORGANIZATION:
        operator = plain_operator(condition)
        return demands(condition) and not any(has_wildcard(one.split("/")[0], operator) for one in condition.values)
    return binds_resource(condition)
