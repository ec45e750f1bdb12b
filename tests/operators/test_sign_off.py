"""Questions of a checklist: silence, "not done" and a bad link are red, and who answered is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskAwaitingInput

from migration_ops.operators.runbook.sign_off import ANSWER_KEY, NOT_DONE, SIGN, SignOffOperator
from migration_ops.runbook.sign_off import LATE_DAYS, State

LINK = "https://wiki.example/page"


def item(days: float = 7, **more: Any) -> dict[str, Any]:
    due = datetime.now(UTC) + timedelta(days=days)
    return {
        "id": "audit_cost",
        "title": "Costs {{ 7 * 7 }}",
        "section": "Maintenance Tasks",
        "todo": ["Look at [this](https://evil.example) {{ 7 * 7 }}."],
        "owner": "tech-lead",
        "contact": "N. N. (topic)",
        "dueAt": due.isoformat(timespec="seconds"),
        "signers": [],
        **more,
    }


class Ti(SimpleNamespace):
    """Keeps what is pushed."""

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


@pytest.fixture
def ti() -> Ti:
    return Ti(id=uuid4(), pushed={})


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What Airflow is asked to show; it shows it."""
    sent: list[Any] = []

    def send(msg: Any) -> Any:
        sent.append(msg)
        return SimpleNamespace(subject=msg.subject, body=msg.body)

    supervisor = SimpleNamespace(send=send)
    monkeypatch.setattr("airflow.sdk.execution_time.task_runner.SUPERVISOR_COMMS", supervisor, raising=False)
    return sent


def ask(ti: Ti, **more: Any) -> TaskAwaitingInput:
    operator = SignOffOperator(task_id="sign_off", item=item(**more), execution_timeout=timedelta(minutes=60))
    with pytest.raises(TaskAwaitingInput) as waiting:
        operator.execute({"ti": ti, "task_instance": ti})
    return waiting.value


def answered(ti: Ti, options: list[str], params: Any, days: float = 7, at: datetime | None = None) -> Any:
    event = {
        "chosen_options": options,
        "params_input": params,
        "responded_at": at or datetime.now(UTC),
        "responded_by_user": {"id": "7", "name": "alice"},
    }
    operator = SignOffOperator(task_id="sign_off", item=item(days))
    return operator.execute_complete({"ti": ti}, event)


class TestAsking:
    def test_people_have_until_the_due_date_and_nothing_answers_for_them(self, ti: Ti, asked: list[Any]) -> None:
        waiting = ask(ti)
        assert timedelta(days=6.9) < waiting.timeout <= timedelta(days=7)
        assert not asked[0].defaults
        assert asked[0].options == [SIGN, NOT_DONE]
        assert set(asked[0].params) == {"evidence", "comment"}

    def test_after_the_due_date_some_days_remain(self, ti: Ti, asked: list[Any]) -> None:
        assert ask(ti, days=-3).timeout == timedelta(days=LATE_DAYS)

    def test_text_of_the_configuration_is_no_template_and_no_link(self, ti: Ti, asked: list[Any]) -> None:
        ask(ti)
        assert "{{ 7 * 7 }}" in asked[0].subject
        assert "[this](" not in asked[0].body
        assert "https://" not in asked[0].body
        assert "subject" not in SignOffOperator.template_fields
        assert "body" not in SignOffOperator.template_fields

    def test_only_the_owners_may_sign_where_they_are_named(self, ti: Ti, asked: list[Any]) -> None:
        ask(ti, signers=["alice", "bob"])
        assert [one.id for one in asked[0].assigned_users] == ["alice", "bob"]


class TestAnswer:
    def test_signed_off_with_evidence(self, ti: Ti) -> None:
        at = datetime(2026, 1, 9, 10, 0, tzinfo=UTC)
        kept = answered(ti, [SIGN], {"evidence": f" {LINK} ", "comment": "fine"}, at=at)
        assert kept == {
            "state": State.SIGNED.value,
            "by": "alice",
            "at": "2026-01-09T10:00:00+00:00",
            "evidence": LINK,
            "comment": "fine",
        }
        assert ti.pushed[ANSWER_KEY] == kept

    def test_late_is_signed_and_says_so(self, ti: Ti) -> None:
        assert answered(ti, [SIGN], {"evidence": LINK, "comment": None}, days=-1)["state"] == State.LATE

    @pytest.mark.parametrize(
        ("options", "params", "state"),
        [
            ([NOT_DONE], {"evidence": LINK, "comment": "next month"}, State.NOT_DONE),
            ([SIGN], {"evidence": None, "comment": None}, State.NO_EVIDENCE),
            ([SIGN], {"evidence": "javascript:alert(1)", "comment": ""}, State.NO_EVIDENCE),
            ([SIGN], None, State.NO_EVIDENCE),
            ([], {"evidence": LINK, "comment": ""}, State.NOT_DONE),
        ],
    )
    def test_anything_else_is_red_and_kept_with_who_said_it(
        self, ti: Ti, options: list[str], params: Any, state: State
    ) -> None:
        with pytest.raises(AirflowFailException, match="Clear this task"):
            answered(ti, options, params)
        assert ti.pushed[ANSWER_KEY]["state"] == state
        assert ti.pushed[ANSWER_KEY]["by"] == "alice"

    def test_silence_is_red(self, ti: Ti) -> None:
        operator = SignOffOperator(task_id="sign_off", item=item())
        with pytest.raises(AirflowFailException, match="nobody answered in time"):
            operator.execute_complete({"ti": ti}, {"error": "timed out", "error_type": "timeout"})
        assert ti.pushed[ANSWER_KEY]["state"] == State.NO_ANSWER
        assert ti.pushed[ANSWER_KEY]["by"] == ""

    def test_an_option_that_was_not_offered_is_no_answer(self, ti: Ti) -> None:
        with pytest.raises(ValueError, match="not in"):
            answered(ti, ["Approve"], {"evidence": LINK, "comment": ""})
        assert ti.pushed == {}
