"""The time window of a runbook run: fixed by its first task, shared by all, and the same when a task is cleared."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import Context

from migration_ops.aws.reader import AwsReader
from migration_ops.core.errors import MigrationError
from migration_ops.operators.runbook.services import RunbookServices
from migration_ops.runbook.reports.history import ReportStore
from migration_ops.runbook.window import LastLook, Window, asked_window, window_of

log = logging.getLogger(__name__)

HOURS = "windowHours"


def run_window(context: Context, services: RunbookServices) -> Window:
    """
    The time that this run looks at.

    It begins where the last report ended, less ``windows.overlapMinutes``. It is stored beside the reports, so that the
    tasks of a run share it, and a cleared task finds it again. Where nothing can be stored, it ends at the run's start.
    """
    run_id, store = context["ti"].run_id, services.reports(services.dag_id)
    overlap = timedelta(minutes=services.config.thresholds.windows.overlap_minutes)
    if store is None:
        started = _started(context)
        return _fresh(context, started, LastLook(looked=started - usual_window(context)), overlap)
    try:
        fixed = store.window(run_id)
    except MigrationError as error:
        log.error("the run's window could not be read: %s", error)
        return _fresh(context, _started(context), None, overlap)
    if fixed is not None:
        return fixed
    window = _fresh(context, _first_look(context), _last_look(store), overlap)
    try:
        return store.fix_window(run_id, window)
    except MigrationError as error:
        log.error("the run's window could not be kept: %s", error)
        return _fresh(context, _started(context), _last_look(store), overlap)


def usual_window(context: Context) -> timedelta:
    """The DAG's default of ``windowHours``, which is the interval between its runs."""
    dag: Any = context.get("dag")
    params = dag.params if dag is not None else {}
    return timedelta(hours=float(params[HOURS] if HOURS in params else context["params"][HOURS]))


def windowed(reader: AwsReader, window: Window, *, again: bool) -> AwsReader:
    """
    A reader of the run's window.

    :param again: a person cleared the task: the window then begins as before, and ends now.
    """
    now = datetime.now(UTC)
    until = max(now, window.until) if again else window.until
    return replace(reader, now=until, window=until - window.since, read_at=now)


def _fresh(context: Context, until: datetime, last: LastLook | None, overlap: timedelta) -> Window:
    usual, hours = usual_window(context), context["params"][HOURS]
    conf: Any = getattr(context.get("dag_run"), "conf", None) or {}
    # The form sends every field: the DAG's own default was not chosen by anybody.
    if HOURS in conf and ("dag" not in context or timedelta(hours=hours) != usual):
        return asked_window(until, timedelta(hours=hours), last)
    return window_of(until, usual, last, overlap)


def _last_look(store: ReportStore) -> LastLook | None:
    try:
        return store.last_look()
    except MigrationError as error:
        log.error("where the last run ended could not be read, so the longest window is read: %s", error)
        return None


def _started(context: Context) -> datetime:
    """The start of the run, the same for all its tasks; now when Airflow does not say it."""
    started: datetime | None = getattr(context.get("dag_run"), "start_date", None)
    return started or datetime.now(UTC)


def _first_look(context: Context) -> datetime:
    """The end of a new window: now; for a cleared run without a window the time at which it was due."""
    run = context.get("dag_run")
    due: datetime | None = getattr(run, "run_after", None)
    return due if due is not None and getattr(run, "clear_number", None) else datetime.now(UTC)
