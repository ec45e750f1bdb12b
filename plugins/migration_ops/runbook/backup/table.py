"""A table as a backup keeps it: its CreateTable request, and the settings that a restore does not bring back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from migration_ops.aws.errors import SDK_ERRORS, BotoCoreError, ClientError, NotFoundError, to_aws_error
from migration_ops.aws.reader import plain_json
from migration_ops.core.errors import UnknownError

T = TypeVar("T")
ON_DEMAND, PROVISIONED = "PAY_PER_REQUEST", "PROVISIONED"
_ABSENT = frozenset({"ResourceNotFoundException", "TableNotFoundException"})


@dataclass(frozen=True)
class Described:
    """:param latest_restorable: None where point-in-time recovery is off."""

    name: str
    arn: str
    status: str
    create_table: dict[str, Any]
    settings: dict[str, Any]
    latest_restorable: datetime | None

    @property
    def account_id(self) -> str:
        return self.arn.split(":")[4]

    @property
    def has_pitr(self) -> bool:
        return self.latest_restorable is not None


def ask(call: Callable[[], T]) -> T:
    """Makes a call that may be repeated; its errors become this package's (``MigrationError``)."""
    try:
        return call()
    except SDK_ERRORS as error:
        raise to_aws_error(error, mutating=False) from error


def raw_description(client: Any, name: str) -> dict[str, Any] | None:
    """DescribeTable's answer; None when there is no such table.

    :raises MigrationError: AWS could not be asked: that is not "none".
    """
    try:
        found: dict[str, Any] = client.describe_table(TableName=name)["Table"]
    except ClientError as error:
        if error.response["Error"]["Code"] in _ABSENT:
            return None
        raise to_aws_error(error, mutating=False) from error
    except BotoCoreError as error:
        raise to_aws_error(error, mutating=False) from error
    return found


def describe(client: Any, name: str, kms: Any) -> Described:
    """
    The table with its settings (DescribeTable, DescribeTimeToLive, DescribeContinuousBackups).

    :param client: of DynamoDB.
    :param kms: a KMS client; asked only where the table has a key.
    :raises NotFoundError: there is no such table.
    :raises MigrationError: AWS could not be asked, or does not say until when the table can be recovered.
    """
    found = raw_description(client, name)
    if found is None:
        raise NotFoundError("there is no such table", table=name)
    request = create_request(found)
    key = request.get("SSESpecification", {}).get("KMSMasterKeyId")
    if key and ask(lambda: kms.describe_key(KeyId=key))["KeyMetadata"]["KeyManager"] == "AWS":
        # CreateTable refuses the AWS managed key by name; without a name it takes that key.
        del request["SSESpecification"]["KMSMasterKeyId"]
    time_to_live = ask(lambda: client.describe_time_to_live(TableName=name))["TimeToLiveDescription"]
    recovery = ask(lambda: client.describe_continuous_backups(TableName=name))["ContinuousBackupsDescription"]
    point_in_time = recovery.get("PointInTimeRecoveryDescription", {})
    is_on = point_in_time.get("PointInTimeRecoveryStatus") == "ENABLED"
    latest = point_in_time.get("LatestRestorableDateTime") if is_on else None
    if is_on and latest is None:
        raise UnknownError("point-in-time recovery is on, but DynamoDB does not say until when", table=name)
    settings = {
        "timeToLive": time_to_live.get("AttributeName"),
        "pointInTimeRecovery": is_on,
        "deletionProtection": bool(found.get("DeletionProtectionEnabled")),
        "stream": (found.get("StreamSpecification") or {}).get("StreamViewType"),
    }
    return Described(name, found["TableArn"], found["TableStatus"], plain_json(request), settings, latest)


def create_request(found: dict[str, Any]) -> dict[str, Any]:
    """CreateTable's request for such a table, from what DescribeTable shows; without name, tags and protection."""
    billing = (found.get("BillingModeSummary") or {}).get("BillingMode", PROVISIONED)
    is_provisioned = billing != ON_DEMAND
    request: dict[str, Any] = {
        "AttributeDefinitions": found["AttributeDefinitions"],
        "KeySchema": found["KeySchema"],
        "BillingMode": billing,
    }
    if is_provisioned:
        request["ProvisionedThroughput"] = _capacity(found)
    indexes = [_index(one, is_provisioned) for one in found.get("GlobalSecondaryIndexes") or []]
    local = [_index(one, False) for one in found.get("LocalSecondaryIndexes") or []]
    request |= {"GlobalSecondaryIndexes": indexes} if indexes else {}
    request |= {"LocalSecondaryIndexes": local} if local else {}
    if found.get("TableClassSummary"):
        request["TableClass"] = found["TableClassSummary"]["TableClass"]
    encryption = found.get("SSEDescription") or {}
    if encryption.get("Status") in ("ENABLED", "UPDATING"):
        request["SSESpecification"] = {"Enabled": True, "SSEType": encryption.get("SSEType", "KMS")}
        if encryption.get("KMSMasterKeyArn"):
            request["SSESpecification"]["KMSMasterKeyId"] = encryption["KMSMasterKeyArn"]
    return request


def _index(index: dict[str, Any], is_provisioned: bool) -> dict[str, Any]:
    request = {name: index[name] for name in ("IndexName", "KeySchema", "Projection")}
    return request | ({"ProvisionedThroughput": _capacity(index)} if is_provisioned else {})


def _capacity(thing: dict[str, Any]) -> dict[str, int]:
    found = thing["ProvisionedThroughput"]
    return {name: found[name] for name in ("ReadCapacityUnits", "WriteCapacityUnits")}
