"""Preflight of what a launch needs: launch configuration, EC2 launch template, and all that it names in EC2 and IAM."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.errors import ClientError, attempt
from migration_ops.aws.mgn.servers import ServerView
from migration_ops.core.batches import side_by_side
from migration_ops.core.errors import MigrationError
from migration_ops.core.verdict import GateResult, Verdict
from migration_ops.wave.plan.plan import WavePlan
from migration_ops.wave.preflight.facts import Facts, known
from migration_ops.wave.preflight.launch_account import read_account
from migration_ops.wave.rules.launch_setup import LaunchSetup, judge_launch_setups
from migration_ops.wave.services import Services

_PARALLEL_READS = 8
_NO_SUCH_TEMPLATE = frozenset({"InvalidLaunchTemplateId.NotFound", "InvalidLaunchTemplateId.NotFoundException"})


def templates(services: Services, plan: WavePlan, facts: Facts) -> list[GateResult]:
    """EC2 would take the launch of each server as its launch template's default version asks for it.

    MGN uses the version marked default. Without a subnet a launch works only where there is a default VPC, which
    fails in most landing zones; so a subnet must be named, or an interface that has one.
    """
    views = known(facts.views)
    servers = [server for server in plan.server_ids if server in views]
    configurations = _launch_configurations(services, servers)
    wanted = {
        c["ec2LaunchTemplateID"]
        for c in configurations.values()
        if isinstance(c, dict) and c.get("ec2LaunchTemplateID")
    }
    versions = attempt(lambda: _default_versions(services.client("ec2"), wanted))
    refused: list[GateResult] = []
    setups: list[LaunchSetup] = []
    for server in servers:
        one = _setup_of(server, configurations[server], versions, views[server])
        (setups if isinstance(one, LaunchSetup) else refused).append(one)  # type: ignore[arg-type]
    return refused + judge_launch_setups(setups, read_account(services, setups))


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


def _setup_of(
    server: str,
    configuration: dict[str, Any] | MigrationError,
    versions: dict[str, dict[str, Any]] | MigrationError,
    view: ServerView,
) -> LaunchSetup | GateResult:
    if isinstance(configuration, MigrationError):
        return GateResult("launch template", server, Verdict.UNKNOWN, reason=str(configuration))
    template = configuration.get("ec2LaunchTemplateID")
    if not template:
        return GateResult(
            "launch template", server, Verdict.BLOCKED, reason="the launch configuration names no template"
        )
    if isinstance(versions, MigrationError):
        return GateResult("launch template", server, Verdict.UNKNOWN, template, reason=str(versions))
    data = versions.get(template)
    if data is None:
        return GateResult("launch template", server, Verdict.BLOCKED, template, reason=f"EC2 does not know {template}")
    return LaunchSetup(
        server,
        template,
        data,
        copied_ip=(view.primary_ip or "") if configuration.get("copyPrivateIp") else None,
        replaced_instance=view.launched_instance_id,
        # With BASIC and IN_AWS MGN chooses the type by the source's size.
        names_type=configuration.get("targetInstanceTypeRightSizingMethod") in (None, "NONE"),
    )
