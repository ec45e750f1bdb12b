"""The sandbox's Systems Manager refuses what SSM refuses, and lists the source servers as managed nodes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from include.sandbox.moto.ssm_nodes import nodes_of
from include.sandbox.sandbox import Sandbox

SHELL, POWERSHELL = "AWS-RunShellScript", "AWS-RunPowerShellScript"


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(speed=1, seed="empty", shown="wall") as sandbox:
        yield sandbox


@pytest.fixture
def node(box: Sandbox) -> str:
    """A managed node of a Linux source server."""
    answer = box.client.add_estate({"servers": [{"hostname": "db01", "ip": "10.1.2.3"}]})
    [managed] = answer["managedInstanceIds"].values()
    return str(managed)


def send(box: Sandbox, node: str, **changes: Any) -> str:
    request = {"InstanceIds": [node], "DocumentName": SHELL, "Parameters": {"commands": ["true"]}, **changes}
    return str(box.boto("ssm").send_command(**request)["Command"]["CommandId"])


def test_a_source_server_is_listed_as_its_agent_reports_it(box: Sandbox, node: str) -> None:
    asked = {"Filters": [{"Key": "InstanceIds", "Values": [node]}]}
    [found] = box.boto("ssm").describe_instance_information(**asked)["InstanceInformationList"]
    seen = {key: found[key] for key in ("InstanceId", "PingStatus", "PlatformType", "IPAddress", "ComputerName")}
    assert seen == {
        "InstanceId": node,
        "PingStatus": "Online",
        "PlatformType": "Linux",
        "IPAddress": "10.1.2.3",
        "ComputerName": "db01.corp.example.com",
    }


def test_pages_of_nodes(box: Sandbox) -> None:
    ids = set(box.client.add_estate({"servers": [{} for _ in range(12)]})["managedInstanceIds"].values())
    pages = list(box.boto("ssm").get_paginator("describe_instance_information").paginate(MaxResults=5))
    assert {one["InstanceId"] for page in pages for one in page["InstanceInformationList"]} >= ids
    assert max(len(page["InstanceInformationList"]) for page in pages) <= 5


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"InstanceIds": ["mi-" + "0" * 17]}, "InvalidInstanceId"),
        ({"InstanceIds": ["i-" + "0" * 17]}, "InvalidInstanceId"),
        ({"DocumentName": "No-Such-Document"}, "InvalidDocument"),
        ({"Parameters": {"commands": ["true"], "unheardOf": ["1"]}}, "InvalidParameters"),
        ({"Parameters": {}}, "InvalidParameters"),
        ({"Parameters": {"commands": ["true"], "executionTimeout": ["0"]}}, "InvalidParameters"),
        ({"Comment": "x" * 101}, "ValidationException"),
        ({"TimeoutSeconds": 2_592_001}, "ValidationException"),
    ],
)
def test_what_is_refused(box: Sandbox, node: str, changes: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as refused:
        send(box, node, **changes)
    assert refused.value.response["Error"]["Code"] == code


def test_a_document_of_another_platform_is_refused(box: Sandbox) -> None:
    answer = box.client.add_estate({"servers": [{"os": "Microsoft Windows Server 2019"}]})
    [windows] = answer["managedInstanceIds"].values()
    with pytest.raises(ClientError) as refused:
        send(box, windows)
    assert refused.value.response["Error"]["Code"] == "UnsupportedPlatformType"
    assert send(box, windows, DocumentName=POWERSHELL)


def test_a_document_that_is_not_there(box: Sandbox) -> None:
    ssm = box.boto("ssm")
    assert {one["Name"] for one in ssm.describe_document(Name=SHELL)["Document"]["Parameters"]} >= {"commands"}
    with pytest.raises(ClientError) as refused:
        ssm.describe_document(Name="No-Such-Document")
    assert refused.value.response["Error"]["Code"] == "InvalidDocument"


def test_a_command_waits_for_the_agent_until_it_is_cancelled(box: Sandbox, node: str) -> None:
    ssm, agent = box.boto("ssm"), nodes_of(box.account_id, box.region)[node]
    agent.ping_status = "ConnectionLost"
    cancelled, kept = send(box, node, Comment="first"), send(box, node, Comment="second")
    ssm.cancel_command(CommandId=cancelled, InstanceIds=[node])
    agent.ping_status = "Online"
    statuses = []
    for command in (cancelled, kept, kept):
        statuses.append(ssm.get_command_invocation(CommandId=command, InstanceId=node)["Status"])
    assert statuses[0] == "Cancelled"
    assert statuses[-1] == "Success"
    assert agent.ran == [["true"]]
    listed = ssm.list_commands(InstanceId=node)["Commands"]
    assert [one["Comment"] for one in listed] == ["second", "first"]
    with pytest.raises(ClientError, match="InvocationDoesNotExist"):
        ssm.get_command_invocation(CommandId="0" * 36, InstanceId=node)
