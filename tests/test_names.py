"""Names that were given up stay gone, and those that took their places are there: one word for one thing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "plugins" / "migration_ops"
# Import paths of before an upgrade; and the names of records and params of before, which are still read.
COMPATIBLE = {"mgn"}

# Names of before, and the ones that took their places.
REPLACED = {
    "classify": "to_aws_error",
    "require_go": "require_permitted",
    "begin": "load_and_resume",
    "in_phases": "filter_by_phase",
    "require_past": "require_reached",
    "NotConcerned": "StepSkipped",
    "look_up": "reconcile",
    "is_open": "has_unsettled_intent",
    "require_wave_goes_on": "stop_reason",
    "wants_of": "needs_of",
    "Waiter": "Subscriber",
    "find_problems": "validate",
    "ShownAsAsked": "StrictHITLOperator",
    "put_away": "store_snapshot",
    "taken_out": "load_snapshot",
    "call_or_none": "call_optional",
    "takes": "matches",
    "are_none": "is_empty",
    "KeptReports": "ReportStore",
    "Telling": "NotificationPlan",
    "TellOperator": "NotifyOperator",
    "leave_note": "set_run_note",
    "lost": "missing_result",
    "drawn": "render_chart",
    "FindingVerdict": "FindingStatus",
    "is_doubtful": "needs_tags",
}
MODULES_GONE = {
    *(
        "tasks",
        "outbound",
        "waves",
        "steps/go",
        "steps/stops",
        "steps/foreign",
        "steps/begin",
        "mgn/faults",
        "mgn/once",
    ),
    *("mgn/started", "mgn/calls", "ledger/calls", "runbook/judging", "runbook/routing", "runbook/kept"),
    *("runbook/inbox", "runbook/tabling", "operators/documented", "operators/complete", "operators/fresh_questions"),
    *("runbook/insights/asking", "runbook/insights/answers", "runbook/backup/wire", "runbook/backup/verdicts"),
}


@cache
def defined() -> dict[str, list[str]]:
    """Functions, methods and classes by name, with their modules."""
    found: dict[str, list[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.relative_to(PACKAGE).parts[0] in COMPATIBLE:
            continue
        for name in _names(path):
            found.setdefault(name, []).append(str(path.relative_to(PACKAGE)))
    return found


def _names(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name


@pytest.mark.parametrize("name", REPLACED)
def test_a_name_that_was_given_up_is_defined_nowhere(name: str) -> None:
    assert defined().get(name, []) == []


@pytest.mark.parametrize("name", REPLACED.values())
def test_the_one_in_its_place_is_there(name: str) -> None:
    assert defined().get(name)


@pytest.mark.parametrize("module", sorted(MODULES_GONE))
def test_a_module_that_was_moved_left_nothing_behind(module: str) -> None:
    assert not (PACKAGE / module).is_dir()
    assert not (PACKAGE / f"{module}.py").exists()


def test_errors_are_called_errors() -> None:
    """By their last word, as ruff's N818 asks; ``StepSkipped`` is none, it is a step that has nothing to do."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            bases = {ast.unparse(base).split(".")[-1] for base in getattr(node, "bases", ())}
            if isinstance(node, ast.ClassDef) and any(base.endswith("Error") for base in bases):
                assert node.name.endswith("Error") or node.name == "StepSkipped", f"{path.name}: {node.name}"


def test_a_wave_of_the_scenarios_belongs_to_one_file() -> None:
    """Two stories with one wave name read each other's records; the lab refuses the second, minutes later."""
    files: dict[str, set[str]] = {}
    for path in sorted((ROOT / "tests" / "scenarios").glob("test_*.py")):
        for name in re.findall(r'\blab\.wave\(\s*"([^"]+)"', path.read_text(encoding="utf-8")):
            files.setdefault(name, set()).add(path.name)
    assert len(files) > 10
    assert {name: where for name, where in files.items() if len(where) > 1} == {}
