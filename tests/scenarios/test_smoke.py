"""The stack itself: all healthy, every DAG parsed, the sandbox reachable with the package's resources in it."""

from __future__ import annotations

import os
import time

import psutil

from include.local import processes, resources
from include.local.stack import ROOT
from tests.scenarios.airflow_api import ScenarioAirflow

PARSE_TIMEOUT_SECONDS = 90


def test_every_component_is_healthy(airflow: ScenarioAirflow) -> None:
    assert set(airflow.api.health().values()) == {"healthy"}


def test_every_dag_file_is_parsed_without_an_error(airflow: ScenarioAirflow) -> None:
    files = {path.name for path in (ROOT / "dags").glob("*.py") if not path.name.startswith("_")}
    assert files, "there are no DAG files"
    deadline = time.monotonic() + PARSE_TIMEOUT_SECONDS
    parsed: set[str] = set()
    while not files <= parsed:
        assert airflow.api.import_errors() == []
        assert time.monotonic() < deadline, f"not parsed: {files - parsed}"
        time.sleep(1)
        parsed = {os.path.basename(dag["fileloc"]) for dag in airflow.api.pages("/dags", "dags")}


def test_the_sandbox_answers_and_holds_the_packages_resources(airflow: ScenarioAirflow) -> None:
    assert airflow.sandbox.health()["ok"] is True
    tables = resources.client("dynamodb", airflow.stack.endpoints).list_tables()["TableNames"]
    assert airflow.stack.environment["MIGRATION_OPS_TABLE_NAME"] in tables


def test_nothing_listens_beyond_loopback(airflow: ScenarioAirflow) -> None:
    listening = set()
    for process in processes.all_members(airflow.stack.sessions):
        try:
            connections = process.net_connections(kind="inet")
        except psutil.NoSuchProcess:
            continue
        listening |= {one.laddr.ip for one in connections if one.status == psutil.CONN_LISTEN}
    assert listening == {"127.0.0.1"}
