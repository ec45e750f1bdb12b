"""Preflight of what a launch needs: launch configuration, EC2 launch template, subnet and security groups."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from migration_ops.aws.errors import ClientError
from migration_ops.core.batches import side_by_side
from migration_ops.core.errors import MigrationError
from migration_ops.core.verdict import GateResult, Verdict
from migration_ops.wave.plan.plan import WavePlan
from migration_ops.wave.preflight.facts import Facts, known
from migration_ops.wave.services import Services

_PARALLEL_READS = 8
_NO_SUCH_TEMPLATE = frozenset({"InvalidLaunchTemplateId.NotFound", "InvalidLaunchTemplateId.NotFoundException"})


@dataclass
class Network:
    """Subnets and security groups named by launch templates, and the servers that need them."""

    subnets: dict[str, list[str]] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)


def templates(services: Services, plan: WavePlan, facts: Facts) -> list[GateResult]:
    """Each server has a launch configuration whose EC2 launch template's default version names a subnet that exists.

    MGN uses the version marked default. Without a subnet a launch works only where there is a default VPC, which
    fails in most landing zones; so it must be named.
    """
    servers = [server for server in plan.server_ids if server in known(facts.views)]
    configurations = _launch_configurations(services, servers)
    wanted = {
        c["ec2LaunchTemplateID"]
        for c in configurations.values()
        if isinstance(c, dict) and c.get("ec2LaunchTemplateID")
    }
    versions = _default_versions(services.client("ec2"), wanted)
    network = Network()
    checks = [_template_check(server, configurations[server], versions, network) for server in servers]
    return checks + _network_checks(services.client("ec2"), network)


def _launch_configurations(services: Services, servers: list[str]) -> dict[str, dict[str, Any] | MigrationError]:
    """GetLaunchConfiguration has no form for many servers: one call each, a few at a time."""

    def read(server: str) -> dict[str, Any] | MigrationError:
        try:
            return services.mgn.launch_configuration(server)
        except MigrationError as error:
            return error

    # Clients are built lazily and building is not thread-safe: the first read builds it before the others share it.
    first = {server: read(server) for server in servers[:1]}
    return first | dict(zip(servers[1:], side_by_side(servers[1:], read, _PARALLEL_READS), strict=True))


def _default_versions(ec2: Any, template_ids: set[str]) -> dict[str, dict[str, Any]]:
    """LaunchTemplateData of the default version by template id; a template that does not exist is absent."""
    if not template_ids:
        return {}
    listed = ec2.get_paginator("describe_launch_template_versions")
    pages = listed.paginate(Versions=["$Default"], PaginationConfig={"PageSize": 200})
    found = {
        one["LaunchTemplateId"]: one["LaunchTemplateData"] for page in pages for one in page["LaunchTemplateVersions"]
    }
    # moto may leave templates out without a NextToken: what is missing here is asked for by its id.
    for template in sorted(template_ids - set(found)):
        found |= _one_default_version(ec2, template)
    return {template: data for template, data in found.items() if template in template_ids}


def _one_default_version(ec2: Any, template_id: str) -> dict[str, dict[str, Any]]:
    try:
        answer = ec2.describe_launch_template_versions(LaunchTemplateId=template_id, Versions=["$Default"])
    except ClientError as error:
        if error.response["Error"]["Code"] in _NO_SUCH_TEMPLATE:
            return {}
        raise
    return {one["LaunchTemplateId"]: one["LaunchTemplateData"] for one in answer["LaunchTemplateVersions"]}


def _template_check(
    server: str, configuration: dict[str, Any] | MigrationError, versions: dict[str, dict[str, Any]], network: Network
) -> GateResult:
    if isinstance(configuration, MigrationError):
        return GateResult("launch template", server, Verdict.UNKNOWN, reason=str(configuration))
    template = configuration.get("ec2LaunchTemplateID")
    if not template:
        return GateResult(
            "launch template", server, Verdict.BLOCKED, reason="the launch configuration names no template"
        )
    data = versions.get(template)
    if data is None:
        return GateResult("launch template", server, Verdict.BLOCKED, template, reason=f"EC2 does not know {template}")
    interfaces = data.get("NetworkInterfaces") or []
    subnet = next((one["SubnetId"] for one in interfaces if one.get("SubnetId")), None)
    if not subnet:
        reason = f"the default version of {template} names no subnet"
        return GateResult("launch template", server, Verdict.BLOCKED, template, reason=reason)
    network.subnets.setdefault(subnet, []).append(server)
    groups = {group for one in interfaces for group in one.get("Groups") or []} | set(
        data.get("SecurityGroupIds") or []
    )
    for group in groups:
        network.groups.setdefault(group, []).append(server)
    return GateResult("launch template", server, Verdict.OK, {"template": template, "subnet": subnet})


def _network_checks(ec2: Any, network: Network) -> list[GateResult]:
    checks = []
    for name, wanted, operation, key, id_key in (
        ("subnet", network.subnets, "describe_subnets", "Subnets", "SubnetId"),
        ("security group", network.groups, "describe_security_groups", "SecurityGroups", "GroupId"),
    ):
        if not wanted:
            continue
        filters = [{"Name": "subnet-id" if name == "subnet" else "group-id", "Values": sorted(wanted)}]
        pages = ec2.get_paginator(operation).paginate(Filters=filters)
        found = {one[id_key] for page in pages for one in page[key]}
        for one, servers in sorted(wanted.items()):
            reason = "" if one in found else f"{one} does not exist; needed by {', '.join(servers[:5])}"
            checks.append(GateResult(name, one, Verdict.OK if one in found else Verdict.BLOCKED, reason=reason))
    return checks
