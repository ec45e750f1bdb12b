"""Clients of one connection: what each of them reads from disk."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.loaders import JSONFileLoader, Loader

from migration_ops.aws import session
from migration_ops.aws.mgn.hook import MgnHook

PACKAGE = Path(session.__file__).resolve().parents[1]
# In the package's sources: client("ec2"), client_for_reads("mgn"), client_factory("secretsmanager").
# Of readers it is not asked: the runbook's tasks are few, and most of them ask one service.
ASKED_FOR = re.compile(r'(?<!reader\.)\bclient(?:_of|_for_\w+|_factory)?\(\s*"([a-z0-9-]+)"')


def test_once_the_models_are_read_a_client_reads_none(monkeypatch: pytest.MonkeyPatch) -> None:
    # Of its own: the other tests share what they have read (tests/faster_botocore.py).
    monkeypatch.setattr(session, "_loader", Loader())
    session.read_models.cache_clear()
    session.read_models()

    def refuse(self: Any, path: str) -> None:
        raise AssertionError(f"{path} is read again")

    monkeypatch.setattr(JSONFileLoader, "load_file", refuse)
    hook = MgnHook(aws_conn_id=None, region_name="eu-central-1")
    for service in session.SERVICES:
        assert hook.client_of(service, Config()).meta.service_model.service_name == service


def test_a_loader_that_has_read_nothing_reads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    original = JSONFileLoader.load_file
    monkeypatch.setattr(JSONFileLoader, "load_file", lambda self, path: (read.append(path), original(self, path))[1])
    monkeypatch.setattr(session, "_loader", Loader())
    MgnHook(aws_conn_id=None, region_name="eu-central-1").client_of("sts", Config())
    assert any("/sts/" in path for path in read)


def test_an_environment_without_a_good_profile_does_not_stop_the_plugin(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "there-is-no-such-profile")
    session.read_models.cache_clear()
    session.read_models()
    assert "there-is-no-such-profile" in caplog.text


def test_the_user_agent_names_the_package_without_a_look_at_the_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("the stack is read")

    monkeypatch.setattr("inspect.stack", refuse)
    client = MgnHook(aws_conn_id=None, region_name="eu-central-1").client_of("sts", Config())
    assert " Caller/MigrationOps " in f" {client.meta.config.user_agent} "


def test_every_service_that_the_package_asks_for_is_read_beforehand() -> None:
    asked = {name for file in PACKAGE.rglob("*.py") for name in ASKED_FOR.findall(file.read_text())}
    assert {"mgn", "ec2", "dynamodb"} <= asked
    assert asked <= set(session.SERVICES)
