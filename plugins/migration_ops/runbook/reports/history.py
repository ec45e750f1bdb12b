"""Reports by date in the evidence bucket, the report that the next run compares with, and the notices."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from migration_ops.aws.evidence_store import ChangedMeanwhileError, EvidenceStore
from migration_ops.core.errors import MigrationError, UnknownError
from migration_ops.core.field_text import s3_key_part
from migration_ops.runbook.reports.notices import Notices
from migration_ops.runbook.reports.report import Report
from migration_ops.runbook.reports.text import html, markdown
from migration_ops.runbook.window import LastLook, Window

PREFIX = "runbook"
_ABSENT = frozenset({"NoSuchKey", "404", "NotFound"})


@dataclass(frozen=True)
class Previous:
    """
    What a run is compared with.

    :param document: the kept report of the run before; None when there is none.
    :param latest: the latest report, this run's own when it is repeated; None before the first.
    :param etag: of the latest, so that only this version is replaced.
    :param is_superseded: a newer run has kept its report: this run does not replace it.
    """

    document: dict[str, Any] | None
    latest: dict[str, Any] | None
    etag: str | None
    is_superseded: bool = False

    @classmethod
    def none(cls) -> Previous:
        """Nothing was kept before."""
        return cls(None, None, None)


@dataclass(frozen=True)
class ReportStore:
    """The reports of one DAG in one bucket."""

    store: EvidenceStore
    dag_id: str

    def save(self, report: Report) -> str:
        """Writes JSON, Markdown and HTML under the report's date; returns the HTML's key.

        :raises MigrationError: S3 did not take one of them. Repeating it is harmless.
        """
        day = report.at[:10].replace("-", "/")
        base = f"{PREFIX}/{self.dag_id}/{day}/{s3_key_part(report.run_id)}"
        self.store.put(f"{base}.md", markdown(report))
        self.store.put_bytes(f"{base}.html", html(report).encode(), "text/html; charset=utf-8")
        self.store.put(f"{base}.json", report.as_document())
        return f"{base}.html"

    def load(self, run_id: str, at: datetime) -> Previous:
        """The report to compare with. A run that is repeated compares with the one before it.

        :param at: the end of this run's window.
        :raises MigrationError: S3 could not be read: that is not "none".
        """
        latest, etag = self._with_etag(self._latest)
        if latest is None:
            return Previous(None, None, etag)
        if latest["runId"] == run_id:
            return Previous(self.document(self._before), latest, etag)
        if datetime.fromisoformat(latest["at"]) > at:
            return Previous(None, latest, etag, is_superseded=True)
        return Previous(latest, latest, etag)

    def make_latest(self, report: Report, previous: Previous) -> None:
        """Makes the report the one that the next run compares with; a superseded one changes nothing.

        :raises ChangedMeanwhileError: another run has written since: load again, and compare again.
        :raises MigrationError: S3 did not take it.
        """
        if previous.is_superseded:
            return
        if previous.document is not None:
            # So that this run, when cleared, compares with the same report again.
            self.store.put(self._before, previous.document)
        self.store.replace(self._latest, report.as_document(), previous.etag)

    def superseded_by(self, run_id: str, at: datetime) -> str | None:
        """The run whose report is newer than this run's and notifies people; None when there is none.

        :raises MigrationError: S3 could not be read.
        """
        latest, _ = self._with_etag(self._latest)
        if latest is None or latest["runId"] == run_id or not latest.get("notify", True):
            return None
        return str(latest["runId"]) if datetime.fromisoformat(latest["at"]) > at else None

    def notified(self) -> tuple[Notices, str | None]:
        """The notices (what people were notified of), and the ETag for :meth:`save_notified`.

        :raises MigrationError: S3 could not be read, or the kept document is malformed.
        """
        document, etag = self._with_etag(self._notified)
        try:
            return Notices.from_document(document or {}), etag
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise _misunderstood(self._notified) from error

    def save_notified(self, notices: Notices, etag: str | None) -> str:
        """Keeps the notices, unless somebody wrote since they were read; returns the new ETag.

        :raises ChangedMeanwhileError: somebody wrote.
        :raises MigrationError: S3 did not take them.
        """
        return self.store.replace(self._notified, notices.as_document(), etag)

    def last_look(self) -> LastLook:
        """Where earlier runs ended, see ``window``.

        :raises MigrationError: S3 could not be read.
        """
        latest, _ = self._with_etag(self._latest)
        notices, _ = self.notified()
        if latest is None:
            return LastLook(None, notices.until)
        looked, until = datetime.fromisoformat(latest["at"]), notices.until
        if until is None and latest.get("notify", True):
            # Nobody was ever notified of everything: what this report found may be known to nobody.
            until = looked - timedelta(hours=latest.get("windowHours", 0))
        return LastLook(looked, until)

    def window(self, run_id: str) -> Window | None:
        """The window that the first task of the run fixed; None before that.

        :raises MigrationError: S3 could not be read.
        """
        found = self.document(self._window(run_id))
        return Window.from_document(found) if found else None

    def fix_window(self, run_id: str, window: Window) -> Window:
        """Fixes the run's window once; returns the one that another task of the run fixed before, if there is one.

        :raises MigrationError: S3 did not take it.
        """
        try:
            self.store.replace(self._window(run_id), window.as_document(), None)
        except ChangedMeanwhileError:
            return self.window(run_id) or window
        return window

    def document(self, key: str) -> dict[str, Any] | None:
        """A kept document; None when there is none.

        :raises MigrationError: S3 could not be read, or it is not a JSON object.
        """
        return self._with_etag(key)[0]

    def _with_etag(self, key: str) -> tuple[dict[str, Any] | None, str | None]:
        try:
            body, etag = self.store.get_with_etag(key)
        except MigrationError as error:
            if error.context.get("awsCode") in _ABSENT:
                return None, None
            raise
        try:
            found = json.loads(body)
        except ValueError as error:
            raise _misunderstood(key) from error
        if not isinstance(found, dict):
            raise _misunderstood(key)
        return found, etag

    def _window(self, run_id: str) -> str:
        return f"{PREFIX}/{self.dag_id}/windows/{s3_key_part(run_id)}.json"

    @property
    def _notified(self) -> str:
        # Named so by earlier versions, which kept it here.
        return f"{PREFIX}/{self.dag_id}/told.json"

    @property
    def _latest(self) -> str:
        return f"{PREFIX}/{self.dag_id}/latest.json"

    @property
    def _before(self) -> str:
        return f"{PREFIX}/{self.dag_id}/before.json"


def _misunderstood(key: str) -> UnknownError:
    return UnknownError("a kept document is malformed: fix or delete it", key=key)
