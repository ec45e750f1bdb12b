"""The package's CloudFormation stack and its change sets: create or update, with the changes shown first.

Every function takes a boto3 CloudFormation client and does not wait; the caller waits between them. Running any of them
again is harmless. A call that AWS refuses or does not answer raises its :class:`MigrationError`.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from migration_ops.aws.errors import to_aws_error
from migration_ops.core.change import PlanChangedError
from migration_ops.core.errors import BlockedError, MigrationError, StepFailedError
from migration_ops.core.settings import Settings

STEADY = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE"})
# A stack without resources: its first change set was not executed yet, or it was deleted.
EMPTY = frozenset({"REVIEW_IN_PROGRESS", "DELETE_COMPLETE"})
SUCCEEDED = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})
# Execution status of a change set that is not finished; AVAILABLE: not started, or the start does not show yet.
_NOT_OVER = frozenset({"AVAILABLE", "EXECUTE_IN_PROGRESS"})
# CloudFormation's words for "nothing to do", in change sets and in direct updates.
NO_CHANGES = ("didn't contain changes", "No updates are to be performed")
# Change sets of one run, when somebody clears the task again and again.
_MOST_CHANGE_SETS = 20
OWNER_TAG = {"Key": "project", "Value": "migration-ops"}
# In the description of stacks that were made by hand from our template, which have no tag.
_OUR_DESCRIPTION = "Deployed by the DAG migration_setup"
_GONE = frozenset({"ChangeSetNotFound", "ChangeSetNotFoundException"})


# Parameters of the bucket that are set only when the stack is created. An existing stack keeps its own values.
AT_CREATION = {"EvidenceLockMode": "GOVERNANCE", "EvidenceBucketMadeLocked": "true"}


class NotOurStackError(BlockedError):
    """The stack exists and is not this package's: a change set would remove its resources. None was made."""

    code = "STACK_NOT_OURS"
    hint = "Give another stackName. If the stack is this package's, tag it project=migration-ops, then clear this task."


class BorrowedRoleError(BlockedError):
    """The stack has a service role: CloudFormation would act with its rights. No change set was made."""

    code = "STACK_HAS_ROLE"
    hint = (
        "CloudFormation keeps the service role that a stack was last changed with. Have somebody who may pass that "
        "role make this change by hand, or create the stack again without one (include/cloudformation/README.md)."
    )


@dataclass(frozen=True)
class ChangeSet:
    """A change set that was created. ``kind`` is ``CREATE`` or ``UPDATE``."""

    stack_name: str
    change_set_id: str
    kind: str


@dataclass(frozen=True)
class Plan:
    """What a change set would do.

    ``changes`` lists changes of resources only: it may be empty although outputs or tags change. ``executed``: it was
    started before. ``up_to_date``: there is nothing to do at all.
    """

    changes: list[dict[str, Any]] = field(default_factory=list)
    executed: bool = False
    up_to_date: bool = False

    def as_document(self) -> dict[str, Any]:
        return asdict(self)


def parameters_of(settings: Settings) -> dict[str, str]:
    """The template's parameters for this installation, so that names cannot differ from what the DAGs use."""
    return {
        "TableName": settings.table_name,
        "EvidenceBucketName": settings.evidence_bucket,
        "EventBusName": settings.event_bus,
        "LogGroupName": settings.log_group,
        "MetricsNamespace": settings.metrics_namespace,
    }


def prepare(client: Any, stack_name: str, template: str, parameters: dict[str, str], token: str) -> ChangeSet:
    """Creates the change set (CreateChangeSet), for a new stack or an existing one.

    :param token: part of the change set's name; the same token and template find the one that exists, unless it is
        known to have failed.
    :raises NotOurStackError: the stack is not this package's.
    :raises BorrowedRoleError: the stack has a service role.
    :raises BlockedError: the stack is being changed, or its creation failed.
    """
    stack = require_ours(client, stack_name)
    status = stack["StackStatus"] if stack else None
    kind = "CREATE" if status is None or status in EMPTY else "UPDATE"
    if kind == "UPDATE" and status not in STEADY:
        raise BlockedError(
            "The stack cannot be changed in this state; a failed creation must be deleted first",
            stackName=stack_name,
            status=status,
        )
    for attempt in range(_MOST_CHANGE_SETS):
        name = _name_of(token + template, attempt)
        try:
            answer = client.create_change_set(
                StackName=stack_name,
                ChangeSetName=name,
                ChangeSetType=kind,
                TemplateBody=template,
                Parameters=_parameters(parameters, stack if stack and kind == "UPDATE" else None),
                Tags=[OWNER_TAG],
            )
        except client.exceptions.AlreadyExistsException:
            found = _describe(client, stack_name, name)
            if _is_useless(found):
                continue
            return ChangeSet(stack_name, found["ChangeSetId"], kind)
        except (ClientError, BotoCoreError) as error:
            raise to_aws_error(error, mutating=True) from error
        return ChangeSet(stack_name, answer["Id"], kind)
    raise BlockedError("Every change set of this run has failed; trigger a new run", stackName=stack_name)


