"""The package's AWS resources in the sandbox, from the same template as in a real account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config

from include.cloudformation.sandbox_deploy import deploy

STACK_NAME = "migration-ops"
# Output of the template, and the setting for it
VARIABLE_OF_OUTPUT = {
    "TableName": "MIGRATION_OPS_TABLE_NAME",
    "EvidenceBucketName": "MIGRATION_OPS_EVIDENCE_BUCKET",
    "EventBusName": "MIGRATION_OPS_EVENT_BUS",
    "LogGroupName": "MIGRATION_OPS_LOG_GROUP",
}


def client(service: str, endpoints: Mapping[str, str]) -> Any:
    """A boto3 client of the sandbox, made only from its variables, without the developer's profile."""
    own_endpoint = endpoints.get(f"AWS_ENDPOINT_URL_{service.upper()}", endpoints["AWS_ENDPOINT_URL"])
    session: Any = boto3.Session(
        aws_access_key_id=endpoints["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=endpoints["AWS_SECRET_ACCESS_KEY"],
        region_name=endpoints["AWS_DEFAULT_REGION"],
    )
    config = Config(proxies={}, retries={"total_max_attempts": 3, "mode": "standard"})
    return session.client(service, endpoint_url=own_endpoint, config=config)


def make(endpoints: Mapping[str, str]) -> dict[str, str]:
    """Deploys the template into a new sandbox; returns the ``MIGRATION_OPS_*`` variables that name its resources."""
    cloudformation = client("cloudformation", endpoints)
    deploy(cloudformation, stack_name=STACK_NAME, client_for=lambda service: client(service, endpoints))
    stack = cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"][0]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
    return {variable: outputs[output] for output, variable in VARIABLE_OF_OUTPUT.items()}
