"""Links from a task to the AWS console, stored when the task runs; they need no plugin registration.

Airflow keeps a link as its name and the XCom key under which the task left the whole URL.
"""

from __future__ import annotations

from typing import Any

from airflow.providers.amazon.aws.links.base_aws import BASE_AWS_CONSOLE_LINK, BaseAwsLink
from airflow.providers.amazon.aws.links.ec2 import EC2InstanceDashboardLink, EC2InstanceLink
from airflow.sdk import BaseOperator, Context

from migration_ops.aws.mgn.hook import MgnHook
from migration_ops.wave.waits.outcome import Done, Outcome, Topic

# A server's or job's own page is the list's path and its id, as in the console of Elastic Disaster Recovery.
MGN_CONSOLE = BASE_AWS_CONSOLE_LINK + "/mgn/home?region={region_name}#"

__all__ = ["EC2InstanceLink", "MgnJobLink", "MgnSourceServerLink", "MgnSourceServersLink"]


class MgnSourceServerLink(BaseAwsLink):
    """Helper class for constructing a link to one MGN source server; persist with ``source_server_id``."""

    name = "MGN Source Server"
    key = "_mgn_source_server"
    format_str = MGN_CONSOLE + "/sourceServers/{source_server_id}"


class MgnSourceServersLink(BaseAwsLink):
    """Helper class for constructing a link to the list of MGN source servers."""

    name = "MGN Source Servers"
    key = "_mgn_source_servers"
    format_str = MGN_CONSOLE + "/sourceServers"


class MgnJobLink(BaseAwsLink):
    """Helper class for constructing a link to an MGN job in the launch history; persist with ``job_id``."""

    name = "MGN Job"
    key = "_mgn_job"
    format_str = MGN_CONSOLE + "/launchHistory/{job_id}"


STEP_LINKS = (MgnJobLink(), MgnSourceServersLink(), EC2InstanceDashboardLink())


def persist_links(context: Context, operator: BaseOperator, hook: MgnHook, outcome: Outcome) -> None:
    """Stores links to what the outcome names: the job that is followed, the instances that it launched."""
    jobs, instances = _named(outcome)
    if not jobs and not instances:
        return
    where = {"region_name": hook.region_name or "", "aws_partition": hook.conn_partition}
    MgnSourceServersLink.persist(context=context, operator=operator, **where)
    if jobs:
        # There are several jobs only when one call cannot take all servers; the launch history lists the others.
        MgnJobLink.persist(context=context, operator=operator, job_id=jobs[0], **where)
    if instances:
        ids = EC2InstanceDashboardLink.format_instance_id_filter(instances)
        EC2InstanceDashboardLink.persist(context=context, operator=operator, instance_ids=ids, **where)


def _named(outcome: Outcome) -> tuple[list[str], list[str]]:
    if isinstance(outcome, Done):
        found: dict[str, Any] = outcome.result.get("instances") or {}
        return list(outcome.result.get("jobs") or []), [one for one in found.values() if one]
    return (list(outcome.subjects) if outcome.topic is Topic.JOBS else []), []
