"""One real Airflow and one sandbox for all scenarios of a session."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from include.local import profiles
from include.local.airflow_http import wait_until
from include.local.stack import LocalStack, home_of
from include.sandbox.client import SandboxClient
from tests.scenarios.airflow_api import ScenarioAirflow
from tests.scenarios.lab import ROLLBACK, WAVE, Lab
from tests.scenarios.stories import Stories, needed

# After five minutes in real life.
DEAD_WORKERS_ARE_NOTICED_SOON = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "75",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "10",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(__file__.rpartition("/")[0]):
            item.add_marker(pytest.mark.airflow)
            # The first test of a story waits for all of it.
            item.add_marker(pytest.mark.timeout(1_800))


@pytest.fixture(scope="session")
def airflow() -> Iterator[ScenarioAirflow]:
    """Started with the first scenario, stopped after the last, whatever happens to pytest in between."""
    stack = LocalStack(
        home_of("scenarios"),
        speed=profiles.SCENARIO_SPEED,
        seed="empty",
        settings=profiles.SCENARIOS | DEAD_WORKERS_ARE_NOTICED_SOON,
        parallelism=profiles.SCENARIO_PARALLELISM,
        say=_say,
    )
    with stack:
        yield ScenarioAirflow(stack, stack.api, SandboxClient(stack.endpoints["SANDBOX_CONTROL_URL"]))


@pytest.fixture(scope="session")
def lab(airflow: ScenarioAirflow) -> Lab:
    """The same for the stories, with the DAGs parsed."""
    wait_until(
        lambda: "parsed" if {WAVE, ROLLBACK} <= airflow.api.dag_ids() else None,
        120,
        lambda: f"the DAGs were not parsed in time: {airflow.api.import_errors()}",
    )
    return Lab(airflow, say=_say)


@pytest.fixture(scope="session")
def stories(request: pytest.FixtureRequest, lab: Lab) -> Iterator[Stories]:
    """All stories of the selected tests, started side by side with the first test that wants one."""
    running = Stories(lab, needed(request.session.items))
    yield running
    running.close()


def _say(line: str) -> None:
    print(f"[scenarios] {line}", file=sys.stderr, flush=True)
