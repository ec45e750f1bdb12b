"""Statements that change whatever there is of a service: a wildcard as resource, and no condition. Pure."""

from __future__ import annotations

from migration_ops.runbook.audit.permissions import covers, is_administrative, on_everything
from migration_ops.runbook.policies import Statement

# An action whose name begins so changes nothing that could be named. AssumeRole has a check of its own.
READING = (
    "AssumeRole",
    "BatchGet",
    "Check",
    "Count",
    "Decrypt",
    "Describe",
    "Estimate",
    "Filter",
    "Find",
    "Get",
    "Head",
    "List",
    "Lookup",
    "Preview",
    "Query",
    "Scan",
    "Search",
    "Select",
    "Simulate",
    "StartQuery",
    "StopQuery",
    "Test",
    "Validate",
    "Verify",
    "View",
)
# AWS knows no resource for them but "*" (Service Authorization Reference), or they make what has no name yet.
WITHOUT_RESOURCE = (
    "cloudwatch:PutMetricData",
    "ec2messages:*",
    "kms:CreateKey",
    "kms:GenerateRandom",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:UpdateLogDelivery",
    "mgn:BatchDeleteSnapshotRequestForMgn",
    "mgn:InitializeService",
    "ssm:UpdateInstanceInformation",
    "ssmmessages:*",
    "sts:DecodeAuthorizationMessage",
    "tag:TagResources",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
)


def unbounded_changes(statement: Statement) -> list[str]:
    """The actions of a statement that change every resource; none of an administrative one, which has its own check."""
    if not statement.allows or statement.conditions or not on_everything(statement) or is_administrative(statement):
        return []
    if statement.not_actions:
        return [f"all but {', '.join(statement.not_actions)}"]
    return [one for one in statement.actions if is_change(one)]


def is_change(action: str) -> bool:
    """Whether an action, or a pattern of actions, may change something that could have been named."""
    if any(covers(one, action) for one in WITHOUT_RESOURCE):
        return False
    verb = action.rpartition(":")[2]
    return not any(covers(f"{one}*", verb) for one in READING)
