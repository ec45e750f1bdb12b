"""Tells the task ``decide`` that a gate refused: then nothing of the application failed."""

from __future__ import annotations

from typing import Any

from migration_ops.core.errors import MigrationError

# Airflow removes it when the task runs again.
GATE_KEY = "gate_shut"


def note_gate(ti: Any, shut: MigrationError) -> None:
    """Leaves the refusal as an XCom of the failed task instance."""
    ti.xcom_push(key=GATE_KEY, value={"code": shut.code, "message": shut.message})


def gates_of(ti: Any, failed: list[str]) -> dict[str, str] | None:
    """The refusals by task id, when a gate refused in every one of these failed tasks; else None."""
    said = {task: ti.xcom_pull(task_ids=task, key=GATE_KEY, map_indexes=ti.map_index) for task in failed}
    if not said or not all(isinstance(one, dict) and one.get("code") for one in said.values()):
        return None
    return {task: f"[{one['code']}] {one.get('message')}" for task, one in said.items()}
