"""What docker-compose.yaml, the DAGs and the package name of Airflow exists in the locked packages and can be loaded.

Ranges of versions promise that, and later releases break it: each name is loaded, none is only looked up.
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.composed import COMPOSE_FILE, ROOT, environment

PASSWORDS = {
    "POSTGRES_PASSWORD": "engine-test-postgres",
    "REDIS_PASSWORD": "engine-test-redis",
    "AIRFLOW_ADMIN_PASSWORD": "engine-test-admin",
    "AIRFLOW_FERNET_KEY": "cGFzc3dvcmRwYXNzd29yZHBhc3N3b3JkcGFzc3dvcmQ=",
    "AIRFLOW_API_SECRET_KEY": "engine-test-api-secret-key",
    "AIRFLOW_JWT_SECRET": "engine-test-jwt-secret-of-enough-bytes-to-be-one",
}
# Nobody listens there: what connects is refused at once.
CLOSED = "127.0.0.1:1"
LOAD = """
import importlib, json, sys, traceback
def loaded(name):
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError as error:
            if end == 1 or not (error.name or "").startswith(".".join(parts[:end])):
                raise
            continue
        for part in parts[end:]:
            # a global that only exists while a task runs is announced by its annotation
            if not hasattr(found, part) and part in getattr(found, "__annotations__", {}):
                return None
            found = getattr(found, part)
        return found
for name in json.load(sys.stdin):
    try:
        loaded(name)
        answer = "loaded"
    except Exception:
        answer = traceback.format_exc()[-1500:]
    print("ANSWER" + json.dumps([name, answer]))
"""
ENGINE = """
import json
from sqlalchemy.exc import OperationalError
def say(what, answer):
    print("ANSWER" + json.dumps([what, answer]))

from airflow.executors.executor_loader import ExecutorLoader
executor, source = ExecutorLoader.import_default_executor_cls()
executor()
say("executor", executor.__name__)

from airflow.api_fastapi.app import create_auth_manager, get_auth_manager_cls
say("auth manager", type(create_auth_manager()).__name__ if get_auth_manager_cls() else None)

from airflow import settings
settings.configure_orm()
say("database", settings.engine.dialect.driver)
try:
    settings.engine.connect()
except OperationalError as error:
    say("database connects to", str(error))

from airflow.providers.celery.executors.celery_executor import app
say("tasks", sorted(name for name in app.tasks if name.startswith("execute")))
try:
    app.connection_for_write().ensure_connection(max_retries=1, timeout=5)
except Exception as error:
    say("broker connects to", repr(error))
from celery.app import backends
say("result backend", backends.by_url(app.conf.result_backend)[0].__name__)
try:
    app.backend.client.ping()
except Exception as error:
    say("result backend connects to", repr(error))
"""


def clean(home: Path, **extra: str) -> dict[str, str]:
    values = {
        name: value.replace("@postgres/", f"@{CLOSED}/").replace("@redis:6379/", f"@{CLOSED}/")
        for name, value in environment(PASSWORDS, "scheduler").items()
    }
    here = {"PATH": os.environ["PATH"], "HOME": str(home), "AIRFLOW_HOME": str(home)}
    return {**values, **here, "PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}", **extra}


def answers(code: str, home: Path, words: str = "") -> dict[str, object]:
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, input=words, env=clean(home), cwd=home, capture_output=True, text=True, timeout=240, check=False
    )
    found = [json.loads(line.removeprefix("ANSWER")) for line in done.stdout.splitlines() if line.startswith("ANSWER")]
    assert done.returncode == 0, f"{found}\n{done.stderr[-3000:]}"
    return dict(found)


def airflow_names() -> Iterator[str]:
    """Dotted names of Airflow: imports in our code, and whatever docker-compose.yaml says in its values."""
    for folder in ("dags", "plugins", "include"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    yield from (one.name for one in node.names if one.name.startswith("airflow."))
                elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "airflow":
                    yield from (f"{node.module}.{one.name}" for one in node.names)
    # without the comments
    lines = [line for line in COMPOSE_FILE.read_text().splitlines() if not line.lstrip().startswith("#")]
    yield from re.findall(r"\bairflow\.[a-z_]+(?:\.\w+)+", "\n".join(lines))


def test_the_names_are_found() -> None:
    found = set(airflow_names())
    assert "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager" in found
    assert any(name.startswith("airflow.providers.celery.") for name in found)
    assert any(name.startswith("airflow.providers.amazon.") for name in found)


def test_every_name_of_airflow_that_is_written_anywhere_can_be_loaded(tmp_path: Path) -> None:
    wanted = sorted(set(airflow_names()))
    given = answers(LOAD, tmp_path, json.dumps(wanted))
    assert {name: answer for name, answer in given.items() if answer != "loaded"} == {}
    assert set(given) == set(wanted)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    return answers(ENGINE, tmp_path_factory.mktemp("engine"))


def test_the_executor_and_the_auth_manager_are_those_of_the_file(engine: dict[str, object]) -> None:
    named = environment(PASSWORDS, "scheduler")
    assert engine["executor"] == named["AIRFLOW__CORE__EXECUTOR"]
    assert engine["auth manager"] == named["AIRFLOW__CORE__AUTH_MANAGER"].rpartition(".")[2]


def test_the_celery_app_has_airflows_task_and_the_named_backend(engine: dict[str, object]) -> None:
    assert engine["tasks"] == ["execute_workload"]
    assert engine["result backend"] == "RedisBackend"


@pytest.mark.parametrize("what", ["database", "broker", "result backend"])
def test_only_the_connection_itself_is_missing(engine: dict[str, object], what: str) -> None:
    refused = str(engine[f"{what} connects to"])
    assert "onnection refused" in refused, refused
    assert "port 1 failed" in refused or CLOSED in refused, refused
