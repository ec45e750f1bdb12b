"""The sheet of a planned change: what a person approves, as Markdown."""

from __future__ import annotations

from typing import Any

from migration_ops.core.change import Action, ChangePlan
from migration_ops.core.markdown import code, plain, table


def change_sheet(plan: ChangePlan, title: str) -> str:
    """Destructive actions first. Three columns, because a wider table pushes the buttons off Airflow's page."""
    actions = sorted(plan.actions, key=lambda one: (not one.is_destructive, one.what, one.resource))
    rows = [[_what(one), code(one.resource), _values(one)] for one in actions]
    back = (
        f"**Way back:** {plain(plan.undo.how)}"
        if plan.undo.how
        else f"**No way back:** {plain(plan.undo.none_because)}"
    )
    return "\n\n".join([f"## {plain(title)}", table(("What", "Resource", "From, to"), rows), back]) + "\n"


def _what(action: Action) -> str:
    return f"⛔ **{plain(action.what)}**" if action.is_destructive else plain(action.what)


def _values(action: Action) -> str:
    return f"{_value(action.before)} → {_value(action.after)}"


def _value(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return plain(", ".join(f"{name}: {one}" for name, one in value.items()))
    return plain(value)
