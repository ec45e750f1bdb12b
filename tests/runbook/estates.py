"""Reads and judges a whole chapter against the sandbox, as its DAG does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from include.local import resources
from include.sandbox.estates import wide_config
from include.sandbox.estates.account import Account
from include.sandbox.estates.own_airflow import OwnAirflow
from include.sandbox.sandbox import Sandbox
from migration_ops.aws.reader import AwsReader
from migration_ops.core.accepted import Accepted
from migration_ops.core.config import RunbookConfig, read_config
from migration_ops.core.facts import Snapshot, is_failed
from migration_ops.core.finding import Finding
from migration_ops.core.settings import read_settings
from migration_ops.runbook.checks.chapters import CHAPTERS
from migration_ops.runbook.checks.check import Chapter, read_with

# Whose `now` all readings of one session share, so that values can be compared.
WINDOW = timedelta(hours=24)
Document = dict[str, Any]
Found = dict[str, list[Finding]]


def chapters() -> dict[str, Chapter]:
    """Every chapter of the package by name."""
    return CHAPTERS


def account_of(box: Sandbox) -> Account:
    """For seeds and problems; the package's own resources are made first."""
    made = resources.make(box.environment)
    return Account(make=box.boto, control=box.client, settings=made, airflow=OwnAirflow())


@cache
def asked_for_all() -> RunbookConfig:
    """The shipped configuration of an installer who asks for the whole account: the estates have many owners' names."""
    with TemporaryDirectory() as directory:
        return read_config(wide_config.write(Path(directory)))


def reader_of(box: Sandbox, account: Account, config: RunbookConfig | None = None) -> AwsReader:
    """:param config: by default :func:`asked_for_all`."""
    now = datetime.now(UTC)
    own = account.airflow or OwnAirflow()
    # Its heartbeats are those of the moment at which the reader looks, however long the tests go on.
    own.now = lambda: now
    return AwsReader(
        make_client=box.boto,
        config=(config or asked_for_all()).model_copy(
            update={"accepted": Accepted.model_validate({"accepted": account.accepted})}
        ),
        settings=read_settings(dict(account.settings)),
        now=now,
        window=WINDOW,
        airflow=own.get,
    )


def look(reader: AwsReader, chapter: Chapter) -> tuple[Document, Found]:
    """What was read (as the JSON that travels between tasks) and the findings by check id."""
    estate = {name: read(reader, name) for name in chapter.readers}
    return estate, judge(reader, chapter, estate)


def read(reader: AwsReader, name: str) -> Document:
    """What one read finds, as it travels between tasks."""
    found: Document = json.loads(json.dumps(read_with(name, reader)))
    return found


def judge(reader: AwsReader, chapter: Chapter, estate: Document) -> Found:
    """The findings by check id."""
    limits = reader.config.thresholds
    return {check.check_id: check.run(Snapshot(estate), limits) for check in chapter.checks}


def with_each_call_refused(box: Sandbox, reader: AwsReader, chapter: Chapter) -> Iterator[tuple[str, Document, Found]]:
    """
    The chapter with each of its calls refused in turn: which call, what was read then, and the findings.

    The reads are tasks of their own, so only those that make the call are repeated.
    """
    whole, by_call = {}, dict[tuple[str, str], list[str]]()
    for name in chapter.readers:
        box.calls.clear()
        whole[name] = read(reader, name)
        for one in box.calls.counts():
            by_call.setdefault((one["service"], one["operation"]), []).append(name)
    for (service, operation), names in by_call.items():
        fault = box.faults.add_document({"kind": "accessDenied", "service": service, "operation": operation})
        estate = whole | {name: read(reader, name) for name in names}
        box.faults.remove(fault.fault_id)
        yield f"{service}:{operation}", estate, judge(reader, chapter, estate)


def failures(document: Any) -> Iterator[str]:
    """The operations that could not be read, anywhere in it."""
    if is_failed(document):
        yield document["notRead"]["operation"]
    elif isinstance(document, dict):
        for one in document.values():
            yield from failures(one)
    elif isinstance(document, list):
        for one in document:
            yield from failures(one)
