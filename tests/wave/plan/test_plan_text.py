"""The readable plan of a dry run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from migration_ops.core.verdict import GateResult, Verdict
from migration_ops.wave.plan.estimate import estimate
from migration_ops.wave.plan.text import render_plan
from tests.wave.builders import HEALTHY, NOW, three_applications

PLAN = three_applications()
CHECKS = [
    GateResult("launch template", "s-1", Verdict.OK, {"template": "lt-1", "subnet": "subnet-2"}),
    GateResult("free quota", "wave", Verdict.BLOCKED, None, 20, "20 jobs | are running"),
]


def rendered(**changes: Any) -> list[str]:
    views = {one: replace(HEALTHY, source_server_id=one, **changes) for one in PLAN.server_ids}
    return render_plan(PLAN, estimate(PLAN, views, NOW), CHECKS).splitlines()


def cells(lines: list[str], title: str, name: str) -> dict[str, str]:
    """The row ``name`` of the first table whose first column is ``title``."""
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {title} |"))
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[start:] if line.startswith("| ")]
    return dict(zip(rows[0], next(row for row in rows if row[0] == name), strict=True))


def test_each_application_has_its_times_and_what_costs_money() -> None:
    row = cells(rendered(), "Application", "`app`")
    assert row["After"] == "`db`"
    assert row["Cutover starts at minute"] == cells(rendered(), "Application", "`db`")["Cutover minutes"]
    assert float(row["Staged GiB"]) > 0
    assert float(row["Test instances"]) == float(row["Servers"])


def test_each_step_says_what_its_minutes_rest_on() -> None:
    lines = rendered()
    lines = lines[lines.index("### Steps of `app`") :]
    assert cells(lines, "Step", "`testLaunch`") == {"Step": "`testLaunch`", "Minutes": "20", "Rests on": "typical"}


def test_what_is_not_known_is_called_so() -> None:
    row = cells(rendered(lag_seconds=None, total_bytes=None), "Application", "`db`")
    assert (row["Test minutes"], row["Staged GiB"]) == ("unknown", "unknown")


def test_each_check_is_readable_and_inert() -> None:
    lines = rendered()
    assert cells(lines, "Check", "`launch template`")["Value"] == "`template lt-1, subnet subnet-2`"
    blocked = next(line for line in lines if line.startswith("| `free quota`"))
    assert "BLOCKED" in blocked
    assert "jobs | are" not in blocked, "a reason from outside makes no column"


def test_without_estimates_there_is_the_order_and_the_checks() -> None:
    text = render_plan(PLAN, [], CHECKS)
    assert "Order: `other` → `db` → `app` → `web`" in text
    assert "Steps of" not in text
