"""Tells the tasks that decide about a failure that a gate said no: nothing of the application failed then."""

from __future__ import annotations

from typing import Any

from migration_ops.core.errors import MigrationError

# Airflow removes it when the task runs again.
GATE_KEY = "gate_shut"


def note_gate(ti: Any, shut: MigrationError) -> None:
    """Leaves what the gate said beside the failed task instance."""
    ti.xcom_push(key=GATE_KEY, value={"code": shut.code, "message": shut.message})


def gates_of(ti: Any, failed: list[str]) -> dict[str, str] | None:
    """What the gates said, by task id, when every one of these failed tasks failed of a gate; else None."""
    said = {task: ti.xcom_pull(task_ids=task, key=GATE_KEY, map_indexes=ti.map_index) for task in failed}
    if not said or not all(isinstance(one, dict) and one.get("code") for one in said.values()):
        return None
    return {task: f"[{one['code']}] {one.get('message')}" for task, one in said.items()}
