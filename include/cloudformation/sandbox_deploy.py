"""Deploys ``migration-ops.yaml`` where CloudFormation is moto's, and makes up for what moto leaves out.

moto 5.2 has no bucket, bus, queue and topic policies and no alarms, and ignores some properties (``GAPS``). What its
services' own APIs can do is set through them when ``client_for`` is given, with the values of the template, so that
audits see it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from botocore.exceptions import ClientError

TEMPLATE = Path(__file__).with_name("migration-ops.yaml")

# Properties that moto accepts and ignores, measured with moto 5.2.5 (README.md).
GAPS = {
    "LedgerTable": ("PointInTimeRecoverySpecification", "TimeToLiveSpecification", "SSESpecification"),
    "EvidenceBucket": (
        "VersioningConfiguration",
        "OwnershipControls",
        "PublicAccessBlockConfiguration",
        "LifecycleConfiguration",
    ),
    "TopicKey": ("EnableKeyRotation",),
    "DataKey": ("EnableKeyRotation",),
    # Cannot be filled: moto knows no AssociateKmsKey.
    "OperationsLogGroup": ("KmsKeyId",),
}


def deploy(
    cloudformation: Any,
    template_path: Path = TEMPLATE,
    stack_name: str = "migration-ops",
    parameters: dict[str, str] | None = None,
    client_for: Callable[[str], Any] | None = None,
    *,
    with_alarm: bool = False,
) -> list[str]:
    """Creates the stack, or does nothing when it exists.

    :param client_for: a boto3 client by service name; with it the gaps are filled.
    :param with_alarm: also make the alarm. moto evaluates none (``include/sandbox/moto/alarm_states.py`` does), so
        elsewhere it would only stand there.
    :return: logical ids of the resources that moto did not create, and ``Resource.Property`` for ignored properties,
        whether or not they were filled.
    """
    if not _exists(cloudformation, stack_name):
        cloudformation.create_stack(
            StackName=stack_name,
            TemplateBody=template_path.read_text(encoding="utf-8"),
            Parameters=[{"ParameterKey": key, "ParameterValue": one} for key, one in (parameters or {}).items()],
        )
    resources = _resources(cloudformation, stack_name)
    if client_for is not None:
        key = f"{_key_arns(cloudformation, stack_name)}:key/{resources['DataKey']}"
        _fill_table(client_for("dynamodb"), resources["LedgerTable"], key)
        _fill_bucket(client_for("s3"), resources["EvidenceBucket"])
        _fill_policies(client_for, resources)
        for name in ("TopicKey", "DataKey"):
            client_for("kms").enable_key_rotation(KeyId=resources[name])
        if with_alarm:
            template = json_template(cloudformation, stack_name)
            _fill_alarm(client_for("cloudwatch"), template, resources, parameters or {})
    missing = [name for name, physical in resources.items() if not physical]
    return missing + [f"{name}.{one}" for name, ignored in GAPS.items() for one in ignored]


def _exists(cloudformation: Any, stack_name: str) -> bool:
    try:
        cloudformation.describe_stacks(StackName=stack_name)
    except ClientError as error:
        if "does not exist" in str(error):
            return False
        raise
    return True


def _resources(cloudformation: Any, stack_name: str) -> dict[str, str]:
    """Physical id by logical id; empty for what moto did not create."""
    wanted = json_template(cloudformation, stack_name)["Resources"]
    listed = cloudformation.list_stack_resources(StackName=stack_name)["StackResourceSummaries"]
    created = {one["LogicalResourceId"]: one.get("PhysicalResourceId", "") for one in listed if one.get("ResourceType")}
    # moto lists buses without an id.
    return {name: created.get(name, "") or (name if name == "MigrationBus" else "") for name in wanted}


def json_template(cloudformation: Any, stack_name: str) -> dict[str, Any]:
    """The stack's template with CloudFormation's short tags kept as mappings."""
    body = cloudformation.get_template(StackName=stack_name)["TemplateBody"]
    return body if isinstance(body, dict) else load_template(body)


def load_template(text: str) -> dict[str, Any]:
    """A template in YAML: ``!Ref X`` becomes ``{"Ref": "X"}``, ``!Sub x`` ``{"Fn::Sub": "x"}``."""

    class Loader(yaml.SafeLoader):
        """Knows CloudFormation's tags."""

    def tagged(loader: Any, suffix: str, node: Any) -> dict[str, Any]:
        name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
        if isinstance(node, yaml.ScalarNode):
            value: Any = loader.construct_scalar(node)
            return {name: value.split(".", 1) if suffix == "GetAtt" else value}
        if isinstance(node, yaml.SequenceNode):
            return {name: loader.construct_sequence(node, deep=True)}
        return {name: loader.construct_mapping(node, deep=True)}

    Loader.add_multi_constructor("!", tagged)
    loaded: dict[str, Any] = yaml.load(text, Loader=Loader)  # noqa: S506 - a SafeLoader
    return loaded


