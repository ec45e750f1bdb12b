"""A CloudFormation change set as a change: its actions, whether a person must approve it, and whether it was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from migration_ops.aws import stack
from migration_ops.aws.stack import ChangeSet, Plan
from migration_ops.core.carry_out import Acted, ChangeNotMadeError, Effect, verify
from migration_ops.core.change import Action, ChangePlan, PlanChangedError, Undo

REMOVE, WHOLE_STACK = "remove", "outputs, tags or parameters"
# By action, and for Modify by whether the resource is replaced. Everything else counts as destructive.
_HARMLESS = {("Add", None): "create", ("Import", None): "import", ("Modify", "False"): "change"}
_VERBS = {
    ("Remove", None): REMOVE,
    ("Modify", "True"): "replace",
    ("Modify", "Conditional"): "change or replace",
    ("Modify", None): "change or replace",
}
_GONE = frozenset({"DELETE_COMPLETE", "DELETE_SKIPPED"})
_THERE = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})
_UNDO = {
    "CREATE": Undo(
        how="Delete the stack in CloudFormation; table, bucket and log group are kept, delete them by hand."
    ),
    "UPDATE": Undo(
        how="Deploy the earlier template. What was removed or replaced does not come back with its data, unless its "
        "policy is Retain: then import it."
    ),
}


def change_plan(change_set: ChangeSet, found: Plan) -> ChangePlan:
    """What the change set does, action by action. If it removes or replaces a resource, a person must approve it."""
    actions = tuple(_action(one) for one in found.changes)
    if not actions and not found.up_to_date:
        # A change set does not list outputs, tags and parameters, but executing it changes them.
        actions = (Action("update", WHOLE_STACK),)
    return ChangePlan(
        subject=f"stack {change_set.stack_name}",
        actions=actions,
        undo=_UNDO[change_set.kind],
        # A change set cannot be changed: its id identifies its template and parameters.
        context={"changeSetId": change_set.change_set_id, "kind": change_set.kind},
        is_one_call=True,
        is_begun=found.executed,
    )


def _action(change: Mapping[str, Any]) -> Action:
    name = change.get("action") or "unknown"
    kind = (name, change.get("replacement") if name == "Modify" else None)
    there = {one: change[one] for one in ("type", "physicalId", "policyAction") if one in change}
    what = _HARMLESS.get(kind) or _VERBS.get(kind) or name.lower()
    return Action(
        what,
        change.get("resource") or "unknown",
        before=None if name == "Add" else there,
        after=None if name == "Remove" else {"type": change.get("type", "unknown")},
        is_destructive=kind not in _HARMLESS,
    )


@dataclass
class StackChange:
    """A change set, as :class:`migration_ops.core.carry_out.Change`."""

    client: Any
    change_set: ChangeSet

    def plan(self) -> ChangePlan:
        """
        :raises NotOurStackError: the stack is not this package's.
        :raises BorrowedRoleError: the stack has a service role.
        :raises PlanChangedError: the change set is gone, obsolete or not ready.
        :raises StepFailedError: the change set failed.
        """
        stack.require_ours(self.client, self.change_set.stack_name)
        found = stack.look(self.client, self.change_set)
        if found is None:
            raise PlanChangedError("The change set is not ready", stackName=self.change_set.stack_name)
        return change_plan(self.change_set, found)

    def send(self, actions: Sequence[Action]) -> None:
        """All of them in one call (ExecuteChangeSet)."""
        stack.execute(self.client, self.change_set, Plan())

    def read_back(self, actions: Sequence[Action]) -> Mapping[str, Effect]:
        """What the stack has now (ListStackResources).

        :raises MigrationError: it could not be read.
        """
        there = stack.resources_of(self.client, self.change_set.stack_name)
        return {one.key: _effect(one, there.get(one.resource)) for one in actions}


def _effect(action: Action, resource: Mapping[str, Any] | None) -> Effect:
    if action.resource == WHOLE_STACK:
        # No resource shows it; the caller has seen the stack's final status and its outputs.
        return Effect.DONE
    status = resource.get("ResourceStatus", "") if resource else "DELETE_COMPLETE"
    if action.what == REMOVE:
        return Effect.DONE if status in _GONE else Effect.NOT_DONE
    if status.endswith("_IN_PROGRESS"):
        return Effect.UNKNOWN
    is_there = status in _THERE and bool(resource and resource.get("PhysicalResourceId"))
    return Effect.DONE if is_there else Effect.NOT_DONE


def verified_outputs(client: Any, change_set: ChangeSet, planned: Plan) -> dict[str, str] | None:
    """The stack's outputs once the change is made and read back; None until the change set has ended.

    :raises StepFailedError: the change failed; ``reasons`` names the resources and why.
    :raises ChangeNotMadeError: the stack is complete but lacks a planned resource, or has no outputs.
    :raises ChangeUnknownError: its resources could not be read.
    """
    outputs = stack.outputs_when_done(client, change_set)
    if outputs is None:
        return None
    verify(StackChange(client, change_set), Acted(change_plan(change_set, planned))).require_done()
    if not outputs:
        raise ChangeNotMadeError("The stack is complete and has no outputs", stackName=change_set.stack_name)
    return outputs
