"""The EC2 side of a launch: real instances and launch templates in moto, through boto3."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from include.sandbox.mgn.estate import Job, Machine, Server
from include.sandbox.moto import ec2_status, ssm_nodes
from include.sandbox.naming import INTERNAL_AGENT

# Any of moto's stock images: the real service registers one image per launch and removes it again.
CONVERTED_IMAGE_ID = "ami-0abcdef1234567890"
_WINDOWS_BOOT = (240.0, 420.0)
_LINUX_BOOT = (60.0, 120.0)


@dataclass(frozen=True)
class Network:
    """Where launches go by default."""

    vpc_id: str
    subnet_id: str
    security_group_id: str
    staging_subnet_id: str


# What a launch template leaves open is the account's own (ModifyInstanceMetadataDefaults): it asks for tokens here.
METADATA_DEFAULTS = {"HttpTokens": "required"}


class LaunchRefused(Exception):
    """The launch template does not allow a launch; the text goes into the job log."""


def boot_seconds_range(machine: Machine) -> tuple[float, float]:
    return _WINDOWS_BOOT if machine.is_windows else _LINUX_BOOT


class Ec2Target:
    """Creates and removes what launches create."""

    def __init__(self, endpoint_url: str, region: str) -> None:
        self._region = region
        self._client = boto3.client(
            "ec2",
            endpoint_url=endpoint_url,
            region_name=region,
            aws_access_key_id="sandbox-mgn",
            aws_secret_access_key="sandbox-mgn",
            config=Config(user_agent_extra=INTERNAL_AGENT, retries={"total_max_attempts": 2, "mode": "standard"}),
        )

    def create_launch_template(self, server_id: str, machine: Machine, network: Network) -> str:
        """The server's EC2 launch template, version 1 is the default; returns its id."""
        answer = self._client.create_launch_template(
            LaunchTemplateName=f"created-and-used-by-application-migration-service-{server_id}",
            LaunchTemplateData={
                "InstanceType": machine.recommended_instance_type,
                "NetworkInterfaces": [
                    {
                        "DeviceIndex": 0,
                        "SubnetId": network.subnet_id,
                        "Groups": [network.security_group_id],
                        "DeleteOnTermination": True,
                    }
                ],
                "TagSpecifications": [
                    {"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": machine.hostname}]}
                ],
            },
        )
        return str(answer["LaunchTemplate"]["LaunchTemplateId"])

    def register_node(self, server_id: str, machine: Machine, account_id: str, clock: Callable[[], float]) -> None:
        """The SSM agent of a source server.

        :param clock: epoch seconds.
        """
        node = ssm_nodes.Node(
            ssm_nodes.node_id_of(server_id),
            machine.hostname if machine.is_windows else machine.fqdn,
            machine.private_ip,
            "Windows" if machine.is_windows else "Linux",
            now=clock,
        )
        ssm_nodes.add_node(node, account_id, self._region)

    def launch(self, server: Server, job: Job) -> str:
        """One instance from the template's default version; returns its id.

        :raises LaunchRefused: the template names no subnet (this account has no default VPC).
        :raises ClientError: EC2 refused.
        """
        template_id = server.launch_configuration["ec2LaunchTemplateID"]
        versions = self._client.describe_launch_template_versions(LaunchTemplateId=template_id, Versions=["$Default"])
        data = versions["LaunchTemplateVersions"][0]["LaunchTemplateData"]
        interface = (data.get("NetworkInterfaces") or [{}])[0]
        if not interface.get("SubnetId") and not interface.get("NetworkInterfaceId"):
            raise LaunchRefused(
                "VPCIdNotSpecified: No default VPC for this user. GroupName is only supported for EC2-Classic"
            )
        request: dict[str, Any] = {
            "ImageId": CONVERTED_IMAGE_ID,
            "MinCount": 1,
            "MaxCount": 1,
            "InstanceType": self._instance_type(server, data),
            "TagSpecifications": [{"ResourceType": "instance", "Tags": _tags(server, job, data)}],
            "MetadataOptions": data.get("MetadataOptions") or METADATA_DEFAULTS,
        }
        if interface.get("NetworkInterfaceId"):
            given = {"DeviceIndex": 0, "NetworkInterfaceId": interface["NetworkInterfaceId"]}
            request["NetworkInterfaces"] = [given]
        else:
            request["SubnetId"] = interface["SubnetId"]
        if interface.get("Groups"):
            self._require_one_vpc(interface)
            request["SecurityGroupIds"] = interface["Groups"]
        if data.get("DisableApiTermination"):
            request["DisableApiTermination"] = True
        instance_id = str(self._client.run_instances(**request)["Instances"][0]["InstanceId"])
        if server.launch_configuration.get("launchDisposition") == "STOPPED":
            self._client.stop_instances(InstanceIds=[instance_id])
        return instance_id

    def _require_one_vpc(self, interface: dict[str, Any]) -> None:
        """moto takes groups of another VPC; EC2 does not."""
        subnet = self._client.describe_subnets(SubnetIds=[interface["SubnetId"]])["Subnets"][0]
        groups = self._client.describe_security_groups(GroupIds=interface["Groups"])["SecurityGroups"]
        if any(one["VpcId"] != subnet["VpcId"] for one in groups):
            raise LaunchRefused("InvalidParameter: Security group and subnet belong to different networks.")

    @staticmethod
    def _instance_type(server: Server, data: dict[str, Any]) -> str:
        recommended = server.machine.recommended_instance_type
        if server.launch_configuration.get("targetInstanceTypeRightSizingMethod") == "BASIC":
            return recommended
        return str(data.get("InstanceType") or recommended)

    def terminate(self, instance_id: str) -> None:
        """:raises ClientError: EC2 refused, for example termination protection."""
        self._client.terminate_instances(InstanceIds=[instance_id])

    def follow_boot(self, instance_id: str, now: Callable[[], float], boots_at: float, fails: bool) -> None:
        """From now on EC2's status checks of the instance follow its boot (simulated seconds)."""
        ec2_status.register(instance_id, ec2_status.BootRecord(now, boots_at, fails))


def _tags(server: Server, job: Job, template: dict[str, Any]) -> list[dict[str, str]]:
    tags: dict[str, str] = {}
    if server.launch_configuration.get("copyTags"):
        tags.update({key: value for key, value in server.tags.items() if not key.startswith("aws:")})
    for listed in template.get("TagSpecifications", []):
        if listed.get("ResourceType") == "instance":
            tags.update({tag["Key"]: tag["Value"] for tag in listed.get("Tags", [])})
    tags.setdefault("Name", server.machine.hostname)
    tags |= {
        "AWSApplicationMigrationServiceManaged": "mgn.amazonaws.com",
        "AWSApplicationMigrationServiceSourceServerID": server.server_id,
        "mgn.amazonaws.com-job": job.job_id,
        "mgn.amazonaws.com-source-server": server.server_id,
    }
    return [{"Key": key, "Value": value} for key, value in tags.items()]
