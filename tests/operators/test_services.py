"""Where a step's services come from."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from migration_ops.core.errors import InvalidInputError
from migration_ops.core.policy import PolicyError
from migration_ops.operators.services import require_connection, services_for


def test_a_connection_that_does_not_exist_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_THE_ONE", '{"conn_type": "aws"}')
    monkeypatch.setenv("MIGRATION_OPS_AWS_CONN_IDS", "the_one,another_*")
    require_connection("the_one")
    with pytest.raises(InvalidInputError, match="no connection another_one") as refused:
        require_connection("another_one")
    assert refused.value.context["path"] == "awsConnId"


@pytest.mark.parametrize("conn_type", ["postgres", "http", ""])
def test_a_connection_of_another_type_is_refused_whatever_the_setting_says(
    monkeypatch: pytest.MonkeyPatch, conn_type: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_PROD_DB", json.dumps({"conn_type": conn_type, "password": "secret"}))
    monkeypatch.setenv("MIGRATION_OPS_AWS_CONN_IDS", "*")
    with pytest.raises(PolicyError, match="not aws") as refused:
        require_connection("prod_db")
    assert "secret" not in str(refused.value)


def test_only_connections_that_the_installation_names_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT", "ADMIN_AWS", "TEAM_A", "TEAM_AB"):
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", '{"conn_type": "aws"}')
    require_connection("aws_default")
    with pytest.raises(PolicyError, match="MIGRATION_OPS_AWS_CONN_IDS"):
        require_connection("admin_aws")
    monkeypatch.setenv("MIGRATION_OPS_AWS_CONN_IDS", "team_?")
    require_connection("team_a")
    for name in ("aws_default", "team_ab", "TEAM_A", "None"):
        with pytest.raises(PolicyError):
            require_connection(name)


def test_every_step_asks_for_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan that was changed in XCom must not lead to another connection."""
    monkeypatch.setenv("AIRFLOW_CONN_ADMIN_AWS", '{"conn_type": "aws"}')
    ti: Any = SimpleNamespace(dag_id="migration_wave", run_id="run")
    with pytest.raises(PolicyError):
        services_for(ti, "wave", "admin_aws", None)