def _name_of(text: str, attempt: int) -> str:
    again = f"-{attempt}" if attempt else ""
    return f"migration-setup-{hashlib.sha256(text.encode()).hexdigest()[:16]}{again}"


def _is_useless(found: dict[str, Any]) -> bool:
    """Whether a change set is known to have failed, or was overtaken: a task that is cleared needs another one."""
    is_up_to_date = any(words in found.get("StatusReason", "") for words in NO_CHANGES)
    failed = found["Status"] == "FAILED" and not is_up_to_date
    return failed or found.get("ExecutionStatus") in ("OBSOLETE", "EXECUTE_FAILED")


def _parameters(given: dict[str, str], stack: dict[str, Any] | None) -> list[dict[str, Any]]:
    """:param stack: the existing stack; None for a new one."""
    listed: list[dict[str, Any]] = [{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()]
    if stack is None:
        return listed + [{"ParameterKey": key, "ParameterValue": value} for key, value in AT_CREATION.items()]
    known = {one["ParameterKey"] for one in stack.get("Parameters") or []}
    return listed + [{"ParameterKey": key, "UsePreviousValue": True} for key in AT_CREATION if key in known]


def look(client: Any, change_set: ChangeSet) -> Plan | None:
    """What the change set would do (DescribeChangeSet); None while CloudFormation is still creating it.

    :raises StepFailedError: the template or its parameters are wrong.
    :raises PlanChangedError: the change set is gone, or obsolete because the stack was changed meanwhile.
    """
    answer = _describe(client, change_set.stack_name, change_set.change_set_id)
    status, reason = answer["Status"], answer.get("StatusReason", "")
    if status == "FAILED":
        if any(words in reason for words in NO_CHANGES):
            return Plan(up_to_date=True)
        raise StepFailedError("The change set failed", stackName=change_set.stack_name, reason=reason)
    if status != "CREATE_COMPLETE":
        return None
    execution = answer.get("ExecutionStatus", "")
    if execution == "OBSOLETE":
        raise PlanChangedError("The stack was changed after the change set was made", stackName=change_set.stack_name)
    executed = execution.startswith("EXECUTE_")
    return Plan([_change_document(one) for one in answer.get("Changes", [])], executed)


def execute(client: Any, change_set: ChangeSet, plan: Plan) -> None:
    """Starts the change (ExecuteChangeSet), unless it was started before or there is nothing to do.

    :raises OutcomeUnknownError: the answer was lost.
    """
    if plan.executed or plan.up_to_date:
        return
    try:
        client.execute_change_set(StackName=change_set.stack_name, ChangeSetName=change_set.change_set_id)
    except (ClientError, BotoCoreError) as error:
        # Clearing the task looks at the change set again, so a lost answer does not execute it twice.
        raise to_aws_error(error, mutating=True) from error


def discard(client: Any, change_set: ChangeSet) -> None:
    """Deletes a change set that is not wanted, and the empty stack that a first one leaves.

    A stack with other change sets is kept: somebody else may want to use it (DeleteChangeSet, DeleteStack).
    """
    if stack_status(client, change_set.stack_name) in (None, "DELETE_COMPLETE"):
        return
    try:
        client.delete_change_set(StackName=change_set.stack_name, ChangeSetName=change_set.change_set_id)
        is_empty = change_set.kind == "CREATE" and stack_status(client, change_set.stack_name) == "REVIEW_IN_PROGRESS"
        if is_empty and not _other_change_sets(client, change_set):
            client.delete_stack(StackName=change_set.stack_name)
    except client.exceptions.ChangeSetNotFoundException:
        return
    except (ClientError, BotoCoreError) as error:
        raise to_aws_error(error, mutating=True) from error


def outputs_when_done(client: Any, change_set: ChangeSet) -> dict[str, str] | None:
    """The stack's outputs once the change set is executed (DescribeChangeSet, DescribeStacks); None until then.

    The stack's status alone is not enough: right after ExecuteChangeSet it may still be that of the change before.

    :raises StepFailedError: the change failed; ``reasons`` names the resources and why.
    """
    stack = _stack(client, change_set.stack_name)
    status = stack["StackStatus"] if stack else "DELETE_COMPLETE"
    if status.endswith("_IN_PROGRESS"):
        return None
    about = {"stackName": change_set.stack_name, "status": status}
    if not stack or status not in SUCCEEDED:
        raise StepFailedError(
            "The stack could not be deployed", **about, reasons=_failures(client, change_set.stack_name)
        )
    execution = _describe(client, change_set.stack_name, change_set.change_set_id).get("ExecutionStatus")
    if execution in _NOT_OVER:
        return None
    if execution != "EXECUTE_COMPLETE":
        raise StepFailedError("The change was not made", **about, execution=execution)
    return {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs") or []}


def stack_status(client: Any, stack_name: str) -> str | None:
    """The stack's status, None when there is no such stack."""
    stack = _stack(client, stack_name)
    return stack["StackStatus"] if stack else None


def require_ours(client: Any, stack_name: str) -> dict[str, Any] | None:
    """The stack (DescribeStacks) when it is this package's or has no resources yet; None when there is none.

    :raises NotOurStackError: it has resources, and neither our tag nor the description of our template.
    :raises BorrowedRoleError: it has a service role: CloudFormation would use its permissions for every change.
    """
    stack = _stack(client, stack_name)
    if stack is None or stack["StackStatus"] == "DELETE_COMPLETE":
        return stack
    description = " ".join((stack.get("Description") or "").split())
    is_marked = OWNER_TAG in (stack.get("Tags") or []) or _OUR_DESCRIPTION in description
    if stack["StackStatus"] not in EMPTY and not is_marked:
        raise NotOurStackError("The stack is not this package's", stackName=stack_name, status=stack["StackStatus"])
    if stack.get("RoleARN"):
        raise BorrowedRoleError("The stack has a service role", stackName=stack_name, role=stack["RoleARN"])
    return stack


def resources_of(client: Any, stack_name: str) -> dict[str, dict[str, Any]]:
    """What is in the stack, by logical id (ListStackResources, all pages).

    :raises MigrationError: it could not be read.
    """
    listed = _listed(client, "list_stack_resources", "StackResourceSummaries", stack_name)
    return {one["LogicalResourceId"]: one for one in listed}


def _other_change_sets(client: Any, change_set: ChangeSet) -> list[str]:
    """Change sets of the stack besides this one (ListChangeSets)."""
    listed = _listed(client, "list_change_sets", "Summaries", change_set.stack_name)
    # moto lists the change sets of all stacks.
    mine = [one["ChangeSetId"] for one in listed if one["StackName"] == change_set.stack_name]
    return [one for one in mine if one != change_set.change_set_id]


def _listed(client: Any, operation: str, key: str, stack_name: str) -> list[dict[str, Any]]:
    """All pages of a listing about one stack."""
    try:
        pages = client.get_paginator(operation).paginate(StackName=stack_name)
        return [one for page in pages for one in page[key]]
    except (ClientError, BotoCoreError) as error:
        raise to_aws_error(error, mutating=False) from error


def _stack(client: Any, stack_name: str) -> dict[str, Any] | None:
    try:
        stacks: list[dict[str, Any]] = client.describe_stacks(StackName=stack_name)["Stacks"]
    except ClientError as error:
        # A missing stack is a ValidationError like any other; only its message shows it.
        if "does not exist" in str(error):
            return None
        raise to_aws_error(error, mutating=False) from error
    except BotoCoreError as error:
        raise to_aws_error(error, mutating=False) from error
    return stacks[0] if stacks else None


def _describe(client: Any, stack_name: str, change_set: str) -> dict[str, Any]:
    """All pages of a change set, as one answer."""
    try:
        paginator = client.get_paginator("describe_change_set")
        first, *others = paginator.paginate(StackName=stack_name, ChangeSetName=change_set)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in _GONE:
            raise PlanChangedError("The change set is gone", stackName=stack_name) from error
        raise to_aws_error(error, mutating=False) from error
    except BotoCoreError as error:
        raise to_aws_error(error, mutating=False) from error
    changes = [one for page in (first, *others) for one in page.get("Changes") or []]
    answer: dict[str, Any] = {**first, "Changes": changes}
    return answer


def _change_document(change: dict[str, Any]) -> dict[str, Any]:
    what = change.get("ResourceChange", {})
    document = {
        "action": what.get("Action"),
        "resource": what.get("LogicalResourceId"),
        "type": what.get("ResourceType"),
        "replacement": what.get("Replacement"),
        "physicalId": what.get("PhysicalResourceId"),
        "policyAction": what.get("PolicyAction"),
    }
    return {name: value for name, value in document.items() if value}


def _failures(client: Any, stack_name: str) -> list[str]:
    """The newest failures of the stack's resources (DescribeStackEvents, newest first)."""
    try:
        events = client.describe_stack_events(StackName=stack_name)["StackEvents"]
    except (ClientError, BotoCoreError) as error:
        reason: MigrationError = to_aws_error(error, mutating=False)
        return [f"the stack's events could not be read: {reason.code}"]
    return [
        f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}"
        for event in events
        if event.get("ResourceStatus", "").endswith("_FAILED")
    ][:10]
