"""What the audit's readers make of answers that the clean and the planted estate do not have."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from include.sandbox.estates.account import Account
from include.sandbox.estates.clean.ec2 import migrated_instance
from include.sandbox.estates.clean.lambda_ import make_function
from include.sandbox.estates.clean.logs import write_lines
from include.sandbox.estates.clean.stepfunctions import make_state_machine
from include.sandbox.sandbox import Sandbox
from migration_ops.aws.reader import AwsReader
from migration_ops.core.config import Names, Resources, RunbookConfig
from migration_ops.core.facts import is_failed
from migration_ops.core.settings import read_settings
from migration_ops.runbook.checks.check import read_with
from tests.runbook.estates import account_of, asked_for_all, failures, reader_of

SECRET = "made" + "-up-" + "4711"


@pytest.fixture(scope="module")
def account(box: Sandbox) -> Iterator[Account]:
    box.reset()
    yield account_of(box)
    box.reset()


@pytest.fixture
def reader(box: Sandbox, account: Account) -> AwsReader:
    return reader_of(box, account)


def of(reader: AwsReader, name: str, member: str) -> dict[str, Any]:
    document = json.loads(json.dumps(read_with(name, reader)))
    return {one["name"]: one for one in document[member]}


def test_a_function_with_all_that_can_hang_on_it(reader: AwsReader, account: Account) -> None:
    client = account.client("lambda")
    make_function(account, "rich", variables={"DB_PASSWORD": SECRET, "LEVEL": "INFO"}, dead_letters="")
    client.publish_version(FunctionName="rich")
    client.create_alias(FunctionName="rich", Name="live", FunctionVersion="1")
    said = {"StatementId": "a", "Action": "lambda:InvokeFunction", "Principal": "111122223333"}
    client.add_permission(FunctionName="rich", **said)
    client.add_permission(FunctionName="rich", Qualifier="live", **said | {"StatementId": "b"})
    client.create_function_url_config(FunctionName="rich", AuthType="AWS_IAM")
    queue = "arn:aws:sqs:us-east-1:123456789012:functions-dlq"
    client.put_function_event_invoke_config(
        FunctionName="rich", DestinationConfig={"OnFailure": {"Destination": queue}}
    )
    found = of(reader, "audit_lambda", "functions")["rich"]
    assert (found["variables"], found["secrets"]) == (2, [{"name": "DB_PASSWORD", "kind": "password in plain text"}])
    # In moto the version answers what its alias was given; in AWS it has a policy of its own.
    assert {one["alias"] for one in found["policies"]} == {"", "live", "1"}
    assert found["urls"] == [{"alias": "", "authType": "AWS_IAM"}]
    assert (found["deadLetterTarget"], found["onFailure"]) == (None, [queue])
    assert found["runtime"]["end"] == "2029-06-30"


def test_a_version_keeps_the_secret_that_the_function_has_no_more(reader: AwsReader, account: Account) -> None:
    make_function(account, "mended", variables={"DB_PASSWORD": SECRET})
    client = account.client("lambda")
    client.publish_version(FunctionName="mended")
    client.update_function_configuration(FunctionName="mended", Environment={"Variables": {"DB_HOST": "db"}})
    found = of(reader, "audit_lambda", "functions")["mended"]
    assert found["variables"] == 1
    assert found["secrets"] == [{"name": "DB_PASSWORD of version 1", "kind": "password in plain text"}]


def test_a_version_adds_no_secret_that_the_function_has(reader: AwsReader, account: Account) -> None:
    make_function(account, "same", variables={"DB_PASSWORD": SECRET})
    account.client("lambda").publish_version(FunctionName="same")
    assert [one["name"] for one in of(reader, "audit_lambda", "functions")["same"]["secrets"]] == ["DB_PASSWORD"]


def test_versions_that_cannot_be_listed_are_not_versions_without_secrets(
    reader: AwsReader, account: Account, box: Sandbox
) -> None:
    make_function(account, "unseen", variables={"DB_HOST": "db"})
    refuse = {"kind": "accessDenied", "service": "lambda", "operation": "ListVersionsByFunction"}
    fault = box.faults.add_document(refuse)
    found = of(reader, "audit_lambda", "functions")["unseen"]
    box.faults.remove(fault.fault_id)
    assert is_failed(found["secrets"])


def test_no_value_of_a_secret_is_in_what_was_read(reader: AwsReader, account: Account) -> None:
    make_function(account, "careless", variables={"API_TOKEN": "x9" * 12, "CMDB_PASSWORD": SECRET})
    write_lines(account, "/aws/lambda/careless", [f"login with password={SECRET}"], stream="said")
    login = {"Type": "Pass", "Result": {"password": SECRET}, "End": True}
    make_state_machine(account, "careless", definition={"StartAt": "L", "States": {"L": login}})
    content = {
        "schemaVersion": "2.2",
        "description": SECRET,
        "mainSteps": [],
        "parameters": {"password": {"type": "String", "default": SECRET}},
    }
    account.client("ssm").create_document(Name="careless", DocumentType="Command", Content=json.dumps(content))
    names = ("audit_lambda", "audit_states", "log_groups", "ssm_documents")
    documents = {name: read_with(name, reader) for name in names}
    assert list(failures(documents)) == []
    assert SECRET not in json.dumps(documents)
    assert "x9x9" not in json.dumps(documents)
    assert of(reader, "log_groups", "groups")["/aws/lambda/careless"]["secrets"][0]["stream"] == "said"
    [in_document] = of(reader, "ssm_documents", "documents")["careless"]["secrets"]
    assert in_document["name"] == "parameters.password.default"
    assert of(reader, "audit_states", "machines")["careless"]["secrets"][0]["name"] == "States.L.Result.password"


def test_variables_that_lambda_cannot_decrypt_are_not_no_variables(reader: AwsReader) -> None:
    """AWS answers an error in their place when the key cannot be used. moto has no such answer."""
    listed = {
        "FunctionName": "locked",
        "FunctionArn": "arn",
        "Runtime": "python3.13",
        "Environment": {"Error": {"ErrorCode": "AccessDeniedException", "Message": "kms"}},
    }
    pages = SimpleNamespace(paginate=lambda **_: [{name: [] for name in ("Aliases", "FunctionUrlConfigs")}])
    first = SimpleNamespace(paginate=lambda **_: [{"Functions": [listed]}])
    events = SimpleNamespace(paginate=lambda **_: [{"FunctionEventInvokeConfigs": []}])
    versions = SimpleNamespace(paginate=lambda **_: [{"Versions": []}])
    by_name = {
        "list_functions": first,
        "list_versions_by_function": versions,
        "list_function_event_invoke_configs": events,
    }
    client = SimpleNamespace(
        can_paginate=lambda _: True,
        get_paginator=lambda name: by_name.get(name, pages),
        get_policy=lambda **_: {"Policy": "{}"},
        check_no_public_access=lambda **_: {"result": "PASS"},
    )
    fake = AwsReader(
        make_client=lambda _: client,
        config=asked_for_all(),
        settings=read_settings({}),
        now=datetime.now(UTC),
        window=timedelta(days=1),
    )
    [found] = read_with("audit_lambda", fake)["functions"]
    assert is_failed(found["variables"])
    assert is_failed(found["secrets"])


def test_a_definition_that_is_not_readable_is_unknown(reader: AwsReader, account: Account, box: Sandbox) -> None:
    from moto.stepfunctions.models import stepfunctions_backends

    arn = make_state_machine(account, "sealed")
    backend = stepfunctions_backends[box.account_id]["us-east-1"]
    backend.describe_state_machine(arn).definition = ""
    assert is_failed(of(reader, "audit_states", "machines")["sealed"]["secrets"])


def test_servers_of_mgn_itself_and_ended_ones_are_not_migrated_servers(reader: AwsReader, account: Account) -> None:
    ec2 = account.client("ec2")
    kept = migrated_instance(account, "kept", server_id="s-0000000000000b001")
    ended = migrated_instance(account, "ended", server_id="s-0000000000000b002")
    ec2.terminate_instances(InstanceIds=[ended])
    helper = migrated_instance(account, "helper", server_id="s-0000000000000b003")
    ec2.delete_tags(Resources=[helper], Tags=[{"Key": "AWSApplicationMigrationServiceSourceServerID"}])
    assert set(of(reader, "instances", "instances")) == {kept}


def test_a_bucket_with_nothing_set(reader: AwsReader, account: Account) -> None:
    s3 = account.client("s3")
    s3.create_bucket(Bucket="bare")
    s3.delete_bucket_encryption(Bucket="bare")
    found = of(reader, "s3", "buckets")["bare"]
    assert found == {
        "name": "bare",
        "versioning": "never enabled",
        "publicAccessBlock": None,
        "encryption": None,
        "policies": [],
        "accessChecks": [],
        "acl": [],
        "ownership": None,
        "accountPublicAccessBlock": None,
    }


def test_all_pages_of_buses_are_read(reader: AwsReader) -> None:
    pages = {None: {"EventBuses": [{"Name": "a"}], "NextToken": "n"}, "n": {"EventBuses": [{"Name": "b"}]}}
    client = SimpleNamespace(
        can_paginate=lambda operation: False,
        list_event_buses=lambda NextToken=None: pages[NextToken],
        describe_event_bus=lambda Name: {"Name": Name, "Arn": Name},
    )
    fake = AwsReader(
        make_client=lambda _: client,
        config=reader.config,
        settings=reader.settings,
        now=reader.now,
        window=reader.window,
    )
    assert [one["name"] for one in read_with("eventbus", fake)["buses"]] == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "member", "kind"),
    [
        ("audit_lambda", "functions", "functions"),
        ("audit_states", "machines", "state_machines"),
        ("audit_sqs", "queues", "queues"),
        ("sns", "topics", "topics"),
        ("eventbus", "buses", "buses"),
        ("s3", "buckets", "buckets"),
    ],
)
def test_a_kind_that_is_not_here_is_not_asked_for(reader: AwsReader, name: str, member: str, kind: str) -> None:
    none = RunbookConfig(resources=Resources(**{kind: Names(include=())}))
    deaf = AwsReader(
        make_client=lambda service: pytest.fail(f"{service} was asked"),
        config=none,
        settings=reader.settings,
        now=reader.now,
        window=reader.window,
    )
    assert read_with(name, deaf)[member] == []
