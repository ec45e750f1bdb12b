"""Listener: puts the note that a task left (XCom ``run_note``) on the DAG run when it ends.

A task has no call for it: the execution API knows no notes. DAG-run hooks run in the scheduler, whose own session is
used, because a second one would wait for the first one's lock on SQLite.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from airflow.listeners import hookimpl
from airflow.models.hitl import HITLDetail
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from sqlalchemy import delete, event, inspect, select
from sqlalchemy.orm import object_session

from migration_ops.operators.context import NOTE_KEY

log = logging.getLogger(__name__)


@hookimpl
def on_dag_run_success(dag_run: Any, msg: str) -> None:
    _write(dag_run)


@hookimpl
def on_dag_run_failed(dag_run: Any, msg: str) -> None:
    _write(dag_run)


def _write(dag_run: Any) -> None:
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
    if note is not None:
        # XCom values are stored as JSON text.
        dag_run.note = json.loads(note) if isinstance(note, str) and note.startswith('"') else str(note)


# Class names, as ``task_instance.operator`` has them. Other DAGs' questions are not ours to drop.
QUESTIONS = frozenset({"ChangeApproval", "EvidenceApproval", "DecideOperator", "SignOffOperator"})


def drop_old_question(mapper: Any, connection: Any, instance: Any) -> None:
    """A task instance is about to get another id: its question stays behind and is deleted."""
    old_ids = inspect(instance).attrs.id.history.deleted
    if old_ids and instance.operator in QUESTIONS:
        connection.execute(delete(HITLDetail).where(HITLDetail.ti_id.in_(list(old_ids))))


def listen() -> None:
    """Registers the above, once a process."""
    if not event.contains(TaskInstance, "before_update", drop_old_question):
        event.listen(TaskInstance, "before_update", drop_old_question)
