"""A server that was migrated: tags as MGN sets them, IMDSv2 only, no public address, a role of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from include.sandbox.estates.account import Account
from include.sandbox.estates.clean.iam import service_role
from include.sandbox.mgn.ec2_target import CONVERTED_IMAGE_ID

PROFILE = "migrated-instance"
SERVER_ID = "s-00000000000000c1e"


def seed(account: Account) -> None:
    migrated_instance(account, "billing-web01", server_id=SERVER_ID)


def migrated_instance(
    account: Account,
    name: str,
    *,
    server_id: str,
    tokens: str = "required",
    public_address: bool = False,
    profile: str | None = PROFILE,
    tags: dict[str, str] | None = None,
    missing_patches: Sequence[str] = (),
    **more: Any,
) -> str:
    """
    An instance as MGN launches it; its id.

    :param server_id: of the source server, ``s-`` and 17 characters.
    :param tokens: ``required`` is IMDSv2 only, ``optional`` is what a launch template without options leads to.
    :param profile: name of the instance profile, made when it is not there; None for none.
    :param missing_patches: severity of each patch that is not on it.
    :param more: further members of RunInstances.
    """
    ec2 = account.client("ec2")
    subnet = ec2.describe_subnets(Filters=[{"Name": "tag:Name", "Values": ["migration-launch"]}])["Subnets"][0]
    interface = {
        "DeviceIndex": 0,
        "SubnetId": subnet["SubnetId"],
        "Groups": [_group(ec2, subnet["VpcId"])],
        "AssociatePublicIpAddress": public_address,
        "DeleteOnTermination": True,
    }
    all_tags = {"Name": name, "wave": "wave-1", **mgn_tags(server_id), **(tags or {})}
    listed = [{"Key": key, "Value": value} for key, value in all_tags.items()]
    request: dict[str, Any] = {
        "ImageId": CONVERTED_IMAGE_ID,
        "MinCount": 1,
        "MaxCount": 1,
        "InstanceType": "t3.medium",
        "NetworkInterfaces": [interface],
        "MetadataOptions": {"HttpTokens": tokens, "HttpEndpoint": "enabled"},
        "TagSpecifications": [{"ResourceType": kind, "Tags": listed} for kind in ("instance", "volume")],
    }
    if profile:
        request["IamInstanceProfile"] = {"Name": _profile(account, profile)}
    found: str = ec2.run_instances(**request | more)["Instances"][0]["InstanceId"]
    put_patches(account, found, missing=missing_patches)
    return found


def put_patches(account: Account, instance_id: str, *, missing: Sequence[str] = (), days_ago: float = 2) -> None:
    """What Patch Manager found on an instance; one patch is there. :param missing: severity of each that is not."""
    states = [("HIGH", "COMPLIANT"), *((severity, "NON_COMPLIANT") for severity in missing)]
    account.client("ssm").put_compliance_items(
        ResourceId=instance_id,
        ResourceType="ManagedInstance",
        ComplianceType="Patch",
        ExecutionSummary={"ExecutionTime": account.now - timedelta(days=days_ago)},
        Items=[
            {"Id": f"KB{number}", "Severity": severity, "Status": status}
            for number, (severity, status) in enumerate(states)
        ],
    )


def mgn_tags(server_id: str) -> dict[str, str]:
    return {
        "AWSApplicationMigrationServiceManaged": "mgn.amazonaws.com",
        "AWSApplicationMigrationServiceSourceServerID": server_id,
        "mgn.amazonaws.com-source-server": server_id,
    }


def _group(ec2: Any, vpc: str) -> str:
    of_vpc = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["migration-servers"]}]
    found: str = ec2.describe_security_groups(Filters=of_vpc)["SecurityGroups"][0]["GroupId"]
    return found


def _profile(account: Account, name: str) -> str:
    iam = account.client("iam")
    if name not in {one["InstanceProfileName"] for one in iam.list_instance_profiles()["InstanceProfiles"]}:
        service_role(account, f"{name}-role", "ec2.amazonaws.com")
        iam.create_instance_profile(InstanceProfileName=name)
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=f"{name}-role")
    return name
