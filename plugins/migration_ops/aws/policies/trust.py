"""Who may assume a role: its trust policy. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from migration_ops.aws.policies.conditions import (
    Condition,
    account_of,
    accounts_named,
    has_wildcard,
    in_force,
    plain_operator,
    restricts,
    restricts_service,
)
from migration_ops.aws.policies.patterns import contains
from migration_ops.aws.policies.statement_reach import concerns
from migration_ops.aws.policies.statements import (
    Principal,
    Statement,
    closed_by_deny,
    foreign_accounts,
    statements,
    unbound_services,
)
from migration_ops.core.facts import Snapshot

# Services whose documentation says that they send aws:SourceArn or aws:SourceAccount when they assume a role. Others
# (for example EC2) do not: a condition on it would lock them out. Lambda and ECS tasks are left out as well: they may
# send it, but get a role only by iam:PassRole, which no other account can do with our role (IAM User Guide, "Grant a
# user permissions to pass a role to an AWS service": not across accounts), and the trust policies in their own guides
# (Lambda, "execution role"; ECS, "task IAM role") come without a condition.
SENDS_SOURCE = frozenset(
    f"{one}.amazonaws.com"
    for one in (
        "apigateway",
        "backup",
        "bedrock",
        "cloudformation",
        "cloudtrail",
        "codebuild",
        "codepipeline",
        "config",
        "delivery.logs",
        "events",
        "firehose",
        "glue",
        "iot",
        "logs",
        "mgn",
        "pipes",
        "sagemaker",
        "scheduler",
        "sns",
        "ssm",
        "states",
        "transfer",
        "vpc-flow-logs",
    )
)
# What a partner must send to assume the role (IAM User Guide, "The confused deputy problem").
EXTERNAL_ID = "sts:externalid"
TAKING_ON = ("sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity")
# Also of GovCloud (cognito-identity-us-gov.amazonaws.com) and of China.
COGNITO = re.compile(r"cognito-identity(-us-gov)?\.([\w-]+\.)?amazonaws\.com(\.cn)?")
GUEST = "unauthenticated"
# Providers whose audience is the id of one application, not the same for all users of the provider. Cognito is another.
AUDIENCE_IS_OURS = ("accounts.google.com", "graph.facebook.com", "www.amazon.com")
# Claims besides the subject that name our project (IAM User Guide, "Available keys for OIDC federation"). Not the
# branch, environment or actor: others have the same values.
OWNERS = (
    ":repository",
    ":repository_id",
    ":repository_owner",
    ":repository_owner_id",
    ":enterprise_id",
    ":job_workflow_ref",
    ":namespace_id",
    ":project_id",
    ":project_path",
    ":email",
)
# What precedes the first name of a subject: repo:<organization>/..., organization:<name>:..., org/<id>/...
LABEL = re.compile(r"(system:serviceaccount:|[A-Za-z][\w.-]*[:|]|org/)")
# The whole first name, with the character that ends it: "repo:ours*" would also match "ours-and-more".
WHOLE_NAME = re.compile(r"[^:/|*?]+[:/|]")
# At GitHub whoever owns a repository chooses the claims of its subjects ("ref:refs/heads/main", "environment:prod"):
# only these name an owner. None of their values has a colon.
GITHUB = "token.actions.githubusercontent.com"
OWNER_LABEL = re.compile(
    r"(?:^|:)(?:repo|repository|repository_id|repository_owner|repository_owner_id|enterprise|enterprise_id"
    r"|job_workflow_ref|workflow_ref):"
)
WORDS = ("stringequals", "stringlike", "stringequalsignorecase")


def deputies(trust: Snapshot) -> list[str]:
    """
    Services that may assume the role for anybody, although they could send for whom they act.

    :raises MalformedPolicyError: the policy cannot be understood.
    """
    return sorted(
        {
            who.value
            for statement in unbound_services(trust)
            for who in statement.principals
            if who.kind == "Service" and _plain_service(who.value) in SENDS_SOURCE
        }
    )


def for_strangers(trust: Snapshot, own_account: str) -> list[str]:
    """
    Services that may assume the role on behalf of other accounts, which a condition names.

    :raises MalformedPolicyError: the policy cannot be understood.
    """
    found = set()
    for statement in statements(trust):
        binding = [one for one in in_force(statement.conditions) if restricts_service(one)]
        strangers = _strangers(binding, own_account)
        if statement.allows and strangers and not any(_is_ours_only(one, own_account) for one in binding):
            names = ", ".join(sorted(strangers))
            found |= {f"{who.value} for {names}" for who in statement.principals if who.kind == "Service"}
    return sorted(found)


def open_doors(trust: Snapshot, own_account: str) -> list[str]:
    """
    Who may assume the role without belonging to us: everybody, other accounts, users of identity providers.

    :raises MalformedPolicyError: the policy cannot be understood.
    """
    found: list[str] = []
    listed = statements(trust)
    for statement in listed:
        if not statement.allows or not any(concerns(statement, one) for one in TAKING_ON):
            continue
        if _is_bound_to_us(statement, listed, own_account):
            continue
        if statement.names_everybody:
            found += _everybody(statement, listed, own_account)
            continue
        found += [_told(who) for who in statement.principals if _is_open(who, statement, own_account)]
    return sorted(set(found))


def _is_bound_to_us(statement: Statement, listed: list[Statement], own_account: str) -> bool:
    """Whether a condition or a Deny leaves it to our account, an organization or a network; not to a stranger's."""
    if any(_is_ours_only(one, own_account) for one in in_force(statement.conditions)):
        return True
    return closed_by_deny(
        statement,
        listed,
        lambda one: _is_ours_only(one, own_account),
        lambda who: account_of(who.value) in ("", own_account),
    )


