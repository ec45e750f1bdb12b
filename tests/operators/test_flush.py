"""What a task emits for operators leaves its process: nothing is collected and then forgotten."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from migration_ops.ledger.protocol import LockHeldError
from migration_ops.operators import approval
from migration_ops.operators.wave import wave
from migration_ops.wave.conf.model import restore_conf


@pytest.fixture
def flushed() -> list[str]:
    return []


@pytest.fixture
def services(flushed: list[str]) -> Any:
    return SimpleNamespace(flush=lambda: flushed.append("flushed"))


@pytest.mark.parametrize("error", [None, LockHeldError("taken")])
def test_a_decision_is_flushed(
    monkeypatch: pytest.MonkeyPatch, services: Any, flushed: list[str], error: Exception | None
) -> None:
    def note(*_: Any) -> None:
        if error:
            raise error

    monkeypatch.setattr(approval, "services_of", lambda ti, plan: services)
    monkeypatch.setattr(approval, "note_decision", note)
    if error:
        with pytest.raises(LockHeldError):
            approval._write_down(None, None, {})
    else:
        approval._write_down(None, None, {})
    assert flushed == ["flushed"]


@pytest.mark.parametrize("error", [None, LockHeldError("taken")])
def test_a_registration_is_flushed(
    monkeypatch: pytest.MonkeyPatch, services: Any, flushed: list[str], error: Exception | None
) -> None:
    def register(*_: Any) -> None:
        if error:
            raise error

    plan = SimpleNamespace(conf=restore_conf({"wave": "w", "dryRun": False}), applications=())
    monkeypatch.setattr(wave, "plan_of", lambda ti: plan)
    monkeypatch.setattr(wave, "services_of", lambda ti, plan: services)
    monkeypatch.setattr(wave, "preflight", lambda services, plan: [])
    monkeypatch.setattr(wave, "register", register)
    operator = wave.PreflightOperator(task_id="preflight")
    context = {"ti": SimpleNamespace(xcom_push=lambda **_: None)}
    if error:
        with pytest.raises(LockHeldError):
            operator.execute(context)  # type: ignore[arg-type]
    else:
        assert operator.execute(context) == []  # type: ignore[arg-type]
    assert flushed == ["flushed"]
