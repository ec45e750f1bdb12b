"""What the sandbox adds to moto for the audit of exposure, by botocore's models."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from include.sandbox.estates.account import Account
from include.sandbox.estates.clean.lambda_ import make_function
from include.sandbox.sandbox import Sandbox

KEY = [{"AttributeName": "id", "KeyType": "HASH"}]
ATTRIBUTES = [{"AttributeName": "id", "AttributeType": "S"}]


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(seed="empty") as sandbox:
        yield sandbox


def test_urls_of_a_function_are_listed(box: Sandbox) -> None:
    make_function(Account(make=box.boto, control=box.client), "with-url")
    client = box.boto("lambda")
    assert client.list_function_url_configs(FunctionName="with-url")["FunctionUrlConfigs"] == []
    client.create_function_url_config(FunctionName="with-url", AuthType="NONE")
    [listed] = client.list_function_url_configs(FunctionName="with-url")["FunctionUrlConfigs"]
    assert (listed["AuthType"], listed["FunctionArn"].rsplit(":", 1)[-1]) == ("NONE", "with-url")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.list_function_url_configs(FunctionName="no-such-function")


def test_a_table_shows_its_encryption_as_it_was_changed_last(box: Sandbox) -> None:
    dynamodb = box.boto("dynamodb")
    dynamodb.create_table(
        TableName="sealed", KeySchema=KEY, AttributeDefinitions=ATTRIBUTES, BillingMode="PAY_PER_REQUEST"
    )
    assert "SSEDescription" not in dynamodb.describe_table(TableName="sealed")["Table"]
    dynamodb.update_table(TableName="sealed", SSESpecification={"Enabled": True})
    described = dynamodb.describe_table(TableName="sealed")["Table"]["SSEDescription"]
    assert (described["Status"], described["SSEType"]) == ("ENABLED", "KMS")
    dynamodb.update_table(TableName="sealed", SSESpecification={"Enabled": False})
    assert "SSEDescription" not in dynamodb.describe_table(TableName="sealed")["Table"]


def _put(ssm: Any, instance: str, kind: str = "Patch", **statuses: str) -> None:
    ssm.put_compliance_items(
        ResourceId=instance,
        ResourceType="ManagedInstance",
        ComplianceType=kind,
        ExecutionSummary={"ExecutionTime": datetime(2026, 5, 1, tzinfo=UTC)},
        Items=[{"Id": severity, "Severity": severity, "Status": status} for severity, status in statuses.items()],
    )


def test_compliance_is_summed_up_by_resource_and_kind(box: Sandbox) -> None:
    ssm = box.boto("ssm")
    _put(ssm, "i-1", HIGH="COMPLIANT")
    _put(ssm, "i-2", LOW="NON_COMPLIANT", CRITICAL="NON_COMPLIANT", HIGH="COMPLIANT")
    _put(ssm, "i-1", "Association", HIGH="NON_COMPLIANT")
    of_patches = [{"Key": "ComplianceType", "Values": ["Patch"], "Type": "EQUAL"}]
    pages = ssm.get_paginator("list_resource_compliance_summaries").paginate(
        Filters=of_patches, PaginationConfig={"PageSize": 1}
    )
    found = {one["ResourceId"]: one for page in pages for one in page["ResourceComplianceSummaryItems"]}
    assert {name: one["Status"] for name, one in found.items()} == {"i-1": "COMPLIANT", "i-2": "NON_COMPLIANT"}
    assert (found["i-2"]["OverallSeverity"], found["i-2"]["NonCompliantSummary"]["NonCompliantCount"]) == (
        "CRITICAL",
        2,
    )
    assert found["i-1"]["ExecutionSummary"]["ExecutionTime"] == datetime(2026, 5, 1, tzinfo=UTC)
    with pytest.raises(ClientError, match="ValidationException"):
        _put(ssm, "i-1", "Whatever", HIGH="COMPLIANT")
    box.reset()
    assert ssm.list_resource_compliance_summaries()["ResourceComplianceSummaryItems"] == []