def _is_ours_only(condition: Condition, own_account: str) -> bool:
    return restricts(condition) and not _strangers([condition], own_account)


def _strangers(conditions: Iterable[Condition], own_account: str) -> set[str]:
    return {account for one in conditions if restricts(one) for account in accounts_named(one)} - {own_account}


def _everybody(statement: Statement, listed: list[Statement], own_account: str) -> list[str]:
    """Everybody, or the strangers' accounts that a condition or a Deny leaves; none of these with an external id."""
    is_held = statement.is_restricted or closed_by_deny(statement, listed)
    if is_held and _asks(statement, EXTERNAL_ID):
        return []
    strangers = _strangers(in_force(statement.conditions), own_account) if statement.is_restricted else set()
    return [f"AWS {one}" for one in strangers] or ["everybody but those whom a Deny names" if is_held else "everybody"]


def _is_open(who: Principal, statement: Statement, own_account: str) -> bool:
    if who.kind == "AWS":
        document = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": who.value}}]}
        return bool(foreign_accounts(document, {own_account})) and not _asks(statement, EXTERNAL_ID)
    if who.kind != "Federated":
        return False
    if account_of(who.value) not in ("", own_account):
        return True
    if ":saml-provider/" in who.value:
        return not _asks_saml(statement)
    return _is_open_provider(who.value.rpartition("oidc-provider/")[2].lower(), statement)


def _is_open_provider(host: str, statement: Statement) -> bool:
    """Whether every user of the provider (at GitHub: everybody) is allowed, because neither our subject nor our
    audience is required."""
    is_cognito = COGNITO.fullmatch(host) is not None
    if is_cognito and not any(_keeps_guests_out(one) for one in in_force(statement.conditions)):
        return True
    if (is_cognito or host in AUDIENCE_IS_OURS) and (_asks(statement, ":aud") or _asks(statement, ":app_id")):
        return False
    return not any(_names_ours(one) for one in in_force(statement.conditions))


def _keeps_guests_out(condition: Condition) -> bool:
    """Whether it requires a sign-in: an identity pool also gives guests a token, marked as unauthenticated."""
    operator = plain_operator(condition)
    if not condition.key.endswith(":amr") or operator not in WORDS or not condition.values:
        return False
    return not any(contains(one, GUEST) if operator == "stringlike" else one == GUEST for one in condition.values)


def _names_ours(condition: Condition) -> bool:
    """Whether it requires a subject, or another claim about the caller, whose first name is fixed."""
    operator = plain_operator(condition)
    if operator not in WORDS or not condition.values or not condition.key.endswith((":sub", *OWNERS)):
        return False
    return all(_is_ours(condition.key, operator, one) for one in condition.values)


def _is_ours(key: str, operator: str, value: str) -> bool:
    if "${" in value:
        return False
    is_fixed = not has_wildcard(value, operator)
    if key == f"{GITHUB}:sub":
        return any(
            not has_wildcard(value[: one.start()], operator)
            and (len(value) > one.end() if is_fixed else WHOLE_NAME.match(value, one.end()) is not None)
            for one in OWNER_LABEL.finditer(value)
        )
    if is_fixed:
        return bool(value)
    label = LABEL.match(value) if key.endswith(":sub") else None
    return WHOLE_NAME.match(value, label.end() if label else 0) is not None


def _asks_saml(statement: Statement) -> bool:
    """Whether the assertion must be for AWS: those for other applications of the provider are signed as well."""
    return any(
        one.key.startswith("saml:") and one.key != "saml:sub_type" and _is_fixed(one)
        for one in in_force(statement.conditions)
    )


def _asks(statement: Statement, key_ending: str) -> bool:
    """Whether a condition requires a fixed value of the key."""
    return any(one.key.endswith(key_ending) and _is_fixed(one) for one in in_force(statement.conditions))


def _is_fixed(condition: Condition) -> bool:
    operator = plain_operator(condition)
    return (
        operator in WORDS
        and bool(condition.values)
        and all(value.strip("*?") if operator == "stringlike" else value for value in condition.values)
        and not any("${" in value for value in condition.values)
    )


def _told(who: Principal) -> str:
    return f"{who.kind} {who.value}"


def _plain_service(value: str) -> str:
    """``states.us-east-1.amazonaws.com`` and ``states.amazonaws.com.cn`` are ``states.amazonaws.com``."""
    plain = value.removesuffix(".cn")
    name = plain.removesuffix(".amazonaws.com")
    parts = [one for one in name.split(".") if one.count("-") < 2 or not one[-1].isdigit()]
    return ".".join(parts) + ".amazonaws.com"
