"""The operators of every runbook DAG: read each service once, judge each check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from airflow.sdk import Context, TriggerRule, chain
from airflow.sdk.exceptions import AirflowSkipException

from migration_ops.aws.reader import AwsReader
from migration_ops.core.batches import in_groups, side_by_side
from migration_ops.core.errors import MigrationError, UnknownError
from migration_ops.core.facts import Snapshot, failed
from migration_ops.operators.base import DocumentedOperator, doc_of
from migration_ops.operators.context import is_own_retry
from migration_ops.operators.runbook.base import FINDINGS_KEY, FindingsOperator
from migration_ops.operators.runbook.results import RESULT_KEY
from migration_ops.operators.runbook.run_window import run_window, windowed
from migration_ops.operators.runbook.services import RunbookServices, runbook_services
from migration_ops.operators.runbook.sources import CHECK, ChapterChecks, TablesOf
from migration_ops.operators.runbook.tail import tail
from migration_ops.runbook.checks.chapters import HEALTH
from migration_ops.runbook.checks.check import Chapter, Check, read_with

READ = "read"
READ_NAME = "{{ task.reader | join(', ') }}"
# At most so many tasks read a chapter's services. More than one, so that one lost task leaves other checks judged.
READ_TASKS = 4


class ReadOperator(DocumentedOperator):
    """
    Read services, once for all checks of this run. What AWS refuses is kept with the rest, and UNKNOWN in the checks.

    A service whose read breaks off makes this task red and its checks UNKNOWN; what was read of the others is kept.

    :param reader: name of a read (``Listing.reader`` of what checks are about), or of several: these are read side by
        side, and share what they list.
    """

    template_fields: Sequence[str] = ("reader",)

    def __init__(self, *, reader: str | list[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.reader = reader

    def execute(self, context: Context) -> Any:
        services = runbook_services(context)
        reader = reader_of(context, services, self)
        if isinstance(self.reader, str):
            return services.store_snapshot(self.reader, read_now(reader, self.reader))
        reader = replace(reader, shares=True)
        broken: list[Exception] = []

        def read(name: str) -> dict[str, Any]:
            try:
                return read_now(reader, name)
            except Exception as error:
                self.log.exception("%s could not be read", name)
                broken.append(error)
                return failed(f"reader {name}", UnknownError(f"its reading broke off: {type(error).__name__}"))

        read_all = zip(self.reader, side_by_side(self.reader, read), strict=True)
        left = {name: services.store_snapshot(name, document) for name, document in read_all}
        if broken:
            # A task that fails has no return value, so the result is pushed.
            context["ti"].xcom_push(key=RESULT_KEY, value=left)
            raise broken[0]
        return left


def reader_of(context: Context, services: RunbookServices, task: Any) -> AwsReader:
    """A reader for the run's window; in a task that a person cleared, from the window's beginning until now."""
    return windowed(services.reader, run_window(context, services), again=is_cleared(context["ti"], task))


def is_cleared(ti: Any, task: Any) -> bool:
    """Whether a person cleared the task, rather than Airflow trying it again by itself."""
    return bool(getattr(ti, "try_number", 1) > 1) and not is_own_retry(ti, task)


def read_now(reader: AwsReader, name: str) -> dict[str, Any]:
    """What the reader reads; the document of its failure when it cannot even begin."""
    try:
        return read_with(name, reader)
    except MigrationError as error:
        return failed(f"reader {name}", error)


class CheckOperator(FindingsOperator):
    """
    Judge one check over what was read; red when something is CRITICAL or UNKNOWN.

    When a person clears it, it reads its services again, from the beginning of the run's window until now.

    :param chapter: the chapter's name.
    :param check: the check's id.
    :param readers: the readers in the order in which the reads are mapped; a list where one task reads several.
    """

    template_fields: Sequence[str] = ("check",)
    ui_color = "#eef6ee"

    def __init__(self, *, chapter: str, check: str, readers: Sequence[str | list[str]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.chapter = chapter
        self.check = check
        self.readers = readers

    def execute(self, context: Context) -> Any:
        ti = context["ti"]
        services = runbook_services(context)
        check = Check(self.chapter, self.check)
        if services.config.resources.has_none_of(check.metadata.kind):
            ti.xcom_push(key=FINDINGS_KEY, value=[])
            raise AirflowSkipException(f"resources.yaml says that there are no {check.metadata.kind} here")
        reader = reader_of(context, services, self) if is_cleared(ti, self) else None
        estate = {name: self._read(ti, services, name, reader) for name in check.metadata.reads}
        findings = check.run(Snapshot(estate), services.config.thresholds)
        return self.publish(ti, findings)

    def _read(self, ti: Any, services: RunbookServices, name: str, reader: AwsReader | None) -> dict[str, Any]:
        if reader is not None:
            self.log.info("cleared: reads %s again", name)
            return read_now(reader, name)
        return services.load_snapshot(ti.xcom_pull(task_ids=READ, map_indexes=index_of(name, self.readers)), name)


def index_of(reader: str, mapped: Sequence[str | list[str]]) -> int:
    """Which of the mapped reads reads this."""
    return next(
        number for number, one in enumerate(mapped) if one == reader or (isinstance(one, list) and reader in one)
    )


def in_tasks(readers: Sequence[str]) -> list[list[str]]:
    """
    The readers by the task that reads them, neighbours together.

    Starting a task takes Airflow longer than reading a service, and within one task clients and listings are shared.
    """
    return in_groups(readers, -(-len(readers) // READ_TASKS))


def read_all(readers: list[str] | list[list[str]]) -> Any:
    """The mapped tasks that read the services."""
    return ReadOperator.partial(task_id=READ, map_index_template=READ_NAME, doc_md=doc_of(ReadOperator)).expand(
        reader=readers
    )


def check_all(chapter: Chapter, readers: Sequence[str | list[str]], task_id: str = CHECK) -> Any:
    """The mapped checks of a chapter. They run whatever was read: a service that was not read makes them UNKNOWN."""
    return CheckOperator.partial(
        task_id=task_id,
        chapter=chapter.name,
        readers=readers,
        map_index_template="{{ task.check }}",
        doc_md=doc_of(CheckOperator),
        trigger_rule=TriggerRule.ALL_DONE,
    ).expand(check=list(chapter.check_ids))


def wire(chapter: Chapter, title: str, *, tables: str | None = None) -> tuple[Any, Any]:
    """
    The tasks of a chapter: read → check → report → notify, and the last task, which decides the run's result.

    :param tables: id of a task whose tables belong to the report, see ``tables.add_tables``; None for none.
    :return: the mapped reads, to put something before them; and the report.
    """
    readers = in_tasks(chapter.readers)
    reads, checks = read_all(readers), check_all(chapter, readers)
    chain(reads, checks)
    sources = [ChapterChecks.of(chapter), *([TablesOf(tables)] if tables else ())]
    # The health check pages also when it has no report: no other DAG runs as often.
    report, _ = tail(checks, title, sources, pages=chapter.name == HEALTH, looks_back=True)
    return reads, report
