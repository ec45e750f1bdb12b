"""A secret that rotates, is used, and can be read by this account only."""

from __future__ import annotations

import json
from typing import Any

from include.sandbox.estates.account import Account
from include.sandbox.estates.clean.iam import account_id, policy_of


def seed(account: Account) -> None:
    """One secret; those that the sandbox itself has (the CMF's service account) are brought into order too."""
    for one in account.client("secretsmanager").list_secrets()["SecretList"]:
        bring_into_order(account, one["Name"])
    rotated_secret(account, "migration/cmf-service-account")


def rotated_secret(account: Account, name: str, *statements: dict[str, Any]) -> str:
    """
    A secret with monthly rotation, rotated and read today; its ARN.

    :param statements: of its resource policy; default: nobody of another account.
    """
    secrets = account.client("secretsmanager")
    arn: str = secrets.create_secret(Name=name, SecretString='{"password": "made up for the sandbox"}')["ARN"]
    bring_into_order(account, name, *statements)
    return arn


def bring_into_order(account: Account, name: str, *statements: dict[str, Any]) -> None:
    """Rotates it, restricts who may read it, and reads it once."""
    rotate(account, name)
    restrict(account, name, *(statements or (no_other_account(account),)))
    account.client("secretsmanager").get_secret_value(SecretId=name)


def rotate(account: Account, name: str) -> None:
    account.client("secretsmanager").rotate_secret(
        SecretId=name, RotationRules={"AutomaticallyAfterDays": 30}, RotateImmediately=False
    )


def restrict(account: Account, name: str, *statements: dict[str, Any]) -> None:
    account.client("secretsmanager").put_resource_policy(
        SecretId=name, ResourcePolicy=json.dumps(policy_of(*statements))
    )


def no_other_account(account: Account) -> dict[str, Any]:
    """Denies everybody outside of this account, whatever else allows."""
    return {
        "Sid": "ThisAccountOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "secretsmanager:*",
        "Resource": "*",
        "Condition": {"StringNotEquals": {"aws:PrincipalAccount": account_id(account)}},
    }
