"""One DAG whose runs report and notify against the sandbox's bucket, with a mailbox that can be broken."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from include.sandbox.moto.server import EVIDENCE_BUCKET
from include.sandbox.sandbox import Sandbox
from migration_ops.aws.errors import NotFoundError
from migration_ops.aws.evidence_store import ChangedMeanwhileError, EvidenceStore
from migration_ops.core.errors import MigrationError
from migration_ops.core.finding import Finding, Route
from migration_ops.runbook.reports.history import ReportStore
from migration_ops.runbook.reports.notice_text import Place
from migration_ops.runbook.reports.notifier import Delivered, Notifier, Notifying
from migration_ops.runbook.reports.notify import Message
from migration_ops.runbook.reports.report import make_report
from migration_ops.runbook.window import Window

DAY, PERIOD = timedelta(hours=24), timedelta(hours=2)
BEGIN = datetime(2026, 11, 2, 8, 17, tzinfo=UTC)


@dataclass
class Dag:
    """
    Runs of one DAG, two hours apart.

    :param broken: routes whose topic refuses.
    :param sent: every message that arrived, in order.
    """

    box: Sandbox
    dag_id: str
    now: datetime = BEGIN
    broken: set[Route] = field(default_factory=set)
    sent: list[Message] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    # Whether pages are written too, which takes long for many findings.
    saves: bool = True

    @property
    def store(self) -> ReportStore:
        return ReportStore(EvidenceStore(self.box.boto, EVIDENCE_BUCKET), self.dag_id)

    def publish(self, message: Message) -> None:
        if message.route in self.broken:
            raise NotFoundError("the topic does not exist")
        self.sent.append(message)

    def run(self, findings: Sequence[Finding], run_id: str = "", **more: object) -> list[Message]:
        """The next run: what arrived. Failures are left to the assertions about what arrived."""
        self.now += PERIOD
        return self.again(findings, run_id or f"run-{self.now:%d-%H}", self.now, **more)

    def again(self, findings: Sequence[Finding], run_id: str, until: datetime, **more: object) -> list[Message]:
        """A run of that moment, perhaps cleared: what arrived."""
        before = len(self.sent)
        with suppress(MigrationError):
            self.keep(findings, run_id, until)
        with suppress(MigrationError):
            self.deliver(findings, run_id, until, **more)  # type: ignore[arg-type]
        return self.sent[before:]

    def keep(self, findings: Sequence[Finding], run_id: str, until: datetime, *, notify: bool = True) -> None:
        """What the report task keeps."""
        for _ in range(5):
            previous = self.store.load(run_id, until)
            report = make_report(
                dag_id=self.dag_id,
                run_id=run_id,
                title="Health check",
                at=until.isoformat(timespec="seconds").replace("+00:00", "Z"),
                window_hours=2,
                findings=findings,
                previous=previous.document,
                notify=notify,
            )
            if self.saves:
                self.store.save(report)
            with suppress(ChangedMeanwhileError):
                self.store.make_latest(report, previous)
                return

    def deliver(
        self, findings: Sequence[Finding], run_id: str, until: datetime, answered: Collection[str] = ()
    ) -> Delivered:
        notifier = Notifier(self.store, self.publish, clock=lambda: self.now, sleep=self.slept.append)
        return notifier.deliver(self.job(findings, run_id, until, answered))

    def job(
        self, findings: Sequence[Finding], run_id: str, until: datetime, answered: Collection[str] = ()
    ) -> Notifying:
        return Notifying(
            run_id=run_id,
            title="Health check",
            findings=tuple(findings),
            window=Window(until - PERIOD, until),
            remind_after=DAY,
            place=Place(environment="test"),
            answered=answered,
            period=PERIOD,
        )
