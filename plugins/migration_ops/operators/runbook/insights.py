"""The operators of ``runbook_log_insights``: choose queries, start one, wait for it without holding a worker."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import BaseSensorOperator, Context, PokeReturnValue
from airflow.sdk.exceptions import AirflowFailException

from migration_ops.core.errors import InvalidInput, MigrationError, Unknown
from migration_ops.core.facts import NOT_READ, is_failed
from migration_ops.core.finding import RED, Finding
from migration_ops.operators.base import DocumentedOperator, doc_of
from migration_ops.operators.context import result_of
from migration_ops.operators.runbook.base import FINDINGS_KEY
from migration_ops.operators.runbook.chapter import TABLES_KEY
from migration_ops.operators.runbook.services import runbook_services
from migration_ops.runbook.insights import QUERIES
from migration_ops.runbook.insights.query import read_query
from migration_ops.runbook.insights.results import finding_of, table_of, unanswered
from migration_ops.runbook.insights.run import RUNNING, log_groups, results, start
from migration_ops.runbook.reports.text import markdown_table

ALL = "all"


class ChooseQueriesOperator(DocumentedOperator):
    """
    Check the parameters and name the queries of this run.

    Of `all`, a query whose parameter is empty is left out: the daily run tracks no single migration.
    """

    def execute(self, context: Context) -> Any:
        params = context["params"]
        window_of(params, datetime.now(UTC))
        chosen = list(QUERIES) if params["query"] == ALL else [params["query"]]
        asked = []
        for name in chosen:
            query = read_query(name)
            missing = query.missing(params)
            if missing and params["query"] == ALL:
                self.log.info("%s is not asked: it needs %s", name, ", ".join(missing))
                continue
            query.filled(params)
            asked.append(name)
        return asked


class StartQueryOperator(DocumentedOperator):
    """
    Start one query over our own log group and those of our functions.

    A query only reads; clearing this task **with downstream** asks again.

    :param query: name of a file in ``include/queries``.
    """

    template_fields: Sequence[str] = ("query",)

    def __init__(self, *, query: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.query = query

    def execute(self, context: Context) -> Any:
        services, params = runbook_services(context), context["params"]
        query = read_query(self.query)
        text = query.filled(params)
        since, until = window_of(params, services.reader.now)
        try:
            groups = log_groups(services.reader)
            if is_failed(groups):
                raise Unknown(groups[NOT_READ]["message"], operation=groups[NOT_READ]["operation"])
            self.log.info("%s to %s, %d log groups:\n%s", since, until, len(groups["names"]), text)
            query_id = start(services.reader, text, groups["names"], since, until)
        except MigrationError as error:
            _leave(context["ti"], unanswered(query, f"not asked: {error.message}"))
            raise
        asked = f"{since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} UTC"
        return {"queryId": query_id, "leftOut": groups["leftOut"], "asked": asked}


class QueryResultsSensor(BaseSensorOperator):
    """
    Wait for a query's end between looks, without holding a worker, and leave its rows for the report.

    Red when the query failed, was cancelled or timed out: then nobody knows (UNKNOWN).

    :param query: name of a file in ``include/queries``.
    :param start: id of the task that started it.
    """

    template_fields: Sequence[str] = ("query",)

    def __init__(self, *, query: str, start: str, **kwargs: Any) -> None:
        kwargs.setdefault("doc_md", doc_of(type(self)))
        super().__init__(mode="reschedule", **kwargs)
        self.query = query
        self.start = start

    def poke(self, context: Context) -> PokeReturnValue:
        ti = context["ti"]
        query, started = read_query(self.query), result_of(ti, self.start)
        try:
            services = runbook_services(context)
            answer = results(services.reader, started["queryId"])
        except MigrationError as error:
            _leave(ti, unanswered(query, error.message))
            raise
        if answer["status"] in RUNNING:
            self.log.info("the query is %s", answer["status"])
            return PokeReturnValue(is_done=False)
        finding = finding_of(query, answer, services.config.thresholds, started["leftOut"], started["asked"])
        table = table_of(query, answer["rows"])
        _leave(ti, finding, table)
        self.log.info("%s: %s\n%s", finding.verdict, finding.reason, markdown_table(table))
        if finding.verdict in RED:
            raise AirflowFailException(finding.reason)
        return PokeReturnValue(is_done=True, xcom_value={"rows": len(answer["rows"])})


def _leave(ti: Any, finding: Finding, table: dict[str, Any] | None = None) -> None:
    """For the report; also when this task fails."""
    ti.xcom_push(key=FINDINGS_KEY, value=[finding.as_document()])
    ti.xcom_push(key=TABLES_KEY, value=[table] if table else [])


def window_of(params: Any, now: datetime) -> tuple[datetime, datetime]:
    """From when to when is asked, UTC: ``windowHours`` before ``until``, or before now.

    :raises InvalidInput: ``until`` is no time, has no zone, or is not past.
    """
    until = now
    if params["until"]:
        try:
            until = datetime.fromisoformat(params["until"])
        except ValueError as error:
            raise InvalidInput("must be a time as ISO 8601", path="until", value=params["until"][:100]) from error
        if until.tzinfo is None or until > now:
            raise InvalidInput("must have a zone and be past", path="until", value=params["until"][:100])
    return until - timedelta(hours=params["windowHours"]), until
