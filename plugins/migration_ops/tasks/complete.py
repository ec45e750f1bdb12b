"""The leaf that gives a run its colour."""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator

from migration_ops.tasks.documented import doc_of


class CompleteOperator(EmptyOperator):
    """The run's colour: green only when nothing before it failed. It does nothing itself; its trigger rule decides."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("doc_md", doc_of(type(self)))
        super().__init__(**kwargs)
