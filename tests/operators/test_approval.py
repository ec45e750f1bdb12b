"""Questions: people must see the one that is asked. Airflow's database is a real one, in memory."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from airflow.models import import_all_models
from airflow.models.base import Base
from airflow.models.hitl import HITLDetail
from airflow.models.taskinstance import TaskInstance
from airflow.sdk.exceptions import AirflowFailException, TaskAwaitingInput
from sqlalchemy import create_engine, insert, select
from sqlalchemy.orm import Session, lazyload

from migration_ops.operators import listeners as fresh_questions
from migration_ops.operators.approval import DecideOperator, EvidenceApproval, StrictHITLOperator
from migration_ops.operators.change_approval import ChangeApproval
from migration_ops.operators.runbook.sign_off import SignOffOperator


@pytest.fixture
def session() -> Any:
    engine = create_engine("sqlite://")
    import_all_models()  # the tables refer to each other
    Base.metadata.create_all(engine)
    fresh_questions.listen()
    with Session(engine, expire_on_commit=False) as one:
        yield one


def _asked(session: Session, operator: str) -> TaskInstance:
    """A task instance with a question, as the database has them."""
    number = uuid4()
    values = {
        "id": number,
        "task_id": "approve",
        "dag_id": "migration_wave",
        "run_id": str(number),
        "map_index": -1,
        "operator": operator,
    }
    session.execute(insert(TaskInstance.__table__).values(**values, pool_slots=1, pool="p", try_number=1, max_tries=6))
    session.execute(insert(HITLDetail.__table__).values(ti_id=number, options=["Approve"], subject="?", body="old"))
    session.commit()
    found = session.get(TaskInstance, number, options=[lazyload("*")])
    assert found is not None
    return found


def _questions(session: Session) -> list[str]:
    return list(session.scalars(select(HITLDetail.__table__.c.body)))


@pytest.mark.parametrize("operator", sorted(fresh_questions.QUESTIONS))
def test_the_question_of_a_cleared_task_is_dropped(session: Session, operator: str) -> None:
    cleared = _asked(session, operator)
    other = _asked(session, operator)
    cleared.id = uuid4()  # what clearing does: TaskInstance.prepare_db_for_next_try
    session.commit()
    assert _questions(session) == ["old"]
    other.try_number = 2  # any other change
    session.commit()
    assert _questions(session) == ["old"]


def test_the_questions_of_other_dags_are_left_alone(session: Session) -> None:
    other = _asked(session, "ApprovalOperator")
    other.id = uuid4()
    session.commit()
    assert _questions(session) == ["old"]


def test_every_question_of_the_package_is_known_by_its_class() -> None:
    assert {
        one.__name__ for one in (ChangeApproval, EvidenceApproval, DecideOperator, SignOffOperator)
    } <= fresh_questions.QUESTIONS
    kinds = {one.__name__ for one in StrictHITLOperator.__subclasses__()}
    assert kinds == fresh_questions.QUESTIONS


class Supervisor:
    """Airflow's side of a task: keeps the first question, as its API does, or each new one."""

    def __init__(self, kept: SimpleNamespace | None) -> None:
        self.kept = kept

    def send(self, msg: Any) -> Any:
        self.kept = self.kept or SimpleNamespace(subject=msg.subject, body=msg.body)
        return self.kept


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Any:
    def execute(kept: SimpleNamespace | None) -> None:
        monkeypatch.setattr("airflow.sdk.execution_time.task_runner.SUPERVISOR_COMMS", Supervisor(kept), raising=False)
        operator = StrictHITLOperator(task_id="approve", subject="Approve?", body="new", options=["Approve", "Reject"])
        operator.execute({"ti": SimpleNamespace(id=uuid4()), "task_instance": SimpleNamespace(id=uuid4())})

    return execute


def test_a_question_that_is_shown_as_asked_waits(ask: Any) -> None:
    with pytest.raises(TaskAwaitingInput):
        ask(None)


@pytest.mark.parametrize(
    "kept",
    [SimpleNamespace(subject="Approve?", body="old"), SimpleNamespace(subject="Something else?", body="new")],
)
def test_one_that_airflow_shows_otherwise_is_never_waited_for(ask: Any, kept: SimpleNamespace) -> None:
    with pytest.raises(AirflowFailException, match="old evidence"):
        ask(kept)
