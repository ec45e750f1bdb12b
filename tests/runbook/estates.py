"""Reads and judges a whole chapter against the sandbox, as its DAG does."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from include.local import resources
from include.sandbox.estates.account import Account
from include.sandbox.estates.own_airflow import OwnAirflow
from include.sandbox.sandbox import Sandbox
from migration_ops import runbook
from migration_ops.aws.reader import Reader
from migration_ops.core.config import read_config
from migration_ops.core.facts import Facts, is_failed
from migration_ops.core.finding import Finding
from migration_ops.core.settings import read_settings
from migration_ops.runbook.checks.check import Chapter, read_with

# Whose `now` all readings of one session share, so that values can be compared.
WINDOW = timedelta(hours=24)
Document = dict[str, Any]


def chapters() -> dict[str, Chapter]:
    """Every chapter of the package by name."""
    found = {}
    for one in pkgutil.iter_modules(runbook.__path__):
        if one.ispkg and one.name != "readers":
            module = importlib.import_module(f"{runbook.__name__}.{one.name}")
            # Work that is no list of checks (alarms, queries) has no chapter and tests of its own.
            chapter = getattr(module, "CHAPTER", None)
            if chapter is not None:
                found[chapter.name] = chapter
    return found


def account_of(box: Sandbox) -> Account:
    """For seeds and problems; the package's own resources are made first."""
    made = resources.make(box.environment)
    return Account(make=box.boto, control=box.client, settings=made, airflow=OwnAirflow())


def reader_of(box: Sandbox, account: Account) -> Reader:
    now = datetime.now(UTC)
    own = account.airflow or OwnAirflow()
    # Its heartbeats are those of the moment at which the reader looks, however long the tests go on.
    own.now = lambda: now
    return Reader(
        client=box.boto,
        config=read_config(),
        settings=read_settings(dict(account.settings)),
        now=now,
        window=WINDOW,
        airflow=own.get,
    )


def look(reader: Reader, chapter: Chapter) -> tuple[Document, dict[str, list[Finding]]]:
    """What was read (as the JSON that travels between tasks) and the findings by check id."""
    estate = json.loads(json.dumps({name: read_with(name, reader) for name in chapter.readers}))
    limits = reader.config.thresholds
    return estate, {check.check_id: check.run(Facts(estate), limits) for check in chapter.checks}


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
