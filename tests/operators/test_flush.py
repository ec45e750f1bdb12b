"""What a task emits for operators leaves its process: nothing is collected and then forgotten."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from migration_ops.ledger.protocol import LockHeldError
from migration_ops.operators import answers
from migration_ops.operators.wave import wave
from migration_ops.wave.decisions import Noted
from tests.wave.builders import document as plan_document
from tests.wave.builders import plan as plan_with


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
    def note(*_: Any) -> Noted:
        if error:
            raise error
        return Noted()

    monkeypatch.setattr(answers, "services_of", lambda ti, plan: services)
    monkeypatch.setattr(answers, "note_decision", note)
    if error:
        with pytest.raises(LockHeldError):
            answers.write_approval(None, plan_with(), {"approval": "cutover"}, {})
    else:
        answers.write_approval(None, plan_with(), {"approval": "cutover"}, {})
    assert flushed == ["flushed"]


@pytest.mark.parametrize("error", [None, LockHeldError("taken")])
def test_a_registration_is_flushed(
    monkeypatch: pytest.MonkeyPatch, services: Any, flushed: list[str], error: Exception | None
) -> None:
    def register(*_: Any) -> None:
        if error:
            raise error

    document = plan_document(dryRun=False)
    plan = plan_with(dryRun=False)
    monkeypatch.setattr(wave, "plan_of", lambda ti: plan)
    monkeypatch.setattr(wave, "services_of", lambda ti, plan: services)
    monkeypatch.setattr(wave, "preflight", lambda services, plan: [])
    monkeypatch.setattr(wave, "register", register)
    operator = wave.PreflightOperator(task_id="preflight")
    context = {"ti": SimpleNamespace(xcom_push=lambda **_: None), "dag_run": SimpleNamespace(conf=document)}
    if error:
        with pytest.raises(LockHeldError):
            operator.execute(context)  # type: ignore[arg-type]
    else:
        assert len(operator.execute(context)) == 1  # type: ignore[arg-type]
    assert flushed == ["flushed"]
