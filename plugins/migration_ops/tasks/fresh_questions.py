"""A cleared task asks with its new evidence: what its last try asked does not travel with it to the next one.

Airflow 3.3.2 gives a cleared task instance a new id, and the question (``hitl_detail``) follows it by its foreign key.
When the task asks again, ``upsert_hitl_detail`` keeps the old subject and body: people would decide on the sheet of the
try before. Airflow copies the old question to its history before the id changes, so nothing is lost here.

Works where tasks are cleared: the API server and the scheduler, which both load plugins.
"""

from __future__ import annotations

from typing import Any

from airflow.models.hitl import HITLDetail
from airflow.models.taskinstance import TaskInstance
from sqlalchemy import delete, event, inspect

# Class names, as ``task_instance.operator`` has them. Other DAGs' questions are not ours to drop.
QUESTIONS = frozenset({"EvidenceApproval", "DecideOperator", "SignOffOperator"})


def drop_old_question(mapper: Any, connection: Any, instance: Any) -> None:
    """A task instance is about to get another id: its question stays behind and is deleted."""
    old_ids = inspect(instance).attrs.id.history.deleted
    if old_ids and instance.operator in QUESTIONS:
        connection.execute(delete(HITLDetail).where(HITLDetail.ti_id.in_(list(old_ids))))


def listen() -> None:
    """Registers the above, once a process."""
    if not event.contains(TaskInstance, "before_update", drop_old_question):
        event.listen(TaskInstance, "before_update", drop_old_question)
