"""Fixtures of the MGN tests: a scripted AWS, and hooks that talk to it without an Airflow database."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator

os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="airflow-"))
os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")

import pytest

from migration_ops.aws.mgn.hook import MgnHook
from migration_ops.wave.waits.feeds import Feed, Readers, readers_of
from tests.aws.scripted_aws import ScriptedAws, server_id


@pytest.fixture(scope="session")
def server() -> Iterator[ScriptedAws]:
    aws = ScriptedAws()
    yield aws
    aws.stop()


@pytest.fixture
def aws(server: ScriptedAws, monkeypatch: pytest.MonkeyPatch) -> ScriptedAws:
    _point_to(server, monkeypatch)
    server.reset()
    return server


@pytest.fixture(scope="session")
def one_hook(server: ScriptedAws) -> MgnHook:
    """Two quick attempts for reads, so that a test of their end does not last a minute."""
    hook = MgnHook(
        aws_conn_id=None,
        region_name="us-east-1",
        config={"retries": {"mode": "standard", "total_max_attempts": 2}, "read_timeout": 1},
    )
    with pytest.MonkeyPatch.context() as monkeypatch:
        _point_to(server, monkeypatch)
        assert hook.conn is not hook.mutating_conn
    return hook


@pytest.fixture
def hook(aws: ScriptedAws, one_hook: MgnHook) -> MgnHook:
    """The session's hook: making its two clients takes longer than a test."""
    return one_hook


@pytest.fixture(scope="session")
def readers(server: ScriptedAws) -> Readers:
    """The real readers, made once."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        _point_to(server, monkeypatch)
        readers = readers_of(None, "us-east-1")
        server.answers["GetCalendarState"] = {}
        readers[Feed.SERVERS]([server_id(1)])
        readers[Feed.CALENDARS](["c"])
    return readers


def _point_to(aws: ScriptedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMIEXAMPLEKEY")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
