"""Reports in the bucket: by date, and what the next run, or the same one again, compares itself with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from include.sandbox.moto.server import EVIDENCE_BUCKET
from include.sandbox.sandbox import Sandbox
from migration_ops.aws.evidence_store import EvidenceMismatchError, EvidenceStore
from migration_ops.core.errors import MigrationError
from migration_ops.core.field_text import s3_key_part
from migration_ops.core.finding import Finding, FindingStatus
from migration_ops.runbook.reports.history import ReportStore
from migration_ops.runbook.reports.report import Report, make_report
from migration_ops.runbook.window import LastLook

DAG = "runbook_health_check"


@pytest.fixture
def kept(box: Sandbox) -> Iterator[ReportStore]:
    box.reset()
    yield ReportStore(EvidenceStore(box.boto, EVIDENCE_BUCKET), DAG)
    box.reset()


def run(kept: ReportStore, run_id: str, value: int, hour: int, *, notify: bool = True) -> Report:
    """What the report task of a run does."""
    previous = kept.load(run_id, moment(hour))
    report = make_report(
        dag_id=DAG,
        run_id=run_id,
        title="Health",
        at=f"2026-11-02T{hour:02}:00:00Z",
        window_hours=2,
        findings=[Finding("depth", "queue", FindingStatus.WARNING, value)],
        previous=previous.document,
        notify=notify,
    )
    kept.save(report)
    kept.make_latest(report, previous)
    return report


def moment(hour: int) -> datetime:
    return datetime(2026, 11, 2, hour, tzinfo=UTC)


def keys(box: Sandbox) -> set[str]:
    return {one["Key"] for one in box.boto("s3").list_objects_v2(Bucket=EVIDENCE_BUCKET).get("Contents", [])}


def test_three_forms_by_date_and_the_latest(kept: ReportStore, box: Sandbox) -> None:
    run(kept, "scheduled__2026-11-02T08:17:00+00:00", 1, 8)
    base = f"runbook/{DAG}/2026/11/02/scheduled__2026-11-02T08-17-00-00-00"
    assert keys(box) == {f"{base}.html", f"{base}.md", f"{base}.json", f"runbook/{DAG}/latest.json"}


def test_before_the_first_run_there_is_nothing_to_compare_with(kept: ReportStore) -> None:
    assert kept.load("r1", moment(8)).document is None
    assert run(kept, "r1", 1, 8).previous_run is None


def test_each_run_compares_with_the_one_before(kept: ReportStore) -> None:
    assert [run(kept, f"r{hour}", hour, hour).previous_run for hour in (8, 10, 12)] == [None, "r8", "r10"]


def test_a_run_that_is_repeated_compares_with_the_same_one_again(kept: ReportStore) -> None:
    run(kept, "r8", 8, 8)
    run(kept, "r10", 10, 10)
    for _ in range(3):
        again = run(kept, "r10", 11, 11)
        assert again.previous_run == "r8"
        assert [value for _, value in again.trend["depth|queue"]] == [8, 11]
    assert run(kept, "r12", 12, 12).previous_run == "r10"


def test_the_first_run_repeated_still_has_nothing_to_compare_with(kept: ReportStore) -> None:
    run(kept, "r8", 8, 8)
    assert run(kept, "r8", 9, 9).previous_run is None


def test_reports_of_two_dags_are_apart(kept: ReportStore) -> None:
    run(kept, "r8", 8, 8)
    other = ReportStore(kept.store, "runbook_weekly_review")
    assert other.load("r9", moment(9)).document is None


def test_a_bucket_that_does_not_answer_is_not_an_empty_one(kept: ReportStore, box: Sandbox) -> None:
    run(kept, "r8", 8, 8)
    box.faults.add_document({"kind": "accessDenied", "service": "s3", "operation": "GetObject"})
    with pytest.raises(MigrationError):
        kept.load("r10", moment(10))
    with pytest.raises(MigrationError):
        kept.notified()


def test_a_changed_report_is_found(kept: ReportStore, box: Sandbox) -> None:
    run(kept, "r8", 8, 8)
    s3, key = box.boto("s3"), f"runbook/{DAG}/latest.json"
    metadata = s3.head_object(Bucket=EVIDENCE_BUCKET, Key=key)["Metadata"]
    document = json.loads(s3.get_object(Bucket=EVIDENCE_BUCKET, Key=key)["Body"].read())
    document["findings"] = []
    s3.put_object(Bucket=EVIDENCE_BUCKET, Key=key, Body=json.dumps(document).encode(), Metadata=metadata)
    with pytest.raises(EvidenceMismatchError):
        kept.load("r10", moment(10))


@pytest.mark.parametrize(
    ("run_id", "expected"),
    [("manual__2026-11-02T08:17:00+00:00", "manual__2026-11-02T08-17-00-00-00"), ("../../x", "..-..-x")],
)
def test_a_run_id_is_one_part_of_a_key(run_id: str, expected: str) -> None:
    assert s3_key_part(run_id) == expected
    assert "/" not in s3_key_part(run_id)


class TestLastLook:
    """Where the next window begins."""

    def test_a_first_report_of_which_nobody_was_notified_covers_nothing(self, kept: ReportStore) -> None:
        """What it found would be told to nobody: a failed run leaves the window before the next one begins."""
        run(kept, "r8", 1, 8)
        assert kept.last_look() == LastLook(looked=moment(8), notified=moment(6))

    def test_nor_after_messages_of_it_failed(self, kept: ReportStore) -> None:
        run(kept, "r8", 1, 8)
        notices, etag = kept.notified()
        kept.save_notified(replace(notices, run_id="r8", moment=moment(8)), etag)
        assert kept.last_look().end == moment(6)

    def test_once_people_were_notified_that_counts(self, kept: ReportStore) -> None:
        run(kept, "r8", 1, 8)
        notices, etag = kept.notified()
        kept.save_notified(replace(notices, run_id="r8", moment=moment(8), until=moment(8)), etag)
        assert kept.last_look() == LastLook(looked=moment(8), notified=moment(8))

    def test_where_nobody_is_to_be_notified_the_report_counts(self, kept: ReportStore) -> None:
        run(kept, "r8", 1, 8, notify=False)
        assert kept.last_look() == LastLook(looked=moment(8), notified=None)
