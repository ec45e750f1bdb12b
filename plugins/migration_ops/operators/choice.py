"""Approving some of a sheet's ready applications: the field of the form, and what of an answer counts."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

from airflow.sdk import Param

from migration_ops.core.documents import canonical_digest
from migration_ops.wave.plan.plan import WavePlan
from migration_ops.wave.rules.failure import dependents_of

FIELD, CHOICES = "applications", "choices"
_LATER = "The others stay as they are. To approve them later, clear the sheet's task (go_no_go, soak) with downstream."
Asked = dict[str, Any]


def bound_to(plan: WavePlan, sheet: Mapping[str, Any]) -> Asked:
    """
    What an approval is bound to; for a sheet of a wave also which applications are ready on it.

    ``choices``: those that still have something to approve; what is done keeps its earlier approval.
    """
    bound = {"planHash": plan.plan_hash, "sheetDigest": sheet["digest"], "sheetMadeAt": sheet.get("madeAt")}
    if "ready" not in sheet:
        return bound
    ready, done = list(sheet["ready"]), set(sheet.get("done") or ())
    return bound | {
        "applications": ready,
        "readyDigest": canonical_digest(sorted(ready)),
        CHOICES: [one for one in ready if one not in done],
    }


def without_applications(asked: Mapping[str, Any]) -> Asked:
    """What an answer is bound to, without the applications: the ledger notes those per migration."""
    return {key: value for key, value in asked.items() if key not in (FIELD, CHOICES)}


def offer_choice(params: MutableMapping[str, Any], asked: Asked) -> None:
    """Adds the field when there is a choice; all are chosen until the person removes some."""
    choices = asked.get(CHOICES) or []
    if len(choices) > 1:
        params[FIELD] = Param(
            choices,
            source="task",
            type=["array", "null"],
            items={"type": "string"},
            examples=choices,
            title="Applications that you approve",
            description=_LATER,
        )


def split_choice(event: dict[str, Any]) -> tuple[list[str] | None, dict[str, Any]]:
    """
    The applications that the answer names, and the answer without them.

    None: the answer does not name any (a script that answers "Approve"): all that the sheet offers are meant.
    """
    given = dict(event.get("params_input") or {})
    if FIELD not in given:
        return None, event
    named, rest = given.pop(FIELD), {**event, "params_input": given}
    if isinstance(named, list):
        return [str(one) for one in named], rest
    return ([] if named is None else [str(named)]), rest


def choice_problem(plan: WavePlan, asked: Asked, named: list[str] | None, *, in_order: bool) -> str | None:
    """
    Why the chosen applications cannot be approved; None when they can.

    :param in_order: each application needs its dependencies to be chosen too, as in a cutover.
    """
    if named is None:
        return None
    choices = asked.get(CHOICES) or []
    strange = sorted(set(named) - set(asked.get("applications") or ()))
    if strange:
        return f"the sheet does not offer {', '.join(strange)[:300]}"
    if choices and not set(named) & set(choices):
        return "no application was chosen; to approve none is to reject"
    if in_order:
        missing = [one for one in choices if one not in named]
        for name, needs in dependents_of(plan, missing).items():
            if name in named:
                return f"{name} needs {', '.join(needs)}, which was not chosen"
    return None


def chosen(asked: Asked, named: list[str]) -> Asked:
    """What is approved: the chosen ones, and what was done before by an earlier approval."""
    choices = set(asked.get(CHOICES) or ())
    return asked | {FIELD: [one for one in asked["applications"] if one in named or one not in choices]}
