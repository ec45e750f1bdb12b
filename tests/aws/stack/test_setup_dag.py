"""The DAG imports, serialises, is thin, and deploys: its tasks' functions are run against moto."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException
from airflow.serialization.serialized_objects import DagSerialization

PATH = Path(__file__).resolve().parents[3] / "dags" / "migration_setup.py"


@pytest.fixture(scope="module")
def module() -> Iterator[ModuleType]:
    spec = spec_from_file_location("migration_setup_under_test", PATH)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture
def dag(module: ModuleType) -> Any:
    return module.migration_setup()


def test_it_survives_serialisation(dag: Any) -> None:
    again = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))
    assert set(again.task_ids) == {"prepare", "plan", "apply", "outputs"}
    assert again.params["dryRun"] is True


def test_no_wait_holds_a_worker(dag: Any) -> None:
    assert {task.task_id for task in dag.tasks if getattr(task, "mode", None) == "reschedule"} == {"plan", "outputs"}


def test_it_is_thin_and_documented(dag: Any) -> None:
    assert len(PATH.read_text(encoding="utf-8").splitlines()) <= 120
    assert dag.doc_md
    assert all(task.doc_md and task.retries >= 2 and task.owner for task in dag.tasks)


class Run:
    """Calls the tasks' functions in order, as Airflow would."""

    def __init__(self, dag: Any) -> None:
        self.call = {task.task_id: task.python_callable for task in dag.tasks}

    def deploy(self) -> Any:
        change_set = self.call["prepare"]()
        planned = self.call["plan"](change_set)
        assert planned.is_done
        self.call["apply"](change_set, planned.xcom_value)
        return self.call["outputs"](change_set)


@pytest.fixture
def run(
    dag: Any, module: ModuleType, client_for: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    def deploy(run_id: str, *, dry_run: bool) -> Any:
        context = {"params": {"stackName": "migration-ops", "dryRun": dry_run}, "run_id": run_id}
        monkeypatch.setattr(module, "get_current_context", lambda: context)
        monkeypatch.setattr(module, "cloudformation", lambda: client_for("cloudformation"))
        return Run(dag).deploy()

    return deploy


def test_dry_run_then_deploy_then_again(run: Callable[..., Any], client_for: Callable[[str], Any]) -> None:
    with pytest.raises(AirflowSkipException, match="18 resources to change, dryRun=True"):
        run("run-1", dry_run=True)
    assert client_for("dynamodb").list_tables()["TableNames"] == []
    assert run("run-2", dry_run=False).is_done
    assert client_for("dynamodb").list_tables()["TableNames"] == ["migration-state"]
    with pytest.raises(AirflowSkipException, match="0 resources to change, dryRun=False"):
        run("run-3", dry_run=False)


def test_the_hook_gets_connection_and_region(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    context = {"params": {"awsConnId": None, "region": "eu-central-1"}}
    monkeypatch.setattr(module, "get_current_context", lambda: context)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    client = module.cloudformation()
    assert (client.meta.service_model.service_name, client.meta.region_name) == ("cloudformation", "eu-central-1")
