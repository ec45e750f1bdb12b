"""Roles with the least they need, whose trust names this account, and which use what they may."""

from __future__ import annotations

import json
from typing import Any

from include.sandbox.estates.account import Account

DAYS_OLD = 400
ANALYZER = "migration-account"
# These do not say on whose behalf they take a role on: a condition on it would lock them out.
WITHOUT_SOURCE = frozenset({"ec2.amazonaws.com"})


def seed(account: Account) -> None:
    """A role of a function, one of a state machine, one of the migrated servers; an analyzer of who may come in."""
    service_role(account, "cutover-worker-role", "lambda.amazonaws.com")
    service_role(account, "migration-flow-role", "states.amazonaws.com")
    service_role(account, "migrated-server-role", "ec2.amazonaws.com")
    account.client("accessanalyzer").create_analyzer(analyzerName=ANALYZER, type="ACCOUNT")


def service_role(account: Account, name: str, service: str, *statements: dict[str, Any]) -> str:
    """
    A role that ``service`` takes on, for this account only; its ARN.

    :param statements: of its one inline policy; default: writing to its own log group.
    """
    iam = account.client("iam")
    arn: str = iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=json.dumps(service_trust(account, service)),
        Description=f"For {service}",
    )["Role"]["Arn"]
    put_inline(account, name, *(statements or (own_logs(account, name),)))
    account.control.write_history(roles={name: {"createdDaysAgo": DAYS_OLD, "usedDaysAgo": {"*": 1}}})
    return arn


def put_inline(account: Account, name: str, *statements: dict[str, Any]) -> None:
    """The role's one inline policy."""
    account.client("iam").put_role_policy(
        RoleName=name, PolicyName="own", PolicyDocument=json.dumps(policy_of(*statements))
    )


def service_trust(account: Account, service: str) -> dict[str, Any]:
    """A trust policy: the service, on behalf of this account, where the service says on whose."""
    trust: dict[str, Any] = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    if service not in WITHOUT_SOURCE:
        trust["Condition"] = {"StringEquals": {"aws:SourceAccount": account_id(account)}}
    return policy_of(trust)


def policy_of(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def own_logs(account: Account, name: str) -> dict[str, Any]:
    """Allows writing to a log group of the role's name."""
    return {
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": f"arn:aws:logs:us-east-1:{account_id(account)}:log-group:/migration/{name}:*",
    }


def account_id(account: Account) -> str:
    found: str = account.client("sts").get_caller_identity()["Account"]
    return found
