"""Reports by date in the evidence bucket, and what the next run compares itself with."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from migration_ops.aws.evidence_store import EvidenceStore
from migration_ops.core.errors import MigrationError
from migration_ops.runbook.reports.report import Report
from migration_ops.runbook.reports.text import html, markdown

PREFIX = "runbook"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_ABSENT = frozenset({"NoSuchKey", "404", "NotFound"})


@dataclass(frozen=True)
class KeptReports:
    """The reports of one DAG in one bucket."""

    store: EvidenceStore
    dag_id: str

    def keep(self, report: Report) -> str:
        """Writes JSON, Markdown and HTML under the report's date, then makes it the latest; the HTML's key.

        :raises MigrationError: S3 did not take one of them. Doing it again is harmless.
        """
        day = report.at[:10].replace("-", "/")
        base = f"{PREFIX}/{self.dag_id}/{day}/{safe(report.run_id)}"
        self.store.put(f"{base}.md", markdown(report))
        self.store.put_bytes(f"{base}.html", html(report).encode(), "text/html; charset=utf-8")
        self.store.put(f"{base}.json", report.as_document())
        self.store.put(self._latest, report.as_document())
        return f"{base}.html"

    def previous(self, run_id: str) -> dict[str, Any] | None:
        """The report to compare with; None before the first. A run that is repeated compares with the one before it.

        :raises MigrationError: S3 cannot say: that is not "none".
        """
        latest = self.document(self._latest)
        if latest is None or latest["runId"] != run_id:
            return latest
        return self.document(self._before)

    def remember(self, previous: dict[str, Any] | None) -> None:
        """Keeps what this run was compared with, so that clearing its report compares with the same again."""
        if previous is not None:
            self.store.put(self._before, previous)

    def document(self, key: str) -> dict[str, Any] | None:
        """A kept document; None when there is none.

        :raises MigrationError: S3 cannot say.
        """
        try:
            found: dict[str, Any] = json.loads(self.store.get(key))
        except MigrationError as error:
            if error.context.get("awsCode") in _ABSENT:
                return None
            raise
        return found

    @property
    def told(self) -> str:
        """Key of what was told to people, see ``routing``."""
        return f"{PREFIX}/{self.dag_id}/told.json"

    @property
    def _latest(self) -> str:
        return f"{PREFIX}/{self.dag_id}/latest.json"

    @property
    def _before(self) -> str:
        return f"{PREFIX}/{self.dag_id}/before.json"


def safe(name: str) -> str:
    """A run id as part of a key."""
    return _UNSAFE.sub("-", name)
