"""A topic with a key of its own, which publishers of this account may use."""

from __future__ import annotations

import json
from typing import Any

from include.sandbox.estates.account import Account
from include.sandbox.estates.clean.iam import account_id, policy_of
from include.sandbox.estates.clean.kms import rotating_key


def seed(account: Account) -> None:
    make_topic(account, "cmdb-notices")


def make_topic(account: Account, name: str, *, key: str | None = None) -> str:
    """
    A topic to which rules and alarms of this account may publish; its ARN.

    :param key: ARN of the key; default one of its own with rotation. Empty: none.
    """
    arn_of_key = own_key(account, name) if key is None else key
    sns = account.client("sns")
    arn: str = sns.create_topic(Name=name, Attributes={"KmsMasterKeyId": arn_of_key} if arn_of_key else {})["TopicArn"]
    restrict(account, arn, publishers(account, arn))
    return arn


def own_key(account: Account, name: str) -> str:
    """A key that EventBridge and CloudWatch may use for this account; its ARN."""
    may_use = _for_this_account(account, ["kms:Decrypt", "kms:GenerateDataKey*"], "*")
    return rotating_key(account, f"alias/topic-{name}", may_use)


def restrict(account: Account, arn: str, *statements: dict[str, Any]) -> None:
    """The topic's policy."""
    text = json.dumps(policy_of(*statements))
    account.client("sns").set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=text)


def publishers(account: Account, arn: str) -> dict[str, Any]:
    """Rules and alarms of this account may publish."""
    return _for_this_account(account, ["sns:Publish"], arn)


def _for_this_account(account: Account, actions: list[str], resource: str) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": {"Service": ["events.amazonaws.com", "cloudwatch.amazonaws.com"]},
        "Action": actions,
        "Resource": resource,
        "Condition": {"StringEquals": {"aws:SourceAccount": account_id(account)}},
    }
