"""Buttons to the AWS console on the tasks that launch something."""

from __future__ import annotations

from typing import Any

from airflow.providers.amazon.aws.links.ec2 import EC2InstanceDashboardLink
from airflow.sdk import BaseOperator, Context

from migration_ops.mgn.hook import MgnHook
from migration_ops.mgn.links import MgnJobLink, MgnSourceServersLink
from migration_ops.steps.outcome import Done, Outcome, Topic

STEP_LINKS = (MgnJobLink(), MgnSourceServersLink(), EC2InstanceDashboardLink())


def persist_links(context: Context, operator: BaseOperator, hook: MgnHook, outcome: Outcome) -> None:
    """Leaves what the outcome names: the job that is followed, the instances that it launched."""
    jobs, instances = _named(outcome)
    if not jobs and not instances:
        return
    where = {"region_name": hook.region_name or "", "aws_partition": hook.conn_partition}
    MgnSourceServersLink.persist(context=context, operator=operator, **where)
    if jobs:
        # Several jobs only for more servers than one call takes; the launch history lists the others beside it.
        MgnJobLink.persist(context=context, operator=operator, job_id=jobs[0], **where)
    if instances:
        ids = EC2InstanceDashboardLink.format_instance_id_filter(instances)
        EC2InstanceDashboardLink.persist(context=context, operator=operator, instance_ids=ids, **where)


def _named(outcome: Outcome) -> tuple[list[str], list[str]]:
    if isinstance(outcome, Done):
        found: dict[str, Any] = outcome.result.get("instances") or {}
        return list(outcome.result.get("jobs") or []), [one for one in found.values() if one]
    return (list(outcome.subjects) if outcome.topic is Topic.JOBS else []), []
