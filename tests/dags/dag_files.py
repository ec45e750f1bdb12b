"""Every DAG of the project, loaded once, for the policy tests; a DAG added later is judged without touching them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(path for path in (ROOT / "dags").glob("*.py") if not path.name.startswith("_"))


@cache
def bag() -> Any:
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(ROOT / "dags"))


def dag_ids() -> list[str]:
    return sorted(bag().dags)


def dag(dag_id: str) -> Any:
    return bag().dags[dag_id]


def tasks() -> list[tuple[str, str]]:
    """(DAG id, task id) of every task of every DAG."""
    return [(dag_id, task_id) for dag_id in dag_ids() for task_id in sorted(dag(dag_id).task_dict)]


def is_question(task: Any) -> bool:
    """Whether the task parks for a person."""
    from airflow.providers.standard.operators.hitl import HITLOperator

    return isinstance(task, HITLOperator)


def is_empty(task: Any) -> bool:
    """An EmptyOperator never runs on a worker."""
    return bool(task.inherits_from_empty_operator)
