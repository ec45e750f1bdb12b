"""A key that rotates, for the account's own principals only."""

from __future__ import annotations

import json
from typing import Any

from include.sandbox.estates.account import Account
from include.sandbox.estates.clean.iam import account_id, policy_of


def seed(account: Account) -> None:
    rotating_key(account, "alias/migration-data")


def rotating_key(account: Account, alias: str, *statements: dict[str, Any]) -> str:
    """
    A symmetric customer key with yearly rotation; its ARN.

    :param alias: ``alias/<name>``.
    :param statements: of its policy, beside the one that lets IAM of this account decide.
    """
    kms = account.client("kms")
    policy = policy_of(by_iam(account), *statements)
    key = kms.create_key(Description=alias, Policy=json.dumps(policy))["KeyMetadata"]
    kms.create_alias(AliasName=alias, TargetKeyId=key["KeyId"])
    kms.enable_key_rotation(KeyId=key["KeyId"])
    arn: str = key["Arn"]
    return arn


def by_iam(account: Account) -> dict[str, Any]:
    """Policies of this account's IAM decide who may use it."""
    root = f"arn:aws:iam::{account_id(account)}:root"
    return {"Sid": "Account", "Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"}
