"""The operators of ``runbook_log_insights``: choose queries, start one, wait for it without holding a worker."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import BaseSensorOperator, Context, PokeReturnValue

from migration_ops.core.errors import InvalidInputError, MigrationError
from migration_ops.operators.base import DocumentedOperator, doc_of
from migration_ops.operators.context import result_of
from migration_ops.operators.runbook.base import publish, record
from migration_ops.operators.runbook.chapter import is_cleared
from migration_ops.operators.runbook.run_window import run_window
from migration_ops.operators.runbook.services import RunbookServices, runbook_services
from migration_ops.runbook.insights import QUERIES
from migration_ops.runbook.insights.query import read_query
from migration_ops.runbook.insights.results import finding_of, table_of, unanswered
from migration_ops.runbook.insights.run import RUNNING, results_of_all, start_all
from migration_ops.runbook.reports.text import markdown_table

ALL = "all"


class ChooseQueriesOperator(DocumentedOperator):
    """
    Check the parameters and name the queries of this run.

    With `all`, a query whose parameter is empty is left out: the daily run follows no single migration.
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
        since, until = self._span(context, services)
        try:
            started = start_all(services.reader, text, since, until)
            self.log.info("%s to %s, %d log groups:\n%s", since, until, len(started["names"]), text)
        except MigrationError as error:
            record(context["ti"], [unanswered(query, f"not asked: {error.message}")], ())
            raise
        asked = f"{since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} UTC"
        return {"queryIds": started["queryIds"], "leftOut": started["leftOut"], "asked": asked}

    def _span(self, context: Context, services: RunbookServices) -> tuple[datetime, datetime]:
        """The run's window, which begins where that of the last run ended; or the time that a person asked for."""
        params, window = context["params"], run_window(context, services)
        if params["until"]:
            return window_of(params, services.reader.now)
        return window.since, services.reader.now if is_cleared(context["ti"], self) else window.until


class QueryResultsSensor(BaseSensorOperator):
    """
    Wait until a query has ended, without holding a worker, and leave its rows for the report.

    Red when the query failed, was cancelled or timed out (UNKNOWN), or when its finding is red.

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
            # A run that began before an upgrade left one id.
            answer = results_of_all(services.reader, started.get("queryIds") or [started["queryId"]])
        except MigrationError as error:
            record(ti, [unanswered(query, error.message)], ())
            raise
        if answer["status"] in RUNNING:
            self.log.info("the query is %s", answer["status"])
            return PokeReturnValue(is_done=False)
        finding = finding_of(query, answer, services.config.thresholds, started["leftOut"], started["asked"])
        table = table_of(query, answer["rows"])
        self.log.info("%s", markdown_table(table))
        publish(ti, [finding], [table])
        return PokeReturnValue(is_done=True, xcom_value={"rows": len(answer["rows"])})


def window_of(params: Any, now: datetime) -> tuple[datetime, datetime]:
    """The time that is asked about: from ``windowHours`` before ``until`` (or before now) to that moment.

    :raises InvalidInputError: ``until`` is no time, has no zone, or is not past.
    """
    until = now
    if params["until"]:
        try:
            until = datetime.fromisoformat(params["until"])
        except ValueError as error:
            raise InvalidInputError("must be a time as ISO 8601", path="until", value=params["until"][:100]) from error
        if until.tzinfo is None or until > now:
            raise InvalidInputError("must have a zone and be past", path="until", value=params["until"][:100])
    return until - timedelta(hours=params["windowHours"]), until
