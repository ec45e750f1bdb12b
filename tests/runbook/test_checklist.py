"""Checklists: what is asked for, what counts as evidence, and what the answers make of a run."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from migration_ops.core.config import Contact, OnCall, read_config
from migration_ops.core.errors import InvalidInputError
from migration_ops.core.finding import FindingStatus
from migration_ops.runbook.reports.report import make_report
from migration_ops.runbook.reports.text import html, markdown
from migration_ops.runbook.sign_off import (
    MOST_DAYS,
    State,
    asked,
    findings_of,
    is_evidence,
    read_checklist,
    state_of,
    table_of,
)

NOW = datetime(2026, 1, 8, 7, 41, tzinfo=UTC)
ON_CALL = OnCall(contacts=(Contact(role="tech-lead", name="N. N.", channel="topic"),))
ITEM = {
    "id": "audit_cost",
    "title": "Costs",
    "section": "Maintenance Tasks, Annual 1. Complete Audit",
    "todo": ["Look."],
    "owner": "tech-lead",
    "dueDays": 7,
}


def written(directory: Path, document: Any) -> Path:
    (directory / "list.yaml").write_text(yaml.safe_dump(document))
    return directory


class TestFile:
    def test_the_projects_own_is_well(self) -> None:
        found = read_checklist("annual_review.yaml", read_config().on_call)
        assert len(found.items) >= 12
        assert {one.period for one in found.items} == {"year", "quarter"}

    @pytest.mark.parametrize(
        "change",
        [
            {"owner": "nobody"},
            {"dueDays": 0},
            {"dueDays": MOST_DAYS + 1},
            {"id": "Not An Id"},
            {"todo": []},
            {"todo": ["x" * 281]},
            {"title": "two\nlines"},
            {"period": "month"},
            {"surprise": 1},
        ],
        ids=str,
    )
    def test_a_wrong_item_is_refused(self, tmp_path: Path, change: dict[str, Any]) -> None:
        read_checklist("list.yaml", ON_CALL, written(tmp_path, {"items": [ITEM]}))
        with pytest.raises(InvalidInputError) as caught:
            read_checklist("list.yaml", ON_CALL, written(tmp_path, {"items": [ITEM | change]}))
        assert "Correct the conf" not in caught.value.hint

    @pytest.mark.parametrize(
        "document", [None, {}, {"items": []}, {"items": [ITEM, ITEM]}, {"items": [ITEM], "signers": {"nobody": []}}]
    )
    def test_a_wrong_list_is_refused(self, tmp_path: Path, document: Any) -> None:
        with pytest.raises(InvalidInputError) as caught:
            read_checklist("list.yaml", ON_CALL, written(tmp_path, document))
        assert "Correct the conf" not in caught.value.hint

    def test_a_file_that_is_not_there_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidInputError) as caught:
            read_checklist("list.yaml", ON_CALL, tmp_path)
        assert "Correct the conf" not in caught.value.hint


class TestAsked:
    def list_of(self, tmp_path: Path, *items: dict[str, Any], **more: Any) -> Any:
        return read_checklist("list.yaml", ON_CALL, written(tmp_path, {"items": list(items), **more}))

    def test_an_item_has_its_date_its_owner_and_who_may_sign(self, tmp_path: Path) -> None:
        found = asked(self.list_of(tmp_path, ITEM, signers={"tech-lead": ["alice"]}), ON_CALL, "year", NOW)
        assert [(one["id"], one["dueAt"], one["contact"], one["signers"]) for one in found] == [
            ("audit_cost", "2026-01-15T07:41:00+00:00", "N. N. (topic)", ["alice"])
        ]

    def test_a_year_has_everything_and_a_quarter_its_own(self, tmp_path: Path) -> None:
        found = self.list_of(tmp_path, ITEM, ITEM | {"id": "drill", "period": "quarter"})
        assert [one["id"] for one in asked(found, ON_CALL, "year", NOW)] == ["audit_cost", "drill"]
        assert [one["id"] for one in asked(found, ON_CALL, "quarter", NOW)] == ["drill"]

    def test_a_period_without_an_item_is_refused(self, tmp_path: Path) -> None:
        """Nothing asked would be a run in which everything is skipped: green."""
        with pytest.raises(InvalidInputError):
            asked(self.list_of(tmp_path, ITEM), ON_CALL, "quarter", NOW)


@pytest.mark.parametrize(
    ("link", "good"),
    [
        ("https://wiki.example/page?x=1#part", True),
        ("https://wiki.example:8443/", True),
        ("", False),
        ("http://wiki.example/", False),
        ("wiki.example", False),
        ("javascript:alert(1)", False),
        ("https://", False),
        ("https:///path", False),
        ("https://user:secret@wiki.example/", False),
        ("https://user@wiki.example/", False),
        ("https://wiki.example/a b", False),
        ("https://wiki.example/\n", False),
        ("https://wiki.example:99999/", False),
        ("https://[::1", False),
        ("https://wiki.ex\u0430mple/", False),
        ("https://wiki.example/" + "x" * 2001, False),
    ],
)
def test_evidence_is_an_https_address(link: str, good: bool) -> None:
    assert is_evidence(link) is good


@pytest.mark.parametrize(
    ("done", "link", "late", "state"),
    [
        (True, "https://a.example", False, State.SIGNED),
        (True, "https://a.example", True, State.LATE),
        (True, "", False, State.NO_EVIDENCE),
        (True, "ftp://a.example", True, State.NO_EVIDENCE),
        (False, "https://a.example", False, State.NOT_DONE),
        (False, "", True, State.NOT_DONE),
    ],
)
def test_what_an_answer_makes_of_an_item(done: bool, link: str, late: bool, state: State) -> None:
    assert state_of(done, link, late) is state


def answer(state: State, **more: str) -> dict[str, Any]:
    return {
        "state": state.value,
        "by": "alice",
        "at": "2026-01-09T10:05:00+00:00",
        "evidence": "",
        "comment": "",
        **more,
    }


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        (answer(State.SIGNED), FindingStatus.OK),
        (answer(State.LATE), FindingStatus.WARNING),
        (answer(State.NOT_DONE), FindingStatus.CRITICAL),
        (answer(State.NO_EVIDENCE), FindingStatus.CRITICAL),
        (answer(State.NO_ANSWER), FindingStatus.CRITICAL),
        (None, FindingStatus.UNKNOWN),
    ],
)
def test_only_what_was_signed_in_time_is_well(given: Any, verdict: FindingStatus) -> None:
    item = ITEM | {"dueAt": "2026-01-15T07:41:00+00:00"}
    (found,) = findings_of([item], [given])
    assert (found.resource, found.verdict, found.section) == ("audit_cost", verdict, ITEM["section"])
    assert bool(found.remedy) == (verdict is not FindingStatus.OK)


def test_every_item_is_in_the_report_with_who_and_when_and_its_link_is_only_text() -> None:
    items = [
        ITEM | {"dueAt": "2026-01-15T07:41:00+00:00"},
        ITEM | {"id": "other", "title": "Other", "dueAt": "2026-01-15T07:41:00+00:00"},
    ]
    evil = "<blink>[x](https://evil.example)</blink>"
    given = [answer(State.SIGNED, evidence="https://wiki.example/page", comment=evil), None]
    report = make_report(
        dag_id="runbook_annual_review",
        run_id="r",
        title="Annual review",
        at="2026-01-15T00:00:00Z",
        window_hours=1,
        findings=findings_of(items, given),
        previous=None,
        extra=(table_of(items, given),),
    )
    page, text = html(report), markdown(report)
    for shown in (page, text):
        assert "alice" in shown
        assert "2026-01-09" in shown.replace("\\", "")
        assert "lost" in shown
        assert "<blink>" not in shown
    assert "href" not in page
    assert "wiki.example/page" in page
    assert "https://" not in text
