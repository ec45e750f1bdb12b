"""Who may take on a role: its trust policy. Pure."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.runbook.policies import Principal, Statement, foreign_accounts, statements, unbound_services

# Services whose documentation says that they send aws:SourceArn or aws:SourceAccount when they take on a role. Others
# (EC2 for one) do not: a condition on it would lock them out.
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
        "ecs-tasks",
        "events",
        "firehose",
        "glue",
        "iot",
        "lambda",
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
# What a partner must say to take the role on (IAM User Guide, "The confused deputy problem").
EXTERNAL_ID = "sts:externalid"


def deputies(trust: Facts) -> list[str]:
    """
    Services that may take the role on for whoever asks them, although they could say for whom.

    :raises MalformedPolicy: the policy cannot be understood.
    """
    return sorted(
        {
            who.value
            for statement in unbound_services(trust)
            for who in statement.principals
            if who.kind == "Service" and _plain_service(who.value) in SENDS_SOURCE
        }
    )


def open_doors(trust: Facts, own_account: str) -> list[str]:
    """
    Who may take the role on though nothing ties them to us: everybody, other accounts, identity providers' users.

    :raises MalformedPolicy: the policy cannot be understood.
    """
    found: list[str] = []
    for statement in statements(trust):
        if not statement.allows or statement.is_restricted:
            continue
        if statement.names_everybody:
            found.append("everybody")
            continue
        found += [_told(who) for who in statement.principals if _is_open(who, statement, own_account)]
    return sorted(set(found))


def _is_open(who: Principal, statement: Statement, own_account: str) -> bool:
    if who.kind == "AWS":
        document = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": who.value}}]}
        return bool(foreign_accounts(document, {own_account})) and not _asks(statement, EXTERNAL_ID)
    if who.kind == "Federated" and "oidc-provider/" in who.value:
        # Every user of the provider, at GitHub for one everybody, unless the subject is said.
        return not _asks(statement, ":sub")
    return False


def _asks(statement: Statement, key_ending: str) -> bool:
    """Whether a condition demands a certain value of the key."""
    return any(
        one.key.endswith(key_ending)
        and one.operator.lower().removeprefix("foranyvalue:")
        in ("stringequals", "stringlike", "stringequalsignorecase")
        and one.values
        and all(value.strip("*?") for value in one.values)
        for one in statement.conditions
    )


def _told(who: Principal) -> str:
    return f"{who.kind} {who.value}"


def _plain_service(value: str) -> str:
    """``states.us-east-1.amazonaws.com`` and ``states.amazonaws.com.cn`` are ``states.amazonaws.com``."""
    plain = value.removesuffix(".cn")
    name = plain.removesuffix(".amazonaws.com")
    parts = [one for one in name.split(".") if one.count("-") < 2 or not one[-1].isdigit()]
    return ".".join(parts) + ".amazonaws.com"
