"""The peer of the wall-time benchmark must stay as large as the wave, else the benchmark flatters us."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest
from airflow.models.dagbag import DagBag  # noqa: F401 - initialises Airflow before the DAG files are read

ROOT = Path(__file__).resolve().parents[2]


def shape(path: Path, name: str) -> dict[str, Any]:
    dag = runpy.run_path(str(path))[name]()
    return {
        one.task_id: (str(one.trigger_rule), one.retries, sorted(one.downstream_task_ids), one.is_mapped)
        for one in dag.tasks
    }


@pytest.fixture(scope="module")
def wave() -> dict[str, Any]:
    return shape(ROOT / "dags" / "migration_wave.py", "migration_wave")


def test_the_empty_wave_has_the_tasks_rules_and_edges_of_the_wave(wave: dict[str, Any]) -> None:
    assert shape(ROOT / "tests" / "benchmarks" / "dags" / "empty_wave.py", "empty_wave") == wave


def test_there_is_something_to_compare(wave: dict[str, Any]) -> None:
    assert len(wave) > 20
