"""What is open, unencrypted or readable that should not be; each fault on a resource of its own."""

from __future__ import annotations

import json
from typing import Any

from include.sandbox.estates.account import Account
from include.sandbox.estates.clean.ec2 import migrated_instance
from include.sandbox.estates.clean.lambda_ import make_function
from include.sandbox.estates.clean.logs import write_lines
from include.sandbox.estates.clean.s3 import BLOCKED, make_bucket, put_policy, tls_only
from include.sandbox.estates.clean.sns import make_topic, restrict
from include.sandbox.estates.clean.sqs import make_queue
from include.sandbox.estates.clean.stepfunctions import make_state_machine
from include.sandbox.estates.estate import Expected

# Made up; put together here, so that scanners of this repository find none.
KEY_ID = "AK" + "IA" + "Q3EGTZ7XW5PLM2RN"
FAKE_PASSWORD = "made" + "-up-" + "0815"


def plant(account: Account) -> Expected:
    expected: Expected = {}
    for part in (_functions, _machines, _documents, _logs, _queues, _topics, _buses, _buckets, _instances, _table):
        expected |= part(account)
    return expected


def _functions(account: Account) -> Expected:
    client = account.client("lambda")
    make_function(account, "secret-in-variable", variables={"LOG_LEVEL": "INFO", "CMDB_PASSWORD": FAKE_PASSWORD})
    make_function(account, "aws-key-for-variables", kms_key="")
    make_function(account, "old-runtime", runtime="python3.8")
    make_function(account, "unknown-owner-calls")
    anyone = {"StatementId": "anyone", "Action": "lambda:InvokeFunction", "Principal": "*"}
    client.add_permission(FunctionName="unknown-owner-calls", **anyone)
    make_function(account, "bare-url")
    client.create_function_url_config(FunctionName="bare-url", AuthType="NONE")
    make_function(account, "failures-lost", dead_letters="")
    return {
        "lambda_function_no_secrets_in_variables": {"secret-in-variable"},
        "lambda_function_variables_own_key": {"aws-key-for-variables"},
        "lambda_function_supported_runtime": {"old-runtime"},
        "lambda_function_not_public": {"unknown-owner-calls"},
        "lambda_function_url_signed": {"bare-url"},
        "lambda_function_dead_letters": {"failures-lost"},
    }


def _machines(account: Account) -> Expected:
    login = {"Type": "Pass", "Result": {"user": "cmf", "password": FAKE_PASSWORD}, "End": True}
    make_state_machine(
        account,
        "secret-in-definition",
        definition={"StartAt": "Login", "TimeoutSeconds": 60, "States": {"Login": login}},
    )
    make_state_machine(account, "silent-machine", log_level="OFF")
    return {
        "stepfunctions_machine_no_secrets_in_definition": {"secret-in-definition"},
        "stepfunctions_machine_logging": {"silent-machine"},
    }


def _documents(account: Account) -> Expected:
    run = {"runCommand": [f"export AWS_ACCESS_KEY_ID={KEY_ID}", "systemctl is-active billing"]}
    content = {
        "schemaVersion": "2.2",
        "description": "Checks billing",
        "mainSteps": [{"action": "aws:runShellScript", "name": "check", "inputs": run}],
    }
    account.client("ssm").create_document(Name="check-billing", DocumentType="Command", Content=json.dumps(content))
    return {"ssm_document_no_secrets": {"check-billing"}}


def _logs(account: Account) -> Expected:
    make_function(account, "talkative")
    write_lines(account, "/aws/lambda/talkative", [f"INFO logging in as cmf, password={FAKE_PASSWORD}"], stream="said")
    return {"logs_group_no_secrets": {"/aws/lambda/talkative"}}


def _queues(account: Account) -> Expected:
    sqs = account.client("sqs")
    make_queue(sqs, "plain-queue", SqsManagedSseEnabled="false")
    url = make_queue(sqs, "open-queue")
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = {"Version": "2012-10-17", "Statement": [_everybody("sqs:SendMessage", arn)]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    return {"sqs_queue_encrypted": {"plain-queue"}, "sqs_queue_not_public": {"open-queue"}}


def _topics(account: Account) -> Expected:
    make_topic(account, "plain-topic", key="")
    arn = make_topic(account, "open-topic")
    restrict(account, arn, _everybody("sns:Publish", arn))
    return {"sns_topic_encrypted": {"plain-topic"}, "sns_topic_not_public": {"open-topic"}}


def _buses(account: Account) -> Expected:
    events = account.client("events")
    arn = events.create_event_bus(Name="open-bus")["EventBusArn"]
    policy = {"Version": "2012-10-17", "Statement": [_everybody("events:PutEvents", arn)]}
    events.put_permission(EventBusName="open-bus", Policy=json.dumps(policy))
    return {"eventbridge_bus_not_public": {"open-bus"}}


def _buckets(account: Account) -> Expected:
    s3 = account.client("s3")
    s3.put_bucket_versioning(
        Bucket=make_bucket(account, "overwritten-bucket"), VersioningConfiguration={"Status": "Suspended"}
    )
    s3.delete_public_access_block(Bucket=make_bucket(account, "unblocked-bucket"))
    s3.delete_bucket_encryption(Bucket=make_bucket(account, "plain-bucket"))
    put_policy(account, make_bucket(account, "http-bucket"))
    name = make_bucket(account, "open-bucket")
    # AWS refuses such a policy while the block is on, and keeps one that was there before.
    s3.delete_public_access_block(Bucket=name)
    put_policy(account, name, tls_only(name), _everybody("s3:GetObject", f"arn:aws:s3:::{name}/*"))
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=dict.fromkeys(BLOCKED, True))
    return {
        "s3_bucket_versioned": {"overwritten-bucket"},
        "s3_bucket_public_access_block": {"unblocked-bucket"},
        "s3_bucket_encrypted": {"plain-bucket"},
        "s3_bucket_tls_only": {"http-bucket"},
        "s3_bucket_not_public": {"open-bucket"},
    }


def _instances(account: Account) -> Expected:
    return {
        "ec2_migrated_instance_imdsv2": {
            migrated_instance(account, "old-metadata", server_id="s-0000000000000a001", tokens="optional")
        },
        "ec2_migrated_instance_public_address": {
            migrated_instance(account, "on-the-internet", server_id="s-0000000000000a002", public_address=True)
        },
        "ec2_migrated_instance_patched": {
            migrated_instance(
                account, "unpatched", server_id="s-0000000000000a004", missing_patches=("MEDIUM", "CRITICAL")
            )
        },
        "ec2_migrated_instance_profile": {
            migrated_instance(account, "without-role", server_id="s-0000000000000a003", profile=None)
        },
    }


def _table(account: Account) -> Expected:
    """There is one ledger: all three faults are its."""
    dynamodb = account.client("dynamodb")
    name = account.settings["MIGRATION_OPS_TABLE_NAME"]
    dynamodb.update_continuous_backups(
        TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}
    )
    dynamodb.update_table(TableName=name, SSESpecification={"Enabled": False}, DeletionProtectionEnabled=False)
    return {
        "dynamodb_ledger_recovery": {name},
        "dynamodb_ledger_deletion_protection": {name},
        "dynamodb_ledger_encrypted": {name},
    }


def _everybody(action: str, resource: str) -> dict[str, Any]:
    return {"Sid": "Anyone", "Effect": "Allow", "Principal": "*", "Action": action, "Resource": resource}
