"""Base of the tasks that make findings: what they leave for the report, and when they are red."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airflow.sdk.exceptions import AirflowFailException

from migration_ops.core.accepted import apply
from migration_ops.core.config import read_config
from migration_ops.core.finding import RED, Finding, worst
from migration_ops.core.settings import read_settings
from migration_ops.operators.base import DocumentedOperator

FINDINGS_KEY = "findings"
TABLES_KEY = "tables"
log = logging.getLogger(__name__)


def with_accepted(findings: list[Finding]) -> list[Finding]:
    """Applies ``accepted.yaml`` (see ``accepted.apply``). Every finding of a runbook task passes here once.

    :raises InvalidInputError: ``accepted.yaml`` is wrong.
    """
    settings = read_settings()
    config = read_config(Path(settings.config_directory) if settings.config_directory else None)
    return apply(findings, config.accepted, datetime.now(UTC).date())


def push(ti: Any, findings: Sequence[Finding], tables: Sequence[dict[str, Any]] | None = None) -> list[Finding]:
    """
    Leaves findings for the report without logging them: for what is true only until the task has ended.

    :param tables: further tables of the report; None: the task has none.
    :return: the findings after ``accepted.yaml`` was applied.
    :raises InvalidInputError: ``accepted.yaml`` is wrong.
    """
    found = with_accepted(list(findings))
    ti.xcom_push(key=FINDINGS_KEY, value=[one.as_document() for one in found])
    if tables is not None:
        ti.xcom_push(key=TABLES_KEY, value=list(tables))
    return found


def record(ti: Any, findings: Sequence[Finding], tables: Sequence[dict[str, Any]] | None = None) -> list[Finding]:
    """As :func:`push`, and logs each; for a task that fails with an error of its own."""
    found = push(ti, findings, tables)
    for one in found:
        line = f"{one.verdict} {one.check_id} {one.resource}: {one.reason} {list(one.evidence) or ''}"
        (log.error if one.verdict in RED else log.info)("%s", line)
    return found


def publish(ti: Any, findings: Sequence[Finding], tables: Sequence[dict[str, Any]] | None = None) -> dict[str, Any]:
    """
    As :func:`record`; the task is red when something is CRITICAL or UNKNOWN.

    :return: ``verdict``, the worst one, and how many ``findings`` there are.
    :raises AirflowFailException: something is red; the findings are left for the report before that.
    :raises InvalidInputError: ``accepted.yaml`` is wrong.
    """
    found = record(ti, findings, tables)
    bad = [one for one in found if one.verdict in RED]
    if bad:
        log.error("What to do: %s (runbook: %s)", bad[0].remedy, bad[0].section)
        first = f"{bad[0].resource}: {bad[0].reason}"
        raise AirflowFailException(f"{len(bad)} of {len(found)} findings are red; the first: {first}")
    return {"verdict": worst(found).value, "findings": len(found)}


class FindingsOperator(DocumentedOperator):
    """Base of tasks that leave findings; red when one of them is CRITICAL or UNKNOWN."""

    def publish(
        self, ti: Any, findings: Sequence[Finding], tables: Sequence[dict[str, Any]] | None = None
    ) -> dict[str, Any]:
        """See :func:`publish`."""
        return publish(ti, findings, tables)
