"""Three Lambda functions that work, with what such a function should have: role, key, dead letters, tags, log group."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

from include.sandbox.estates.account import Account
from include.sandbox.estates.clean.logs import make_log_group, report_line, write_lines
from include.sandbox.estates.clean.sqs import make_queue

NAMES = ("validate-input", "verify-migration", "finalize-cutover")
SUPPORTED_RUNTIME = "python3.13"
KEY_ALIAS = "alias/migration-functions"
DEAD_LETTERS = "functions-dlq"


def seed(account: Account) -> None:
    for name in NAMES:
        make_function(account, name)


def make_function(
    account: Account,
    name: str,
    *,
    runtime: str = SUPPORTED_RUNTIME,
    role: str | None = None,
    kms_key: str | None = None,
    variables: Mapping[str, str] | None = None,
    dead_letters: str | None = None,
    tags: Mapping[str, str] | None = None,
    log_group: bool = True,
    invocations: Sequence[float] = (40, 44),
    errors: Sequence[float] = (0, 0),
    throttles: Sequence[float] = (0, 0),
    durations_ms: Sequence[float] = (640, 820),
    used_mb: int | None = None,
    **more: Any,
) -> str:
    """
    A function and the data points of its metrics; its ARN. What exists already stays.

    :param role: ARN; default a role of its own that may do what the function needs, and nothing else.
    :param kms_key: ARN of the key of its variables; default one with rotation. Empty: AWS's own key.
    :param dead_letters: ARN of queue or topic; default an encrypted queue. Empty: none.
    :param invocations: values of the metric, five minutes apart, oldest first; empty: never invoked.
    :param used_mb: of its memory, in the REPORT line of an invocation; default a good half.
    :param more: further members of CreateFunction.
    """
    target = _queue_arn(account) if dead_letters is None else dead_letters
    key = function_key(account) if kms_key is None else kms_key
    request: dict[str, Any] = {
        "FunctionName": name,
        "Runtime": runtime,
        "Role": role or execution_role(account, f"{name}-role", statements=_statements(account, name, key, target)),
        "Handler": "index.handler",
        "Code": {"ZipFile": code()},
        "Timeout": 60,
        "MemorySize": 256,
        "Environment": {"Variables": dict(variables or {"LOG_LEVEL": "INFO", "TABLE_NAME": "migration-state"})},
        "Tags": dict(tags or {"Application": "migration", "wave": "shared"}),
    }
    request |= {"KMSKeyArn": key} if key else {}
    request |= {"DeadLetterConfig": {"TargetArn": target}} if target else {}
    client = account.client("lambda")
    with contextlib.suppress(client.exceptions.ResourceConflictException):
        client.create_function(**request | more)
    if log_group:
        make_log_group(account, f"/aws/lambda/{name}")
        if invocations:
            size_mb = (request | more)["MemorySize"]
            write_lines(account, f"/aws/lambda/{name}", [report_line(size_mb, used_mb or size_mb * 55 // 100)])
    measured = {"Invocations": invocations, "Errors": errors, "Throttles": throttles}
    measured |= {"Duration": durations_ms} if invocations else {}
    for metric, values in measured.items():
        if values:
            account.metric("AWS/Lambda", metric, {"FunctionName": name}, *values)
    arn: str = client.get_function_configuration(FunctionName=name)["FunctionArn"]
    return arn


def execution_role(
    account: Account,
    name: str,
    *,
    service: str = "lambda.amazonaws.com",
    statements: Sequence[Mapping[str, Any]] = (),
) -> str:
    """A role that only this account's resources of the service can take on, with these rights inline; its ARN."""
    iam = account.client("iam")
    owner = account_id(account)
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": owner}},
    }
    with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust))
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="own-work", PolicyDocument=policy(*statements))
    return f"arn:aws:iam::{owner}:role/{name}"


def policy(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def function_key(account: Account) -> str:
    """The customer-managed key of the functions' variables, with rotation; its ARN."""
    kms = account.client("kms")
    with contextlib.suppress(kms.exceptions.NotFoundException):
        found: str = kms.describe_key(KeyId=KEY_ALIAS)["KeyMetadata"]["Arn"]
        return found
    made: str = kms.create_key(Description="Variables of the migration's functions")["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName=KEY_ALIAS, TargetKeyId=made)
    kms.enable_key_rotation(KeyId=made)
    return made


def account_id(account: Account) -> str:
    found: str = account.client("sts").get_caller_identity()["Account"]
    return found


def code() -> bytes:
    """A package with one file."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", "def handler(event, context):\n    return event\n")
    return packed.getvalue()


def _queue_arn(account: Account) -> str:
    sqs = account.client("sqs")
    url = make_queue(sqs, DEAD_LETTERS)
    arn: str = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return arn


def _statements(account: Account, name: str, key: str, target: str) -> list[dict[str, Any]]:
    """Least privilege: its log group, its key, its dead letters."""
    region = account.client("logs").meta.region_name
    group = f"arn:aws:logs:{region}:{account_id(account)}:log-group:/aws/lambda/{name}:*"
    allowed = [(["logs:CreateLogStream", "logs:PutLogEvents"], group), (["kms:Decrypt"], key)]
    allowed.append((["sns:Publish" if ":sns:" in target else "sqs:SendMessage"], target))
    return [{"Effect": "Allow", "Action": actions, "Resource": arn} for actions, arn in allowed if arn]
