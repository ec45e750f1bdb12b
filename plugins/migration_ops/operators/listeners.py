"""Listeners: run notes, and questions that are asked again. They act on this package's DAGs only.

The note that a task left (XCom ``run_note``) is put on the DAG run when it ends: a task cannot do that, as the
execution API has no notes. DAG-run hooks run in the scheduler, whose own session is used, because on SQLite a second
one would wait for the lock of the first.

A question's row (``hitl_detail``) outlives the clearing of its task, and Airflow 3.3.2 keeps its old subject and body
when the task asks again (ADR 0018).
"""

from __future__ import annotations

import json
import logging
from typing import Any

from airflow.listeners import hookimpl
from airflow.models.dagrun import DagRunNote
from airflow.models.hitl import HITLDetail
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from airflow.utils.state import TaskInstanceState
from sqlalchemy import delete, event, inspect, select
from sqlalchemy.orm import Session, object_session

from migration_ops.operators.context import NOTE_KEY
from migration_ops.operators.own_dags import OWN_DAGS

log = logging.getLogger(__name__)


@hookimpl
def on_dag_run_success(dag_run: Any, msg: str) -> None:
    _write(dag_run)


@hookimpl
def on_dag_run_failed(dag_run: Any, msg: str) -> None:
    _write(dag_run)


def _write(dag_run: Any) -> None:
    if dag_run.dag_id not in OWN_DAGS:
        return
    session = object_session(dag_run)
    if session is None:
        log.warning("run %s: no session, its note is not written", dag_run.run_id)
        return
    query = (
        select(XComModel.value)
        .where(XComModel.dag_id == dag_run.dag_id, XComModel.run_id == dag_run.run_id, XComModel.key == NOTE_KEY)
        .order_by(XComModel.timestamp.desc())
        .limit(1)
    )
    note = session.scalar(query)
    if note is not None and not _is_of_a_person(session, dag_run):
        # XCom values are stored as JSON text.
        dag_run.note = json.loads(note) if isinstance(note, str) and note.startswith('"') else str(note)


def _is_of_a_person(session: Session, dag_run: Any) -> bool:
    """Whether a user wrote the note: Airflow keeps the author, and ours has none."""
    author = select(DagRunNote.user_id).where(DagRunNote.dag_run_id == dag_run.id)
    return session.scalar(author) is not None


# Class names, as ``task_instance.operator`` has them.
QUESTIONS = frozenset({"ChangeApproval", "EvidenceApproval", "DecideOperator", "SignOffOperator"})


def drop_old_question(mapper: Any, connection: Any, instance: Any) -> None:
    """
    A task instance is cleared: it gets another id, and its question is deleted instead of following.

    Called before the update and again after it: a question asked at the same moment has got the new id by then.
    """
    old_ids = inspect(instance).attrs.id.history.deleted
    if old_ids and instance.operator in QUESTIONS and instance.dag_id in OWN_DAGS:
        connection.execute(delete(HITLDetail).where(HITLDetail.ti_id.in_([*old_ids, instance.id])))


def drop_question_of_earlier_try(execution: Any) -> None:
    """
    A try begins: a question that is there already belongs to an earlier try, however that was reset.

    ``airflow tasks clear`` runs in a process without this plugin, and the scheduler queues a lost task again under its
    old id. But each try begins with the same statement of the execution API: this task instance is running now.
    """
    if not execution.is_update or execution.bind_mapper is not inspect(TaskInstance):
        return
    values = execution.statement.compile().params
    if values.get("state") != TaskInstanceState.RUNNING or "id_1" not in values:
        return
    of_a_first_stint = select(TaskInstance.id).where(
        TaskInstance.id == values["id_1"],
        TaskInstance.operator.in_(QUESTIONS),
        TaskInstance.dag_id.in_(OWN_DAGS),
        # Set when it goes on after its answer.
        TaskInstance.next_method.is_(None),
    )
    execution.session.connection().execute(delete(HITLDetail).where(HITLDetail.ti_id.in_(of_a_first_stint)))


def listen() -> None:
    """Registers the above, once a process."""
    for target, name, hook in (
        (TaskInstance, "before_update", drop_old_question),
        (TaskInstance, "after_update", drop_old_question),
        (Session, "do_orm_execute", drop_question_of_earlier_try),
    ):
        if not event.contains(target, name, hook):
            event.listen(target, name, hook)
