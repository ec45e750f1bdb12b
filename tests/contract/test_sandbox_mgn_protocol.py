"""The protocol as botocore's model has it: routing, request checks, errors, signing, and honest refusals."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
import requests
from botocore.exceptions import ClientError

from include.sandbox.mgn.model import service_model
from include.sandbox.mgn.service import OPERATIONS
from include.sandbox.sandbox import Sandbox

SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/mgn/aws4_request, Signature=0"}
NOT_SIMULATED = sorted(set(service_model().operation_names) - set(OPERATIONS))
SIMULATED_BY_BRIEF = {
    "DescribeSourceServers",
    "GetLaunchConfiguration",
    "UpdateLaunchConfiguration",
    "GetReplicationConfiguration",
    "UpdateReplicationConfiguration",
    "StartTest",
    "StartCutover",
    "TerminateTargetInstances",
    "ChangeServerLifeCycleState",
    "FinalizeCutover",
    "DisconnectFromService",
    "MarkAsArchived",
    "StartReplication",
    "StopReplication",
    "PauseReplication",
    "ResumeReplication",
    "RetryDataReplication",
    "DeleteSourceServer",
    "DescribeJobs",
    "DescribeJobLogItems",
    "ListWaves",
    "ListApplications",
    "InitializeService",
    "DescribeReplicationConfigurationTemplates",
    "DescribeLaunchConfigurationTemplates",
    "ListManagedAccounts",
    "TagResource",
    "UntagResource",
    "ListTagsForResource",
}


def _send(box: Sandbox, path: str, body: Any = None, method: str = "POST", **headers: str) -> requests.Response:
    data = body if isinstance(body, (str, bytes)) else json.dumps(body or {})
    return requests.request(method, box.endpoints["mgn"] + path, data=data, headers=SIGNED | headers, timeout=5)


def test_what_is_simulated() -> None:
    assert SIMULATED_BY_BRIEF <= set(OPERATIONS) <= set(service_model().operation_names)


@pytest.mark.parametrize("name", NOT_SIMULATED)
def test_the_rest_is_refused_by_name(mgn_box: Sandbox, name: str) -> None:
    http = service_model().operation_model(name).http
    answer = _send(mgn_box, http["requestUri"], method=http["method"])
    assert answer.status_code == 501
    assert answer.headers["x-amzn-ErrorType"] == "SandboxNotSimulated"
    assert name in answer.json()["message"]


def test_a_refused_operation_is_not_retried(mgn_box: Sandbox) -> None:
    with pytest.raises(ClientError) as caught:
        mgn_box.boto("mgn").start_import(s3BucketSource={"s3Bucket": "b-123", "s3Key": "a.csv"})
    assert caught.value.response["Error"]["Code"] == "SandboxNotSimulated"
    assert mgn_box.client.count("mgn", "StartImport") == 1


@pytest.mark.parametrize(("method", "path"), [("POST", "/Nothing"), ("GET", "/StartTest"), ("POST", "/starttest")])
def test_unknown_operations(mgn_box: Sandbox, method: str, path: str) -> None:
    answer = _send(mgn_box, path, method=method)
    assert (answer.status_code, answer.headers["x-amzn-ErrorType"]) == (404, "UnknownOperationException")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/StartTest", {}, "sourceServerIDs"),
        ("/StartTest", {"sourceServerIDs": None}, "sourceServerIDs"),
        ("/StartTest", {"sourceServerIDs": "s-00000000000000001"}, "sourceServerIDs"),
        ("/StartTest", {"sourceServerIDs": []}, "sourceServerIDs"),
        ("/StartTest", {"sourceServerIDs": [17]}, "sourceServerIDs[0]"),
        ("/StartTest", {"sourceServerIDs": ["s-0000000000000000!"]}, "sourceServerIDs[0]"),
        ("/StartTest", {"sourceServerIDs": ["s-00000000000000001"], "tags": {"k": "v" * 257}}, "tags.k"),
        ("/StartTest", {"sourceServerIDs": ["s-00000000000000001"], "accountID": "12345"}, "accountID"),
        ("/DescribeSourceServers", {"maxResults": 0}, "maxResults"),
        ("/DescribeSourceServers", {"maxResults": 1001}, "maxResults"),
        ("/DescribeSourceServers", {"maxResults": True}, "maxResults"),
        ("/DescribeSourceServers", {"filters": {"lifeCycleStates": ["READY"]}}, "filters.lifeCycleStates[0]"),
        ("/DescribeSourceServers", {"filters": {"isArchived": "no"}}, "filters.isArchived"),
        ("/ChangeServerLifeCycleState", {"sourceServerID": "s-00000000000000001", "lifeCycle": {}}, "lifeCycle.state"),
        (
            "/ChangeServerLifeCycleState",
            {"sourceServerID": "s-00000000000000001", "lifeCycle": {"state": "TESTING"}},
            "lifeCycle.state",
        ),
        ("/CreateWave", {"name": " blank"}, "name"),
        ("/CreateWave", {"name": "x" * 257}, "name"),
        ("/CreateApplication", {"name": ""}, "name"),
    ],
)
def test_request_checks(mgn_box: Sandbox, path: str, body: dict[str, Any], field: str) -> None:
    answer = _send(mgn_box, path, body)
    assert (answer.status_code, answer.headers["x-amzn-ErrorType"]) == (400, "ValidationException")
    assert answer.json()["reason"] == "fieldValidationFailed"
    assert field in [one["name"] for one in answer.json()["fieldList"]]


@pytest.mark.parametrize("body", ["{", "[]", '"text"'])
def test_a_body_that_is_no_object(mgn_box: Sandbox, body: str) -> None:
    answer = _send(mgn_box, "/DescribeJobs", body)
    assert (answer.status_code, answer.json()["reason"]) == (400, "cannotParse")


def test_extra_members_reach_boto3(mgn: Any, seed: Any) -> None:
    server_id = seed(state="NOT_READY")
    with pytest.raises(mgn.exceptions.ConflictException) as caught:
        mgn.start_test(sourceServerIDs=[server_id])
    assert caught.value.response["resourceId"] == server_id
    assert caught.value.response["errors"][0]["resourceType"] == "SourceServer"
    with pytest.raises(mgn.exceptions.ResourceNotFoundException) as missing:
        mgn.finalize_cutover(sourceServerID="s-ffffffffffffffff0")
    assert missing.value.response["resourceId"] == "s-ffffffffffffffff0"


def test_unsigned_and_wrongly_scoped_requests(mgn_box: Sandbox) -> None:
    url = mgn_box.endpoints["mgn"] + "/DescribeJobs"
    answer = requests.post(url, json={}, timeout=5)
    assert (answer.status_code, answer.headers["x-amzn-ErrorType"]) == (403, "MissingAuthenticationTokenException")
    answer = _send(mgn_box, "/DescribeJobs", Authorization=SIGNED["Authorization"].replace("/mgn/", "/ec2/"))
    assert (answer.status_code, answer.headers["x-amzn-ErrorType"]) == (403, "AccessDeniedException")


def test_another_region_is_another_world(mgn_box: Sandbox) -> None:
    url = mgn_box.endpoints["mgn"]
    client = boto3.client(
        "mgn", endpoint_url=url, region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    with pytest.raises(client.exceptions.UninitializedAccountException):
        client.describe_source_servers()


def test_configurations(mgn: Any, seed: Any, refusal: Any, mgn_box: Sandbox) -> None:
    server_id = seed()
    launch = mgn.get_launch_configuration(sourceServerID=server_id)
    template = mgn_box.boto("ec2").describe_launch_template_versions(
        LaunchTemplateId=launch["ec2LaunchTemplateID"], Versions=["$Default"]
    )["LaunchTemplateVersions"][0]["LaunchTemplateData"]
    assert template["NetworkInterfaces"][0]["SubnetId"] == mgn_box.mgn.network.subnet_id
    assert template["NetworkInterfaces"][0]["Groups"] == [mgn_box.mgn.network.security_group_id]
    assert mgn.update_launch_configuration(sourceServerID=server_id, bootMode="UEFI")["bootMode"] == "UEFI"
    assert mgn.get_launch_configuration(sourceServerID=server_id)["bootMode"] == "UEFI"
    actions = {"ssmDocuments": [{"actionName": "a", "ssmDocumentName": "AWS-RunShellScript"}]}
    error = refusal(mgn.update_launch_configuration, sourceServerID=server_id, postLaunchActions=actions)
    assert error.response["Error"]["Code"] == "SandboxNotSimulated"
    assert mgn.get_replication_configuration(sourceServerID=server_id)["replicationServerInstanceType"] == "t3.small"
    mgn.update_replication_configuration(sourceServerID=server_id, bandwidthThrottling=100)
    assert mgn.get_replication_configuration(sourceServerID=server_id)["bandwidthThrottling"] == 100
    for call in (mgn.get_launch_configuration, mgn.get_replication_configuration):
        error = refusal(call, sourceServerID="s-ffffffffffffffff0")
        assert error.response["Error"]["Code"] == "ResourceNotFoundException"


def test_templates(mgn: Any, refusal: Any) -> None:
    found = mgn.describe_launch_configuration_templates()["items"][0]["launchConfigurationTemplateID"]
    assert mgn.describe_launch_configuration_templates(launchConfigurationTemplateIDs=[found])["items"]
    assert mgn.describe_replication_configuration_templates()["items"][0]["stagingAreaSubnetId"].startswith("subnet-")
    error = refusal(
        mgn.describe_replication_configuration_templates,
        replicationConfigurationTemplateIDs=["rct-ffffffffffffffff0"],
    )
    assert error.response["Error"]["Code"] == "ResourceNotFoundException"


def test_managed_accounts(mgn_box: Sandbox, mgn: Any, refusal: Any) -> None:
    document = {"accountId": "210987654321", "servers": [{"hostname": "elsewhere"}]}
    server_id = mgn_box.client.add_estate(document)["serverIds"][0]
    assert {"accountId": "210987654321"} in mgn.list_managed_accounts()["items"]
    filters = {"sourceServerIDs": [server_id]}
    assert mgn.describe_source_servers(filters=filters)["items"] == []
    found = mgn.describe_source_servers(filters=filters, accountID="210987654321")["items"]
    assert "210987654321" in found[0]["arn"]
    job = mgn.start_test(sourceServerIDs=[server_id], accountID="210987654321")["job"]
    assert mgn.describe_jobs(filters={"jobIDs": [job["jobID"]]})["items"] == []
    error = refusal(mgn.describe_source_servers, accountID="999999999999")
    assert error.response["Error"]["Code"] == "AccessDeniedException"


def test_an_uninitialized_account() -> None:
    with Sandbox(initialized=False) as box:
        mgn = box.boto("mgn")
        for call in (mgn.describe_source_servers, mgn.list_waves, mgn.describe_jobs):
            with pytest.raises(mgn.exceptions.UninitializedAccountException):
                call()
        answer = mgn.initialize_service()
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
        assert mgn.describe_source_servers()["items"] == []