def _key_arns(cloudformation: Any, stack_name: str) -> str:
    """What ARNs of keys begin with, in this account and Region. moto's DescribeKey fails on keys made by a stack."""
    stack = cloudformation.describe_stacks(StackName=stack_name)["Stacks"][0]["StackId"]
    return ":".join(stack.replace(":cloudformation:", ":kms:").split(":")[:5])


def _fill_table(dynamodb: Any, table: str, key: str) -> None:
    # moto alone ignores it; the sandbox does not (dynamodb_encryption.py).
    encryption = {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}
    dynamodb.update_table(TableName=table, SSESpecification=encryption)
    dynamodb.update_continuous_backups(
        TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    described = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    if described.get("TimeToLiveStatus") != "ENABLED":
        dynamodb.update_time_to_live(
            TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expiresAt"}
        )


def _fill_bucket(s3: Any, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    names = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=dict.fromkeys(names, True))
    s3.put_bucket_ownership_controls(
        Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    )
    old_versions = {
        "ID": "old-versions",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 365},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
    }
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [old_versions]})
    # moto alone would refuse every object now; the sandbox looks at the condition (s3_policies.py).
    arn = f"arn:aws:s3:::{bucket}"
    versions_stay = {
        "Sid": "VersionsStay",
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["s3:BypassGovernanceRetention", "s3:DeleteObjectVersion"],
        "Resource": f"{arn}/*",
    }
    s3.put_bucket_policy(Bucket=bucket, Policy=_policy(_tls_only("s3:*", [arn, f"{arn}/*"]), versions_stay))


def _fill_alarm(
    cloudwatch: Any, template: dict[str, Any], resources: dict[str, str], parameters: dict[str, str]
) -> None:
    """moto's CloudFormation makes no alarms; the template's properties are those of PutMetricAlarm."""
    given = {name: one.get("Default") for name, one in template["Parameters"].items()} | parameters | resources

    def resolved(value: Any) -> Any:
        if isinstance(value, list):
            return [resolved(one) for one in value]
        return given[value["Ref"]] if isinstance(value, dict) and set(value) == {"Ref"} else value

    properties = template["Resources"]["HeartbeatAlarm"]["Properties"]
    cloudwatch.put_metric_alarm(**{name: resolved(value) for name, value in properties.items()})


def _fill_policies(client_for: Callable[[str], Any], resources: dict[str, str]) -> None:
    sqs, sns = client_for("sqs"), client_for("sns")
    rule = _fill_bus(client_for("events"), resources["MigrationRequestedRule"])
    for name in ("RequestQueue", "RequestDeadLetterQueue"):
        url = sqs.get_queue_url(QueueName=resources[name].rsplit("/", 1)[-1])["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        rules = _publishers(["events.amazonaws.com"], "sqs:SendMessage", arn, arn.split(":")[4])
        rules["Condition"]["ArnEquals"] = {"aws:SourceArn": rule}
        policy = _policy(rules, _tls_only("sqs:*", [arn]))
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    for name in ("OnCallTopic", "WarningsTopic"):
        arn = resources[name]
        services = ["events.amazonaws.com", "cloudwatch.amazonaws.com"]
        policy = _policy(_publishers(services, "sns:Publish", arn, arn.split(":")[4]), _tls_only("sns:Publish", [arn]))
        sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=policy)


def _fill_bus(events: Any, rule_name: str) -> str:
    """The bus on which the rule is gets its policy; the rule's ARN."""
    buses = (one["Name"] for one in events.list_event_buses()["EventBuses"] if one["Name"] != "default")
    rules = (one for bus in buses for one in events.list_rules(EventBusName=bus)["Rules"])
    rule = next(one for one in rules if one["Name"] == rule_name)
    bus_arn = rule["Arn"].replace(":rule/", ":event-bus/").removesuffix(f"/{rule_name}")
    account = bus_arn.split(":")[4]
    publishers_only = {
        "Sid": "PublishersOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "events:PutEvents",
        "Resource": bus_arn,
        "Condition": {
            "StringEquals": {"events:source": "migration-ops"},
            "ArnNotLike": {"aws:PrincipalArn": f"arn:aws:iam::{account}:*"},
        },
    }
    events.put_permission(EventBusName=rule["EventBusName"], Policy=_policy(publishers_only))
    return str(rule["Arn"])


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def _tls_only(action: str, resources: list[str]) -> dict[str, Any]:
    return {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": resources,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def _publishers(services: list[str], action: str, arn: str, account: str) -> dict[str, Any]:
    return {
        "Sid": "Publishers",
        "Effect": "Allow",
        "Principal": {"Service": services},
        "Action": action,
        "Resource": arn,
        "Condition": {"StringEquals": {"aws:SourceAccount": account}},
    }
