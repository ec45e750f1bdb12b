"""A question that is asked again shows its new evidence, whatever was done to its task. Airflow's models, on SQLite."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from airflow.api_fastapi.execution_api.datamodels.hitl import HITLDetailRequest
from airflow.api_fastapi.execution_api.routes import hitl as hitl_routes
from airflow.api_fastapi.execution_api.routes import task_instances
from airflow.models import import_all_models
from airflow.models.base import Base
from airflow.models.dagrun import DagRun, DagRunNote
from airflow.models.hitl import HITLDetail
from airflow.models.taskinstance import TaskInstance, clear_task_instances
from airflow.models.xcom import XComModel
from airflow.utils import timezone
from airflow.utils.state import TaskInstanceState
from sqlalchemy import Engine, create_engine, delete, event, insert, select, update
from sqlalchemy import inspect as inspect_state
from sqlalchemy.orm import Session, lazyload

from migration_ops.operators import listeners
from migration_ops.operators.own_dags import OWN_DAGS
from tests.dags.dag_files import dag_ids

STATES = ["awaiting_input", "running", "queued", "scheduled", "success", "failed", "skipped", "up_for_retry", None]


@pytest.fixture(scope="module")
def database() -> Engine:
    engine = create_engine("sqlite://")
    # As Airflow does it: a question follows its task's id.
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys=ON"))
    import_all_models()
    Base.metadata.create_all(engine)
    listeners.listen()
    return engine


@pytest.fixture
def session(database: Engine) -> Iterator[Session]:
    with Session(database, expire_on_commit=False) as one:
        yield one
        one.rollback()
        for model in (HITLDetail, XComModel, TaskInstance, DagRunNote, DagRun):
            one.execute(delete(model.__table__))
        one.commit()


def asked(
    session: Session,
    state: str | None,
    *,
    answered: bool = False,
    dag_id: str = "migration_wave",
    operator: str = "DecideOperator",
    **more: Any,
) -> UUID:
    """A run with a task that has asked; the id of its task instance."""
    number, now = uuid4(), timezone.utcnow()
    session.execute(
        insert(DagRun.__table__).values(
            dag_id=dag_id,
            run_id=str(number),
            run_type="manual",
            state="running",
            run_after=now,
            clear_number=0,
            conf={},
        )
    )
    of_task = {"id": number, "task_id": "cutover.decide", "dag_id": dag_id, "run_id": str(number), "map_index": 0}
    of_task |= {"operator": operator, "pool": "p", "pool_slots": 1, "try_number": 1, "max_tries": 6, "state": state}
    session.execute(insert(TaskInstance.__table__).values(**of_task, **more))
    answer = {"responded_at": now, "chosen_options": ["Roll back"]} if answered else {}
    session.execute(
        insert(HITLDetail.__table__).values(ti_id=number, options=["Roll back"], subject="?", body="old", **answer)
    )
    session.commit()
    return number


def found(session: Session, number: UUID) -> TaskInstance:
    """By its run: its id changes."""
    query = select(TaskInstance).options(lazyload("*")).where(TaskInstance.run_id == str(number))
    return session.scalars(query).one()


def clear(session: Session, number: UUID) -> None:
    """What the UI, REST and a PATCH that resets what is downstream end in."""
    clear_task_instances([found(session, number)], session)
    session.commit()


def clear_without_the_plugin(session: Session, number: UUID) -> None:
    """What the command line ends in: its process has no listeners."""
    for name in ("before_update", "after_update"):
        event.remove(TaskInstance, name, listeners.drop_old_question)
    clear(session, number)
    listeners.listen()


def queue_again(session: Session, number: UUID) -> None:
    """What the scheduler does with a task that its executor lost: another try under the old id."""
    found(session, number).try_number += 1
    session.commit()


def patched(session: Session, number: UUID) -> None:
    """A person sets the state, then clears."""
    found(session, number).state = TaskInstanceState.SUCCESS
    session.commit()
    clear(session, number)


def begin(session: Session, number: UUID) -> None:
    """As ``ti_run`` of the execution API says it."""
    ti = found(session, number).id
    query = update(TaskInstance).where(TaskInstance.id == ti).values({"hostname": "h"})
    session.execute(query.values(state=TaskInstanceState.RUNNING, pid=1))
    session.commit()


def ask(session: Session, number: UUID, body: str = "new") -> str:
    """What Airflow keeps when the task asks."""
    ti = found(session, number).id
    session.expire_all()
    payload = HITLDetailRequest(ti_id=ti, options=["Roll back"], subject="?", body=body, params={})
    kept = hitl_routes.upsert_hitl_detail(ti, payload, session)
    session.commit()
    return str(kept.body)


@pytest.mark.parametrize("answered", [False, True])
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("way", [clear, clear_without_the_plugin, queue_again, patched])
def test_asked_again_it_shows_what_is_asked_now(session: Session, state: str | None, answered: bool, way: Any) -> None:
    number, other = asked(session, state, answered=answered), asked(session, "awaiting_input")
    way(session, number)
    begin(session, number)
    assert ask(session, number) == "new"
    assert session.scalar(select(HITLDetail.body).where(HITLDetail.ti_id == other)) == "old"


def test_a_question_that_is_asked_while_its_task_is_cleared_is_dropped_too(session: Session) -> None:
    """Its row is there only after the listener's first look; the new id takes it along."""
    number = asked(session, "running")
    session.execute(delete(HITLDetail))

    def ask_now(mapper: Any, connection: Any, instance: Any) -> None:
        if inspect_state(instance).attrs.id.history.deleted:
            row = {"ti_id": number, "options": ["A"], "subject": "?", "body": "old"}
            connection.execute(insert(HITLDetail.__table__).values(**row))

    event.listen(TaskInstance, "before_update", ask_now)
    try:
        clear(session, number)
    finally:
        event.remove(TaskInstance, "before_update", ask_now)
    assert session.scalar(select(HITLDetail.body)) is None


