"""The simulation's tasks are those of the DAGs: names, order, trigger rules and inputs."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from include.simulation.tasks import Rule, wave_graph
from migration_ops.wave.steps.registry import STEPS

DAG = (Path(__file__).resolve().parents[2] / "dags" / "migration_wave.py").read_text(encoding="utf-8")


def test_every_step_of_the_package_is_a_task() -> None:
    steps = {task.step for task in wave_graph(("app",)).tasks}
    # A wave tells CMDB and callback in its last group; the other two are of the rollback on request.
    assert set(STEPS) - {"update_cmdb_after_rollback", "send_callback_after_rollback"} <= steps
    assert steps - set(STEPS) == {"preflight", "approve_cutover", "approve_finalize", "decide"}


def strings(node: ast.AST) -> list[str]:
    """In the order of the text."""
    found = [one for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    return [str(one.value) for one in sorted(found, key=lambda one: (one.lineno, one.col_offset))]


@pytest.mark.parametrize("group", ["test", "cutover", "finish"])
def test_a_group_has_the_dags_tasks(group: str) -> None:
    """Read from the DAG's own text: importing it would start Airflow."""
    [function] = [one for one in ast.walk(ast.parse(DAG)) if isinstance(one, ast.FunctionDef) and one.name == group]
    # The group's own id is a step's name too.
    named = [one for line in function.body for one in strings(line) if one in STEPS]
    mine = [task.step for task in wave_graph(("app",)).tasks if task.name.startswith(f"{group}.")]
    assert [one for one in mine if one not in ("decide", "rollback")] == named


def test_trigger_rules_are_the_dags() -> None:
    mine = {task.step for task in wave_graph(("app",)).tasks if task.rule is Rule.ALL_DONE}
    constants = dict(re.findall(r"(\w+), \w+, \w+ = \"(\w+)\"", DAG)) | {"FINAL_SHEET": "soak"}
    found = re.findall(r"step\(\"?(\w+)\"?,(?: app,)? trigger_rule=TriggerRule\.ALL_DONE\)", DAG)
    assert {constants.get(one, one) for one in found} == mine


def test_every_task_comes_after_what_it_waits_for() -> None:
    """``downstream_of`` walks the tasks once, in their order."""
    seen: set[str] = set()
    for task in wave_graph(("a", "b")).tasks:
        assert seen.issuperset(task.upstream)
        assert seen.issuperset(task.inputs.values())
        seen.add(task.key)


def test_clearing_reaches_what_comes_after() -> None:
    graph = wave_graph(("a", "b"))
    downstream = graph.downstream_of("cutover.cutover:a")
    assert {"cutover.cutover_verify:a", "cutover.decide:a", "soak", "approve_finalize", "finish.close:b"} <= downstream
    assert not downstream & {"cutover.quiesce:a", "cutover.cutover:b", "go_no_go", "test.mark_ready:a"}
