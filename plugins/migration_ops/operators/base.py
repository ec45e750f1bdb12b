"""A task's page in the UI shows the docstring of its code, without the parts for programmers."""

from __future__ import annotations

import inspect
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import BaseOperator


class DocumentedOperator(BaseOperator):
    """Base of operators whose page in the UI is their class's docstring."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("doc_md", doc_of(type(self)))
        super().__init__(**kwargs)


def doc_of(thing: Any) -> str:
    """The prose of a docstring as Markdown: everything before the first ``:param`` or ``:raises``."""
    lines = (inspect.getdoc(thing) or "").splitlines()
    end = next((number for number, line in enumerate(lines) if line.startswith(":")), len(lines))
    return "\n".join(lines[:end]).replace("``", "`").strip()


class CompleteOperator(EmptyOperator):
    """The run's result: green only when no task before it failed. It does nothing itself; its trigger rule decides."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("doc_md", doc_of(type(self)))
        super().__init__(**kwargs)
