"""The stack's environment: nothing of the developer's accounts in it, loopback only, no fixed secrets."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from include.local import airflow_env

ENDPOINTS = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    "AWS_ACCESS_KEY_ID": "sandbox-key",
    "AWS_SECRET_ACCESS_KEY": "sandbox-secret",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "SANDBOX_CMF_URL": "http://127.0.0.1:2/prod",
    "SANDBOX_CMF_CONNECTION_EXTRA": '{"userPoolId": "pool"}',
    "SANDBOX_CALLBACK_URL": "http://127.0.0.1:3/hook",
    "SANDBOX_CALLBACK_SECRET": "whsec_x",
}
FOREIGN = ["AWS_PROFILE", "AWS_SESSION_TOKEN", "AIRFLOW_HOME", "AIRFLOW_CONN_AWS_DEFAULT", "AIRFLOW__CORE__EXECUTOR"]


@pytest.mark.parametrize("name", FOREIGN)
def test_what_leads_elsewhere_is_left_out(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "prod")
    assert name not in airflow_env.clean_environment()


def test_settings_of_the_package_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIGRATION_OPS_TABLE_NAME", "mine")
    assert airflow_env.clean_environment()["MIGRATION_OPS_TABLE_NAME"] == "mine"


def test_no_proxy_stands_before_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "example.com")
    assert airflow_env.clean_environment()["NO_PROXY"] == "example.com,127.0.0.1,localhost"


def test_airflow_listens_on_loopback_only(tmp_path: Path) -> None:
    settings = airflow_env.airflow_settings(tmp_path, tmp_path, 8080, 8)
    assert settings["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert settings["AIRFLOW__API__BASE_URL"] == "http://127.0.0.1:8080"
    assert settings["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:8080/execution/"


@pytest.mark.parametrize("name", ["CORE__FERNET_KEY", "API__SECRET_KEY", "API_AUTH__JWT_SECRET"])
def test_secrets_differ_each_time(tmp_path: Path, name: str) -> None:
    one, two = (airflow_env.airflow_settings(tmp_path, tmp_path, 8080, 8) for _ in range(2))
    assert one[f"AIRFLOW__{name}"] != two[f"AIRFLOW__{name}"]


def test_the_aws_connection_is_the_sandboxs() -> None:
    connection = json.loads(airflow_env.connections(ENDPOINTS)["AIRFLOW_CONN_AWS_DEFAULT"])
    assert connection == {
        "conn_type": "aws",
        "login": "sandbox-key",
        "password": "sandbox-secret",
        "extra": {"region_name": "eu-west-1"},
    }


def test_the_cmdbs_connection_leads_to_the_sandbox() -> None:
    connection = json.loads(airflow_env.connections(ENDPOINTS)["AIRFLOW_CONN_CMF_API"])
    assert connection["host"] == "http://127.0.0.1:2/prod"
    assert connection["extra"] == {"userPoolId": "pool"}


def test_only_the_receiver_is_allowed_as_a_private_host() -> None:
    connection = json.loads(airflow_env.connections(ENDPOINTS)["AIRFLOW_CONN_MIGRATION_CALLBACK"])
    assert connection["password"] == "whsec_x"
    assert connection["extra"] == {"allowedHosts": ["127.0.0.1:3"]}


def test_a_shell_reads_back_what_was_written() -> None:
    value = """it's "$HOME" `x` {"a": 1}"""
    lines = airflow_env.shell_lines({"A": value, "SAME": "1"}, {"SAME": "1"})
    assert "SAME" not in lines
    answer = subprocess.run(
        ["bash", "-c", f'{lines}\nprintf %s "$A"'], capture_output=True, text=True, check=True, env={"PATH": os.defpath}
    )
    assert answer.stdout == value
