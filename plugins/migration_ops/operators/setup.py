"""What the tasks of ``migration_setup`` do: show a change set, make it or remove it, and wait for the stack."""

from __future__ import annotations

from typing import Any

from airflow.sdk.exceptions import AirflowSkipException

from migration_ops.aws import stack
from migration_ops.aws.stack import ChangeSet, Plan
from migration_ops.aws.stack_change import StackChange, change_plan, verified_outputs
from migration_ops.core.carry_out import act_once
from migration_ops.core.change_sheet import change_sheet
from migration_ops.core.errors import BlockedError
from migration_ops.core.settings import read_settings
from migration_ops.operators.change_approval import approval_from
from migration_ops.operators.context import note_of, set_run_note
from migration_ops.operators.setup_note import leave_what_to_set


def prepare(client: Any, stack_name: str, template: str, token: str, ti: Any) -> ChangeSet:
    """
    Creates the change set; a refusal is also left as the run's note.

    :raises MigrationError: see :func:`migration_ops.aws.stack.prepare`.
    """
    try:
        return stack.prepare(client, stack_name, template, stack.parameters_of(read_settings()), token)
    except BlockedError as refusal:
        set_run_note(ti, note_of(refusal))
        raise


def show(client: Any, change_set: ChangeSet, ti: Any) -> dict[str, Any] | None:
    """
    The planned change with its digest and sheet, in the log too; None while CloudFormation is working it out.

    :raises StepFailedError: the template or its parameters are wrong.
    """
    found = stack.look(client, change_set)
    if found is None:
        return None
    for change in found.changes:
        print("CHANGE", change)
    leave_what_to_set(ti)
    plan = change_plan(change_set, found)
    sheet = change_sheet(plan, f"Change of {plan.subject}")
    return found.as_document() | {"digest": plan.digest, "needsPerson": plan.needs_person, "sheet": sheet}


def apply(
    client: Any, change_set: ChangeSet, planned: dict[str, Any], answer: dict[str, Any], *, dry_run: bool, ti: Any
) -> None:
    """
    Makes the change, once; or removes the change set: in a dry run, after a refusal, or when nothing changes.

    :raises AirflowSkipException: dry run, or nothing to change.
    :raises BlockedError: not approved, or the world is not as it was shown; nothing was changed.
    :raises MigrationError: CloudFormation refused it, or its answer was lost: trying again reads before it sends.
    """
    number = len(planned["changes"])
    if dry_run or planned["up_to_date"]:
        stack.discard(client, change_set)
        asks = " It would ask a person first." if planned["needsPerson"] else ""
        raise AirflowSkipException(f"{number} resources to change, dryRun={dry_run}: nothing was changed.{asks}")
    try:
        acted = act_once(StackChange(client, change_set), approval_from(answer), planned["digest"])
    except BlockedError as refusal:
        set_run_note(ti, note_of(refusal))
        stack.discard(client, change_set)
        raise
    acted.require_sent()


def outputs(client: Any, change_set: ChangeSet, planned: dict[str, Any]) -> dict[str, str] | None:
    """See :func:`verified_outputs`."""
    return verified_outputs(client, change_set, plan_from(planned))


def plan_from(planned: dict[str, Any]) -> Plan:
    """The plan in the result of :func:`show`."""
    return Plan(planned["changes"], planned["executed"], planned["up_to_date"])