@pytest.mark.parametrize("state", STATES)
def test_once_cleared_the_old_question_cannot_be_answered(session: Session, state: str | None) -> None:
    number = asked(session, state)
    clear(session, number)
    assert session.scalar(select(HITLDetail.body)) is None


def test_a_question_that_is_answered_goes_on_with_its_answer(session: Session) -> None:
    number = asked(session, "queued", answered=True, next_method="execute_complete")
    begin(session, number)
    assert session.scalar(select(HITLDetail.chosen_options)) == ["Roll back"]


@pytest.mark.parametrize("values", [{"state": TaskInstanceState.QUEUED}, {"pid": 1}])
def test_other_updates_leave_a_question_alone(session: Session, values: dict[str, Any]) -> None:
    number = asked(session, "awaiting_input")
    session.execute(update(TaskInstance).where(TaskInstance.id == number).values(values))
    session.commit()
    assert session.scalar(select(HITLDetail.body)) == "old"


@pytest.mark.parametrize(
    "other",
    [{"dag_id": "somebody_elses"}, {"operator": "ApprovalOperator"}, {"operator": "EvidenceApproval", "dag_id": "x"}],
)
@pytest.mark.parametrize("way", [clear, queue_again])
def test_the_questions_of_others_are_left_to_airflow(session: Session, other: dict[str, str], way: Any) -> None:
    number = asked(session, "awaiting_input", **other)
    way(session, number)
    begin(session, number)
    assert session.scalar(select(HITLDetail.body)) == "old"


def test_airflow_begins_a_try_with_the_statement_that_is_listened_to() -> None:
    source = inspect.getsource(task_instances.ti_run)
    assert "update(TI).where(TI.id == task_instance_id)" in source
    assert "state=TaskInstanceState.RUNNING" in source
    assert "session.execute(query)" in source


def test_the_ids_of_our_dags_are_those_of_the_folder() -> None:
    assert set(dag_ids()) == OWN_DAGS


class TestRunNotes:
    def ended(self, session: Session, dag_id: str, note: str | None = None, user: str | None = None) -> str | None:
        """The run's note after it ended with one of a task's."""
        number = asked(session, "success", dag_id=dag_id)
        run = session.scalars(select(DagRun).options(lazyload("*")).where(DagRun.run_id == str(number))).one()
        session.execute(
            insert(XComModel.__table__).values(
                dag_run_id=run.id, dag_id=dag_id, run_id=run.run_id, task_id="cutover.decide", map_index=0,
                key="run_note", value='"by a task"', timestamp=timezone.utcnow(),
            )
        )  # fmt: skip
        if note:
            session.execute(insert(DagRunNote.__table__).values(dag_run_id=run.id, content=note, user_id=user))
        session.commit()
        listeners.on_dag_run_success(run, "")
        session.commit()
        return session.scalar(select(DagRunNote.content).where(DagRunNote.dag_run_id == run.id))

    def test_it_is_written_and_written_anew(self, session: Session) -> None:
        assert self.ended(session, "migration_wave") == "by a task"
        assert self.ended(session, "migration_wave", "ours, of the try before") == "by a task"

    def test_never_over_a_persons(self, session: Session) -> None:
        assert (
            self.ended(session, "migration_wave", "call me before you clear this", "7")
            == "call me before you clear this"
        )

    def test_never_on_another_dags_run(self, session: Session) -> None:
        assert self.ended(session, "somebody_elses") is None
