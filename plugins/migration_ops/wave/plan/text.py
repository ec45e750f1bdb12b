"""The plan of a dry run as Markdown: the order, how long each application takes, what costs money, every check."""

from __future__ import annotations

from typing import Any

from migration_ops.core.markdown import code, plain, table
from migration_ops.core.verdict import Check
from migration_ops.wave.plan.plan import WavePlan

_APPLICATIONS = (
    "Application",
    "Impact",
    "After",
    "Servers",
    "Test minutes",
    "Cutover minutes",
    "Cutover starts at minute",
    "Staged GiB",
    "Test instances",
    "Cutover instances",
)
_NOTE = (
    "Minutes are typical ones, not promises; *unknown* where MGN gives nothing to count from. The cutover's minutes "
    "count from its approval, with the window open. Staging disks cost money until finalize, test instances until they "
    "are verified, cutover instances from their launch on."
)


def render_plan(plan: WavePlan, estimates: list[dict[str, Any]], checks: list[Check]) -> str:
    """The readable plan.

    :param estimates: rows of ``waves.estimate.estimate``; none when the checks said no.
    """
    parts = [f"## Plan of wave {code(plan.wave)}", order_of(plan)]
    if estimates:
        parts += [table(_APPLICATIONS, [_application(one) for one in estimates]), _NOTE]
        parts += [_steps(one) for one in estimates]
    rows = [[code(c.name), code(c.subject), plain(c.verdict.value), _value(c.value), plain(c.reason)] for c in checks]
    parts += [f"### {len(checks)} checks", table(("Check", "Of", "Verdict", "Value", "Reason"), rows)]
    return "\n\n".join(parts) + "\n"


def order_of(plan: WavePlan) -> str:
    """One line: the applications in the order of the plan."""
    return "Order: " + " → ".join(code(one.app_name) for one in plan.applications)


def _application(one: dict[str, Any]) -> list[str]:
    facts = one["facts"]
    return [
        code(one["appName"]),
        plain(one["impact"]),
        ", ".join(code(name) for name in one["dependsOn"]),
        str(one["servers"]),
        *[_number(one[key]) for key in ("testMinutes", "cutoverMinutes", "cutoverStartMinute")],
        *[_number(facts[key]) for key in ("stagedGiB", "testInstances", "cutoverInstances")],
    ]


def _steps(one: dict[str, Any]) -> str:
    rows = [[code(step["step"]), _number(step["minutes"]), plain(step["basis"])] for step in one["steps"]]
    return f"### Steps of {code(one['appName'])}\n\n" + table(("Step", "Minutes", "Rests on"), rows)


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:g}"


def _value(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, dict):
        return code(", ".join(f"{name} {inner}" for name, inner in value.items()))
    return code(", ".join(map(str, value)) if isinstance(value, list | tuple) else value)
