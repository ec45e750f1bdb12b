"""What each finding says, and that no unequal thing is ever OK."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from migration_ops.core.finding_kind import UnknownFindingKindError
from migration_ops.runbook.backup.findings import (
    OK,
    UNKNOWN,
    finding,
    of_gap,
    of_made,
    of_retention,
    of_verified,
)
from migration_ops.runbook.backup.findings_restore import Objective, of_history, of_objective, of_recovered, of_restored
from migration_ops.runbook.backup.fingerprint import Difference, Profile
from migration_ops.runbook.backup.kinds import BACKUP_SECTION, DRILL_SECTION, TASK_KINDS
from migration_ops.runbook.backup.manifest import Manifest
from migration_ops.runbook.backup.retention import Sorted
from migration_ops.runbook.backup.serialization import Tally
from migration_ops.runbook.backup.verify import Verified

ROOT = Path(__file__).resolve().parents[3]
NOW = datetime(2026, 1, 2, tzinfo=UTC)
SAME, NONE = Difference(5, (), ()), Difference(0, (), ())


def manifest(**changes: Any) -> Manifest:
    values: dict[str, Any] = {
        "table": "t",
        "table_arn": "",
        "run_id": "r",
        "mode": "scan",
        "started_at": "2026-01-01T00:00:00.000Z",
        "ended_at": "",
        "consistent_at": "2026-01-01T00:00:00.000Z",
        "items": 2,
        "raw_bytes": 0,
        "digest": _profile(2).tally.digest,
        "create_table": {},
        "settings": {"pointInTimeRecovery": True},
        "parts": (),
    }
    return Manifest(**values | changes)


def _profile(number: int, more: bytes = b"") -> Profile:
    tally = Tally()
    for one in range(number):
        tally.add(str(one).encode() + more)
    return Profile(tally)


@pytest.mark.parametrize("section", [BACKUP_SECTION, DRILL_SECTION])
def test_the_sections_are_in_the_runbook(section: str) -> None:
    assert f"### {section}\n" in (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("found", "verdict"),
    [(_profile(2), "OK"), (_profile(1), "CRITICAL"), (_profile(3), "CRITICAL"), (_profile(2, b"x"), "CRITICAL")],
)
def test_a_restored_table_is_the_backup_or_it_is_critical(found: Profile, verdict: str) -> None:
    assert of_restored("restore", "t", found, manifest()).verdict == verdict


@pytest.mark.parametrize(
    ("recovered", "difference", "verdict"),
    [
        (_profile(2), SAME, "OK"),
        (_profile(2), NONE, "OK"),
        (_profile(1), SAME, "OK"),
        (_profile(1), NONE, "UNKNOWN"),
        (_profile(1), Difference(5, ("a",), ()), "CRITICAL"),
        (_profile(1), Difference(5, (), ("a",)), "CRITICAL"),
    ],
)
def test_a_recovered_table(recovered: Profile, difference: Difference, verdict: str) -> None:
    assert of_recovered("drill_pitr", "t", _profile(2), recovered, difference).verdict == verdict


@pytest.mark.parametrize(
    ("broken", "excused", "verdict"),
    [
        ({}, (), "OK"),
        ({}, ("a",), "OK"),
        ({"a": ["x"]}, (), "CRITICAL"),
        ({"a": ["x"]}, ("a",), "WARNING"),
        ({"a": ["x"], "b": ["y"]}, ("a",), "CRITICAL"),
    ],
)
def test_a_history_is_excused_only_by_what_was_written_meanwhile(broken: Any, excused: Any, verdict: str) -> None:
    assert of_history("restore", "t", 2, broken, excused).verdict == verdict


@pytest.mark.parametrize(("minutes", "verdict"), [(59, "OK"), (60, "OK"), (61, "CRITICAL")])
def test_an_objective(minutes: int, verdict: str) -> None:
    found = of_objective("drill_backup", "t", Objective("rto", 60), NOW - timedelta(minutes=minutes), NOW)
    assert (found.verdict, found.value) == (verdict, minutes)


@pytest.mark.parametrize(("problems", "verdict"), [((), "OK"), (("part: gone",), "CRITICAL")])
def test_a_backup_that_was_read_back(problems: tuple[str, ...], verdict: str) -> None:
    found = of_verified(Verified(manifest(), problems, 2, ""), "base")
    assert (found.verdict, found.evidence, bool(found.remedy)) == (verdict, problems, verdict != "OK")


@pytest.mark.parametrize(("hours", "verdict"), [(26, "OK"), (27, "WARNING")])
def test_a_gap(hours: int, verdict: str) -> None:
    before = manifest(consistent_at=(datetime(2026, 1, 1, tzinfo=UTC) - timedelta(hours=hours)).isoformat())
    assert of_gap("t", before, manifest(), 26).verdict == verdict


def test_an_export_needs_no_excuse_and_a_scan_says_what_it_is() -> None:
    assert [one.verdict for one in of_made(manifest(mode="export"))] == ["OK"]
    off = manifest(settings={"pointInTimeRecovery": False}, written_during=("a",))
    assert [one.verdict for one in of_made(off)] == ["OK", "WARNING", "WARNING"]


def test_what_nobody_can_place_is_worth_a_look() -> None:
    assert of_retention("t", Sorted((), (), (), (), ())).verdict == "OK"
    assert of_retention("t", Sorted((), (), (), (), ("strange",))).verdict == "WARNING"


@pytest.mark.parametrize("check_id", ["drill_pitr_items", "restore_history"])
def test_whatever_is_not_well_says_what_to_do(check_id: str) -> None:
    assert finding(check_id, "*", UNKNOWN, "lost").remedy
    assert finding(check_id, "*", OK, "").remedy == ""


@pytest.mark.parametrize("task_id", ["verify", "compare", "begin"])
def test_a_task_that_left_nothing_says_what_to_do(task_id: str) -> None:
    found = TASK_KINDS[task_id].missing_result("it left nothing")
    assert (found.check_id, found.verdict, bool(found.remedy)) == (task_id, "UNKNOWN", True)


@pytest.mark.parametrize("check_id", ["restore_rto", "other_items", "verify", ""])
def test_a_check_id_that_no_table_has_is_an_error_and_no_finding_with_anothers_remedy(check_id: str) -> None:
    with pytest.raises(UnknownFindingKindError):
        finding(check_id, "*", UNKNOWN, "lost")
