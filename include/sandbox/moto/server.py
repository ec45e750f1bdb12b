"""moto's server in this process: everything of AWS that moto has, with faults, counted calls and a seeded account."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.core.config import default_user_config
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app

from include.sandbox.call_log import CallLog, with_calls
from include.sandbox.fault_middleware import with_faults
from include.sandbox.faults import FaultBook
from include.sandbox.insights import service as insights
from include.sandbox.mgn.ec2_target import Network
from include.sandbox.moto import (
    access_analyzer,
    alarm_tags,
    change_sets,
    cloudwatch_percentiles,
    cost_explorer,
    dynamodb_encryption,
    dynamodb_exports,
    dynamodb_indexes,
    dynamodb_isolation,
    dynamodb_scan,
    ec2_snapshots,
    ec2_status,
    iam_additions,
    kms_keys,
    lambda_configuration,
    lambda_provisioned,
    lambda_urls,
    log_filters,
    s3_owners,
    s3_policies,
    secret_dates,
    service_quotas,
    ssm_commands,
    ssm_compliance,
    stepfunctions_executions,
    telemetry_limits,
)
from include.sandbox.naming import INTERNAL_AGENT, aws_call_name
from include.sandbox.server import LoopbackServer, QuietHandler

EVIDENCE_BUCKET = "migration-evidence"
# What moto lacks, added to it.
_ADDED = (
    alarm_tags,
    change_sets,
    cloudwatch_percentiles,
    cost_explorer,
    dynamodb_encryption,
    dynamodb_exports,
    dynamodb_indexes,
    dynamodb_isolation,
    dynamodb_scan,
    ec2_snapshots,
    iam_additions,
    kms_keys,
    insights,
    lambda_configuration,
    lambda_provisioned,
    lambda_urls,
    log_filters,
    s3_owners,
    s3_policies,
    secret_dates,
    service_quotas,
    ssm_commands,
    ssm_compliance,
    stepfunctions_executions,
    telemetry_limits,
)


class _Handler(QuietHandler, MotoRequestHandler):
    """Keeps header names with underscores, as moto needs for S3 metadata."""


def account_id() -> str:
    """The account moto answers for: ``MOTO_ACCOUNT_ID``, which moto itself reads on each request."""
    return os.environ.get("MOTO_ACCOUNT_ID", DEFAULT_ACCOUNT_ID)


def serve_moto(book: FaultBook, calls: CallLog, port: int = 0, names: Collection[str] = ()) -> LoopbackServer:
    """moto behind faults and the ledger of calls; not started yet."""
    # Batch would look for Docker.
    default_user_config["batch"] = {"use_docker": False}
    # The 1,300 images of Amazon, each with its snapshot, would be made again at each reset; nothing here looks at one.
    os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    for missing in _ADDED:
        missing.install()
    app: Any = access_analyzer.with_access_analyzer(DomainDispatcherApplication(create_backend_app), account_id)
    watched = with_calls(with_faults(app, book, aws_call_name), calls, aws_call_name)
    return LoopbackServer("moto", watched, port, _Handler, names)


def reset() -> None:
    """Empties moto. Its state is global in a process: all sandboxes of this process share it."""
    moto_api_backend.reset()
    for addition in (ec2_status, access_analyzer, iam_additions, insights, dynamodb_exports):
        addition.forget_all()


def _client(service: str, endpoint_url: str, region: str) -> Any:
    make: Any = boto3.client
    return make(
        service,
        endpoint_url=endpoint_url,
        region_name=region,
        aws_access_key_id="sandbox-seed",
        aws_secret_access_key="sandbox-seed",
        config=Config(user_agent_extra=INTERNAL_AGENT),
    )


def seed_network(endpoint_url: str, region: str) -> Network:
    """A VPC with a subnet for launches and one for staging, a security group, the evidence bucket; no default VPC."""
    ec2, s3 = _client("ec2", endpoint_url, region), _client("s3", endpoint_url, region)
    _remove_default_vpc(ec2)
    vpc = ec2.create_vpc(CidrBlock="10.40.0.0/16", TagSpecifications=_name("vpc", "migration-target"))["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, TagSpecifications=_name("subnet", name))["Subnet"]["SubnetId"]
        for cidr, name in (("10.40.0.0/20", "migration-launch"), ("10.40.16.0/24", "mgn-staging"))
    ]
    group = ec2.create_security_group(GroupName="migration-servers", Description="Migrated servers", VpcId=vpc)
    placement = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket=EVIDENCE_BUCKET, **placement)
    s3.put_bucket_versioning(Bucket=EVIDENCE_BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return Network(vpc, subnets[0], group["GroupId"], subnets[1])


def _name(kind: str, name: str) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": [{"Key": "Name", "Value": name}]}]


def _remove_default_vpc(ec2: Any) -> None:
    """Without it a launch template that names no subnet cannot launch, as in a landing zone."""
    for vpc in ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]:
        of_vpc = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
        for subnet in ec2.describe_subnets(Filters=of_vpc)["Subnets"]:
            ec2.delete_subnet(SubnetId=subnet["SubnetId"])
        attached = [{"Name": "attachment.vpc-id", "Values": [vpc["VpcId"]]}]
        for gateway in ec2.describe_internet_gateways(Filters=attached)["InternetGateways"]:
            ec2.detach_internet_gateway(InternetGatewayId=gateway["InternetGatewayId"], VpcId=vpc["VpcId"])
        with contextlib.suppress(ClientError):
            ec2.delete_vpc(VpcId=vpc["VpcId"])
