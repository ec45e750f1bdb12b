"""Each Airflow component of docker-compose.yaml starts with the locked packages and stops again.

The executor, the auth manager and every setting are those of the file; the three addresses (database, queue, results)
lead to files instead of PostgreSQL and Redis, so that no server has to be installed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from include.local import processes
from include.local.ports import LOOPBACK, free_port
from tests.engine.composed import ROOT, components, environment
from tests.engine.test_composed_names import PASSWORDS

START_SECONDS = 240
STOP_SECONDS = 60
WORKER_READY = " ready."
HEALTH_OF = {"scheduler": "scheduler", "dag-processor": "dag_processor", "triggerer": "triggerer"}
pytestmark = pytest.mark.timeout(START_SECONDS + 120)


@dataclass
class Running:
    """The started components: their processes and logs by name, and the API server's address."""

    api: str
    home: Path
    started: dict[str, tuple[subprocess.Popen[bytes], processes.Session]]
    # seen up; what stops later does not make the others look down
    up: set[str] = field(default_factory=set)

    def log(self, name: str) -> str:
        return (self.home / f"{name}.log").read_text(errors="replace")

    def health(self) -> dict[str, dict[str, str]]:
        """What the API server says of the others; empty while it does not answer."""
        try:
            answer = requests.get(f"{self.api}/api/v2/monitor/health", timeout=10)
        except requests.ConnectionError:
            return {}
        return answer.json() if answer.ok else {}

    def is_up(self, name: str) -> bool:
        if name in HEALTH_OF:
            return self.health().get(HEALTH_OF[name], {}).get("status") == "healthy"
        return bool(self.health()) if name == "api-server" else WORKER_READY in self.log(name)

    def wait(self, name: str) -> None:
        until = time.monotonic() + START_SECONDS
        while name not in self.up and not self.is_up(name):
            ended = self.started[name][0].poll()
            assert ended is None, f"{name} ended with {ended}:\n{self.log(name)[-3000:]}"
            assert time.monotonic() < until, f"{name} is not up after {START_SECONDS} s:\n{self.log(name)[-3000:]}"
            time.sleep(0.5)
        self.up.add(name)


# What leads to a server that is not here, and what stands in for it.
SERVERS = ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW__CELERY__RESULT_BACKEND", "AIRFLOW__CELERY__BROKER_URL")


def settings(home: Path, port: int, service: str) -> dict[str, str]:
    """A service's environment with the addresses of this machine. What the file does not give it stays away."""
    database = f"sqlite:///{home / 'airflow.db'}?timeout=60"
    here = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "AIRFLOW_HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://{LOOPBACK}:{port}/execution/",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
        "AIRFLOW__CELERY__RESULT_BACKEND": f"db+sqlite:///{home / 'results.db'}",
        "AIRFLOW__CELERY__BROKER_URL": "filesystem://",
        "AIRFLOW__CELERY__WORKER_CONCURRENCY": "1",
        "AIRFLOW__API__HOST": LOOPBACK,
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": str(free_port()),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    for way in ("IN", "OUT"):
        here[f"AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__DATA_FOLDER_{way}"] = str(home / "queue")
    here["AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__CONTROL_FOLDER"] = str(home / "control")
    given = environment(PASSWORDS, service)
    return given | {name: value for name, value in here.items() if name not in SERVERS or name in given}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    home = tmp_path_factory.mktemp("airflow")
    for folder in ("dags", "queue", "control"):
        (home / folder).mkdir()
    port = free_port()
    variables = {name: settings(home, port, name) for name in components()}
    airflow = str(Path(sys.executable).with_name("airflow"))
    migrated = subprocess.run(
        [airflow, "db", "migrate"], env=settings(home, port, "init"), cwd=home, capture_output=True, text=True
    )
    assert migrated.returncode == 0, migrated.stderr[-3000:]
    made = Running(f"http://{LOOPBACK}:{port}", home, {})
    try:
        # side by side: each needs seconds to import what it needs
        for name, arguments in components().items():
            command = processes.Command(name, [airflow, *arguments], variables[name], home, home / f"{name}.log")
            made.started[name] = processes.start(command)
        yield made
    finally:
        processes.stop(session for _, session in made.started.values())


def test_the_file_names_all_components() -> None:
    assert {"api-server", "worker", *HEALTH_OF} == set(components())


@pytest.mark.parametrize("name", sorted(components()))
def test_it_starts(running: Running, name: str) -> None:
    running.wait(name)


def test_the_auth_manager_of_the_file_asks_for_a_password(running: Running) -> None:
    running.wait("api-server")
    login = requests.get(f"{running.api}/auth/login/", timeout=60)
    assert login.status_code == 200
    assert 'name="password"' in login.text
    refused = requests.post(f"{running.api}/auth/token", json={"username": "nobody", "password": "wrong"}, timeout=60)
    assert refused.status_code == 401


@pytest.mark.parametrize("name", sorted(components()))
def test_it_stops_when_asked_to(running: Running, name: str) -> None:
    assert name in running.up, f"{name} was not seen up"
    process, _ = running.started[name]
    process.send_signal(signal.SIGTERM)
    process.wait(STOP_SECONDS)
    log = running.log(name)
    assert [one for one in ("ImportError: ", "ModuleNotFoundError: ", "cannot import name") if one in log] == []
