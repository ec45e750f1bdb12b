"""Sends the messages of a plan and remembers each: no message twice, but in doubt rather twice than never."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from migration_ops.aws.evidence_store import ChangedMeanwhileError
from migration_ops.core.errors import MigrationError, ThrottledError
from migration_ops.core.finding import Finding
from migration_ops.runbook.reports.history import ReportStore
from migration_ops.runbook.reports.notice_text import Place
from migration_ops.runbook.reports.notices import Notices
from migration_ops.runbook.reports.notify import Message, NotificationPlan, plan
from migration_ops.runbook.window import Window

Change = Callable[[Notices], Notices]

log = logging.getLogger(__name__)

# Longer than one message takes with all retries of the SDK; each sent message renews it.
LEASE = timedelta(minutes=10)
WAIT_SECONDS, WAITS = 5.0, 12
WRITES = 5
NOT_KNOWN = "Earlier notices could not be read: some of this may have been notified before."
NO_BUCKET = "No evidence bucket is set: earlier notices are not known, so each run notifies of everything."


class NotifierBusyError(ThrottledError):
    """Another run of the same DAG is notifying at this moment."""

    code = "NOTIFIER_BUSY"
    hint = "The task retries by itself, when the other run has ended or its lease has expired."


class NotRememberedError(MigrationError):
    """People were notified, and that could not be kept: repeating this task notifies them again."""

    code = "NOT_REMEMBERED"
    hint = "Fix what the reason names (the evidence bucket). The next run notifies again; clearing this task does too."


@dataclass(frozen=True)
class Notifying:
    """
    What one run must notify people of.

    :param findings: of the run's report.
    :param answered: names of checks and tasks that left a result, see ``notify.plan``.
    :param partial: checks that read only some of their resources in this run.
    :param window: of the run.
    :param period: how far apart the DAG's runs are.
    """

    run_id: str
    title: str
    findings: tuple[Finding, ...]
    window: Window
    remind_after: timedelta
    place: Place
    answered: Collection[str] = ()
    partial: Collection[str] = ()
    period: timedelta = timedelta(0)


@dataclass
class Delivered:
    """
    The result of a delivery.

    :param sent: the messages that were sent.
    :param failed: why others were not.
    :param silent: why this run notifies nobody; empty when it may.
    """

    sent: list[Message] = field(default_factory=list)
    failed: list[MigrationError] = field(default_factory=list)
    silent: str = ""


@dataclass
class Notifier:
    """
    Notifies for one DAG.

    :param store: where notices are kept; None where the installation has no bucket.
    :param publish: sends one message; raises :class:`MigrationError` when it could not.
    """

    store: ReportStore | None
    publish: Callable[[Message], None]
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], None] = time.sleep

    def deliver(self, job: Notifying) -> Delivered:
        """
        Sends every message that is due; one that fails does not stop the others.

        :raises MigrationError: the first failure, after all other messages were sent and remembered.
        :raises NotRememberedError: messages were sent, and that could not be kept.
        :raises NotifierBusyError: another run is notifying.
        """
        memory = _Memory(self, job)
        memory.open()
        done = Delivered(silent=memory.superseded)
        if done.silent:
            log.info("%s", done.silent)
            return done
        planned = self._plan(job, memory)
        for message in planned.messages:
            try:
                self.publish(message)
            except MigrationError as error:
                log.error("not sent to %s: %s: %s", message.route, message.subject, error)
                done.failed.append(error)
                continue
            log.info("notified %s: %s", message.route, message.subject)
            done.sent.append(message)
            memory.change(message.applied)
        memory.change(planned.settled)
        memory.close(is_whole=not done.failed)
        _raise_for(done, memory)
        return done

    def _plan(self, job: Notifying, memory: _Memory) -> NotificationPlan:
        remarks = (*job.place.remarks, *memory.remarks)
        return plan(
            job.title,
            job.findings,
            memory.notices,
            self.clock(),
            job.remind_after,
            place=replace(job.place, remarks=remarks),
            answered=job.answered,
            partial=job.partial,
            period=job.period,
        )


@dataclass
class _Memory:
    """The remembered notices while one run notifies. A failure to read or keep them stops no message."""

    notifier: Notifier
    job: Notifying
    superseded: str = ""
    remarks: tuple[str, ...] = ()
    problem: MigrationError | None = None
    _base: Notices = field(default_factory=Notices)
    _etag: str | None = None
    # Whether the base must be read (again) before it is replaced.
    _is_stale: bool = True
    _pending: list[Change] = field(default_factory=list)

    @property
    def notices(self) -> Notices:
        """The notices as they are now, kept or not."""
        found = self._base
        for change in self._pending:
            found = change(found)
        return found

    def open(self) -> None:
        """Reads the notices and takes the lease.

        :raises NotifierBusyError: another run held it until the last try.
        """
        store = self.notifier.store
        if store is None:
            self.remarks = (NO_BUCKET,)
            return
        for _ in range(WAITS):
            try:
                self._read(store)
            except MigrationError as error:
                log.error("the earlier notices could not be read: %s", error)
                self.problem, self.remarks = error, (NOT_KNOWN,)
                return
            self.superseded = self._superseded(store)
            if self.superseded:
                return
            now = self.notifier.clock()
            if not self._base.is_held(self.job.run_id, now):
                try:
                    self._write(store, self._base.leased(self.job.run_id, now, LEASE))
                    return
                except ChangedMeanwhileError:
                    continue
                except MigrationError as error:
                    log.error("the notices cannot be kept: %s", error)
                    self.problem = error
                    return
            self.notifier.sleep(WAIT_SECONDS)
        raise NotifierBusyError("another run is notifying", run=self._base.lease and self._base.lease.run_id)

    def _read(self, store: ReportStore) -> None:
        self._base, self._etag = store.notified()
        self._is_stale = False

    def _write(self, store: ReportStore, notices: Notices) -> None:
        self._etag = store.save_notified(notices, self._etag)
        self._base = notices

    def _superseded(self, store: ReportStore) -> str:
        """Why a newer run makes this one silent; empty when there is none, or when that could not be read."""
        job, moment = self.job, self._base.moment
        try:
            newer = store.superseded_by(job.run_id, job.window.until)
        except MigrationError as error:
            log.error("whether there is a newer report could not be read: %s", error)
            newer = None
        if newer is None and moment is not None and moment > job.window.until and self._base.run_id != job.run_id:
            newer = self._base.run_id
        return f"this run is older than {newer}: nobody is notified of what may be out of date" if newer else ""

    def change(self, how: Change) -> None:
        """Changes the notices and keeps them; if that fails now, they are kept with the next change."""
        if how(self.notices) != self.notices:
            self._pending.append(how)
            self._keep()

    def close(self, *, is_whole: bool) -> None:
        """Gives the lease back; when everything was sent, also sets up to when people were notified."""
        self._pending.append(lambda notices: self._ended(notices, is_whole=is_whole))
        self._keep()

    def _ended(self, notices: Notices, *, is_whole: bool) -> Notices:
        window = self.job.window
        ended = replace(notices, lease=None, run_id=self.job.run_id, moment=window.until)
        if not is_whole:
            return ended
        # A window that a person made too short leaves the time before it to the next run.
        left = notices.until or window.missed if window.asked and window.missed else None
        return replace(ended, until=left or max(window.until, notices.until or window.until))

    def _keep(self) -> None:
        """Keeps the notices. When somebody wrote meanwhile, the pending changes are applied to what they wrote."""
        store = self.notifier.store
        if store is None:
            return
        for _ in range(WRITES):
            try:
                if self._is_stale:
                    self._read(store)
                notices = self.notices
                if notices.lease is not None:
                    notices = notices.leased(self.job.run_id, self.notifier.clock(), LEASE)
                self._write(store, notices)
            except ChangedMeanwhileError as error:
                self._is_stale, self.problem = True, error
            except MigrationError as error:
                log.error("the notices could not be kept: %s", error)
                self.problem = error
                return
            else:
                self._pending.clear()
                self.problem = None
                return


def _raise_for(done: Delivered, memory: _Memory) -> None:
    if memory.problem is not None and done.sent:
        raise NotRememberedError(
            f"{len(done.sent)} messages were sent, and that could not be kept: {memory.problem.message}",
            cause=memory.problem.code,
        )
    if done.failed:
        raise done.failed[0]
    if memory.problem is not None:
        raise memory.problem
