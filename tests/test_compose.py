"""docker-compose.yaml and .env.example, as far as they can be judged without a container engine."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from migration_ops.core.settings import PREFIX, Settings

ROOT = Path(__file__).resolve().parents[1]
COMPOSE_FILE = ROOT / "docker-compose.yaml"
REQUIRED = {
    "POSTGRES_PASSWORD",
    "REDIS_PASSWORD",
    "AIRFLOW_ADMIN_PASSWORD",
    "AIRFLOW_FERNET_KEY",
    "AIRFLOW_API_SECRET_KEY",
    "AIRFLOW_JWT_SECRET",
}
COMPONENTS = {"api-server", "scheduler", "dag-processor", "triggerer", "worker"}


def compose_command() -> list[str] | None:
    """The standalone command (Debian's package needs no engine to check a file), or docker's plug-in."""
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    if shutil.which("docker"):
        plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
        if plugin.returncode == 0:
            return ["docker", "compose"]
    return None


@pytest.fixture(scope="module")
def compose() -> list[str]:
    command = compose_command()
    if command is None:
        pytest.skip("neither docker-compose nor docker's compose plug-in is installed (.ci/run installs the former)")
    return command


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE_FILE.read_text())
    return loaded


def example_values() -> dict[str, str]:
    """Every variable that .env.example names, with its default; commented ones too."""
    found = re.findall(r"^(?:# )?([A-Z][A-Z0-9_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    return dict(found)


def env_file(path: Path, left_out: str | None = None) -> Path:
    """An .env made from the example, the required values filled in."""
    values = example_values() | dict.fromkeys(REQUIRED, "filled0in")
    path.write_text("".join(f"{name}={value}\n" for name, value in values.items() if name != left_out))
    return path


def config(compose: list[str], variables: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [*compose, "--env-file", str(variables), "-f", str(COMPOSE_FILE), *options, "config", "-q"]
    clean = {"PATH": os.environ["PATH"], "HOME": str(variables.parent)}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=clean, cwd=variables.parent)


@pytest.mark.parametrize("options", [[], ["--profile", "sandbox"]], ids=["default", "sandbox"])
def test_compose_accepts_the_file(compose: list[str], tmp_path: Path, options: list[str]) -> None:
    answer = config(compose, env_file(tmp_path / "env"), *options)
    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize("name", sorted(REQUIRED))
def test_compose_refuses_to_start_without_a_secret(compose: list[str], tmp_path: Path, name: str) -> None:
    answer = config(compose, env_file(tmp_path / "env", left_out=name))
    assert answer.returncode != 0
    assert name in answer.stderr


def test_no_secret_has_a_default() -> None:
    text = COMPOSE_FILE.read_text()
    for name in REQUIRED:
        assert f"${{{name}:?" in text, f"{name} is not required"
        assert f"${{{name}:-" not in text
        assert example_values()[name] == "", f"{name} has a value in .env.example"


def test_every_variable_is_explained() -> None:
    used = set(re.findall(r"(?<!\$)\$\{([A-Z0-9_]+)", COMPOSE_FILE.read_text()))
    assert used - set(example_values()) == set()


@pytest.mark.parametrize("field", dataclasses.fields(Settings), ids=lambda field: field.name)
def test_every_setting_of_the_package_is_explained_and_passed_on(
    field: dataclasses.Field[Any], document: dict[str, Any]
) -> None:
    name = PREFIX + field.name.upper()
    values = example_values()
    assert name in values, f"{name} is not in .env.example"
    kind = {"str": str, "int": int, "float": float}[str(field.type)]
    assert kind(values[name]) == field.default, f"the default of {name} in .env.example is not the package's"
    passed = document["x-airflow-environment"].get(name)
    assert passed == f"${{{name}:-{values[name]}}}", f"docker-compose.yaml does not pass {name} on with its default"


def test_nothing_is_explained_that_the_package_does_not_know() -> None:
    known = {PREFIX + field.name.upper() for field in dataclasses.fields(Settings)}
    assert {name for name in example_values() if name.startswith(PREFIX)} <= known


def test_every_service_is_watched_and_the_ui_stays_on_loopback(document: dict[str, Any]) -> None:
    services = document["services"]
    assert COMPONENTS | {"postgres", "redis", "init", "sandbox"} <= set(services)
    one_shot = {"init", "sandbox-connections"}
    assert {name for name, service in services.items() if "healthcheck" not in service} == one_shot
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []


def test_components_wait_for_the_database_to_be_ready(document: dict[str, Any]) -> None:
    for name in COMPONENTS:
        assert document["services"][name]["depends_on"]["init"]["condition"] == "service_completed_successfully"


DATABASE = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW__CORE__FERNET_KEY"}
QUEUE = {"AIRFLOW__CELERY__BROKER_URL", "AIRFLOW__CELERY__RESULT_BACKEND"}
TASK_TOKENS = {"AIRFLOW__API_AUTH__JWT_SECRET"}
# What each component of Airflow 3.3.2 needs: the scheduler signs the tokens of tasks and the API server checks them; a
# worker asks the API server for everything.
SECRETS_OF = {
    "api-server": DATABASE | TASK_TOKENS | {"AIRFLOW__API__SECRET_KEY"},
    "scheduler": DATABASE | QUEUE | TASK_TOKENS,
    "dag-processor": DATABASE,
    "triggerer": DATABASE,
    "worker": QUEUE,
    "init": DATABASE | {"_AIRFLOW_WWW_USER_PASSWORD"},
    "sandbox-connections": DATABASE,
    "sandbox": set(),
    "postgres": {"POSTGRES_PASSWORD"},
    "redis": {"REDISCLI_AUTH"},
}


@pytest.mark.parametrize("name", SECRETS_OF)
def test_each_service_has_the_secrets_that_it_needs(document: dict[str, Any], name: str) -> None:
    given = document["services"][name].get("environment", {})
    found = {key for key, value in given.items() if any(f"${{{secret}" in str(value) for secret in REQUIRED)}
    assert found == SECRETS_OF[name]


def test_a_worker_knows_the_password_of_the_queue_only(document: dict[str, Any]) -> None:
    text = json.dumps(document["services"]["worker"]["environment"])
    assert {secret for secret in REQUIRED if secret in text} == {"REDIS_PASSWORD"}


def test_each_service_is_in_the_table(document: dict[str, Any]) -> None:
    assert set(document["services"]) == set(SECRETS_OF)


def test_connections_are_where_tasks_and_triggers_run(document: dict[str, Any]) -> None:
    services = document["services"].items()
    holders = {name for name, one in services if "AIRFLOW_CONN_AWS_DEFAULT" in one.get("environment", {})}
    assert holders == {"worker", "triggerer"}


def test_no_way_leads_from_the_worker_to_the_database(document: dict[str, Any]) -> None:
    networks = {name: set(service["networks"]) for name, service in document["services"].items()}
    assert networks["postgres"] == {"metadata"}
    assert networks["worker"] == networks["sandbox"] == {"tasks"}
    assert document["networks"]["metadata"] == {"internal": True}
    reaching = {name for name, joined in networks.items() if "metadata" in joined}
    assert reaching == {name for name, secrets in SECRETS_OF.items() if secrets >= DATABASE} | {"postgres"}


def test_no_secret_is_an_argument(document: dict[str, Any]) -> None:
    for name, service in document["services"].items():
        words = json.dumps([service.get("command"), service.get("entrypoint"), service.get("healthcheck")])
        assert not [secret for secret in REQUIRED if f"${{{secret}" in words], name


def test_no_service_keeps_rights_that_it_does_not_need(document: dict[str, Any]) -> None:
    for name, service in document["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service.get("privileged")
    added = {name: set(one["cap_add"]) for name, one in document["services"].items() if "cap_add" in one}
    assert added == {"postgres": {"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"}}


def test_every_image_can_be_pinned_by_its_digest(document: dict[str, Any]) -> None:
    own = document["x-airflow-common"]["image"]
    others = {one["image"] for one in document["services"].values()} - {own}
    assert all(re.fullmatch(r"\$\{[A-Z]+_IMAGE:-[^}]+\}", one) for one in others), others
    dockerfile = (ROOT / "docker" / "Dockerfile").read_text()
    values = example_values()
    assert f"ARG AIRFLOW_IMAGE={values['AIRFLOW_IMAGE']}\nFROM ${{AIRFLOW_IMAGE}}\n" in dockerfile


PARSE = """
import json, sys
from airflow.cli.cli_parser import get_parser
for command in json.load(sys.stdin):
    get_parser().parse_args(command)
    print(json.dumps(command))
"""


@pytest.mark.sandbox  # loads the airflow command in a process of its own: seconds
def test_each_airflow_command_also_runs_outside_a_container(document: dict[str, Any], tmp_path: Path) -> None:
    services = {name: one for name, one in document["services"].items() if name not in {"postgres", "redis", "sandbox"}}
    commands = [service["command"] for service in services.values()]
    # one process for all: each start of the airflow command costs seconds
    answer = run([sys.executable, "-c", PARSE], tmp_path, json.dumps(commands))
    assert [json.loads(line) for line in answer.stdout.splitlines() if line.startswith("[")] == commands, answer.stderr
    assert answer.returncode == 0, answer.stderr


def test_the_sandboxs_command_also_runs_outside_a_container(document: dict[str, Any], tmp_path: Path) -> None:
    python, *rest = document["services"]["sandbox"]["command"]
    assert python == "python"
    answer = run([sys.executable, *rest[:2], "--help"], tmp_path)
    assert answer.returncode == 0, answer.stderr
    for option in (word for word in rest[2:] if word.startswith("--")):
        assert option in answer.stdout


def run(command: list[str], home: Path, words: str = "") -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "AIRFLOW_HOME": str(home),
        "HOME": str(home),
        "PYTHONPATH": str(ROOT),
        # celery's commands exist for this executor only
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "COLUMNS": "200",
    }
    return subprocess.run(command, input=words, capture_output=True, text=True, check=False, env=environment, cwd=ROOT)
