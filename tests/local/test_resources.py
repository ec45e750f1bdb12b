"""The real sandbox, started as the stack starts it, gets the template's resources."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.local import airflow_env, processes, replication_view, resources, sandbox_process
from include.local.stack import ROOT


@pytest.fixture(scope="module")
def endpoints(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    home: Path = tmp_path_factory.mktemp("sandbox")
    environment = airflow_env.clean_environment() | {"PYTHONPATH": str(ROOT)}
    process, session = processes.start(sandbox_process.command(ROOT, home, environment, 0, 600, "demo"))
    try:
        deadline = time.monotonic() + 60
        while not sandbox_process.is_ready(home):
            assert process.poll() is None, (home / "logs" / "sandbox.log").read_text()
            assert time.monotonic() < deadline, "the sandbox was not ready after a minute"
            time.sleep(0.1)
        yield sandbox_process.read_variables(home)
    finally:
        processes.stop([session])
        process.wait(timeout=5)


def test_settings_name_what_the_template_made(endpoints: dict[str, str]) -> None:
    made = resources.make(endpoints)
    table = resources.client("dynamodb", endpoints).describe_table(TableName=made["MIGRATION_OPS_TABLE_NAME"])["Table"]
    assert {index["IndexName"] for index in table["GlobalSecondaryIndexes"]} == {
        "wave-status-index",
        "app-status-index",
        "status-timestamp-index",
    }
    resources.client("s3", endpoints).head_bucket(Bucket=made["MIGRATION_OPS_EVIDENCE_BUCKET"])
    buses = resources.client("events", endpoints).list_event_buses()["EventBuses"]
    assert made["MIGRATION_OPS_EVENT_BUS"] in {bus["Name"] for bus in buses}


def test_mgn_is_asked_at_its_own_endpoint(endpoints: dict[str, str]) -> None:
    servers = {"billing-db": ["s-0de30000000000101", "s-0de30000000000102"]}
    seen = replication_view.read(endpoints, servers)["billing-db"]
    assert seen.states == "CONTINUOUS"


def test_an_mgn_that_does_not_answer_leaves_the_table_empty(endpoints: dict[str, str]) -> None:
    nowhere = endpoints | {"AWS_ENDPOINT_URL_MGN": "http://127.0.0.1:9"}
    assert replication_view.read(nowhere, {"a": ["s-0de30000000000101"]}) == {}
