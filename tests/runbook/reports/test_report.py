"""The report: counts, trend, and pages that text from outside can neither format nor script."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from migration_ops.core.finding import Finding, FindingStatus
from migration_ops.runbook.reports.report import KEPT_VALUES, Report, make_report
from migration_ops.runbook.reports.text import SHOWN_OK, headline, html, markdown, note, shown, spark

CRITICAL, UNKNOWN, WARNING, OK = FindingStatus


def report(
    *findings: Finding, at: str = "2026-11-02T08:00:00Z", run: str = "r1", previous: Any = None, **more: Any
) -> Report:
    return make_report(
        dag_id="runbook_health_check",
        run_id=run,
        title="Health",
        at=at,
        window_hours=2,
        findings=findings,
        previous=previous,
        **more,
    )


def finding(value: Any, verdict: FindingStatus = WARNING, resource: str = "queue") -> Finding:
    return Finding("depth", resource, verdict, value, 10, "messages", "deep", remedy="Look.")


class TestReport:
    def test_all_verdicts_are_counted_and_the_worst_is_the_reports(self) -> None:
        one = report(finding(1, OK), finding(20, WARNING, "b"), finding(None, UNKNOWN, "c"))
        assert one.counts == {"CRITICAL": 0, "UNKNOWN": 1, "WARNING": 1, "OK": 1}
        assert one.verdict is UNKNOWN
        assert headline(one) == "0 CRITICAL, 1 UNKNOWN, 1 WARNING, 1 OK"
        assert [one.verdict for one in one.findings] == [UNKNOWN, WARNING, OK]

    def test_without_findings_it_is_unknown(self) -> None:
        assert report().verdict is UNKNOWN

    def test_the_first_run_has_no_changes(self) -> None:
        one = report(finding(20))
        assert one.changes == ()
        assert one.previous_run is None

    def test_the_next_run_compares_with_its_document(self) -> None:
        kept = json.loads(json.dumps(report(finding(20)).as_document()))
        one = report(finding(20, CRITICAL), run="r2", at="2026-11-02T10:00:00Z", previous=kept)
        assert one.previous_run == "r1"
        assert [(change.kind, change.before) for change in one.changes] == [("worse", WARNING)]

    def test_a_list_that_cannot_be_read_any_more_betters_nothing(self) -> None:
        kept = json.loads(json.dumps(report(finding(20, CRITICAL)).as_document()))
        one = report(finding(None, UNKNOWN, "*"), run="r2", at="2026-11-02T10:00:00Z", previous=kept)
        assert {change.finding.resource: change.kind for change in one.changes} == {"*": "new", "queue": "unseen"}
        assert "| unseen |" in markdown(one)
        assert "<td>unseen</td><td>CRITICAL</td>\n<td>–</td>" in html(one)


class TestTrend:
    def after(self, *values: Any) -> Report:
        """Runs one after the other, an hour apart."""
        kept, one = None, None
        for number, value in enumerate(values):
            at = f"2026-11-{1 + number // 24:02}T{number % 24:02}:00:00Z"
            one = report(finding(value), at=at, run=f"r{number}", previous=kept)
            kept = json.loads(json.dumps(one.as_document()))
        assert one is not None
        return one

    def test_values_are_kept_oldest_first(self) -> None:
        assert [value for _, value in self.after(1, 2.5, 3).trend["depth|queue"]] == [1, 2.5, 3]

    def test_what_is_no_number_leaves_a_gap_and_not_a_zero(self) -> None:
        assert [value for _, value in self.after(1, None, True, "x", 4).trend["depth|queue"]] == [1, 4]

    def test_only_so_many_are_kept(self) -> None:
        kept = [value for _, value in self.after(*range(KEPT_VALUES + 5)).trend["depth|queue"]]
        assert kept == list(range(5, KEPT_VALUES + 5))

    def test_what_is_not_looked_at_any_more_is_forgotten(self) -> None:
        kept = report(finding(1)).as_document()
        later = report(finding(1, resource="other"), run="r2", at="2026-11-02T10:00:00Z", previous=kept)
        assert list(later.trend) == ["depth|other"]

    def test_a_repeated_report_does_not_double_its_value(self) -> None:
        kept = report(finding(1)).as_document()
        assert report(finding(2), previous=kept).trend["depth|queue"] == [["2026-11-02T08:00:00Z", 2]]


class TestSpark:
    @pytest.mark.parametrize("pairs", [None, [], [["t", 1]]])
    def test_fewer_than_two_values_are_no_line(self, pairs: Any) -> None:
        assert spark(pairs) is None

    def test_the_line_goes_from_left_to_right_and_high_is_up(self) -> None:
        line = spark([["a", 0], ["b", 5], ["c", 10]])
        assert line is not None
        assert line["points"] == "0.0,22.0 60.0,12.0 120.0,2.0"
        assert (line["low"], line["high"], line["last"]) == ("0", "10", ["120.0", "2.0"])

    def test_a_value_that_never_moves_is_a_line_too(self) -> None:
        assert spark([["a", 3], ["b", 3]]) is not None


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "s", "–"),
        (0, "s", "0 s"),
        (True, "", "yes"),
        (False, "", "no"),
        (1 / 3, "%", "0.3333 %"),
        ({"a": [1]}, "", '{"a": [1]}'),
        ("text", "", "text"),
    ],
)
def test_a_value_is_written_as_people_write_it(value: Any, unit: str, text: str) -> None:
    assert shown(value, unit) == text


EVIL = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "[click](https://evil.example)",
    "![x](https://evil.example/x.png)",
    "a | b\n| c | d |",
    "`code` **bold** # head",
    "https://evil.example",
    "{{ 7 * 7 }}{% raw %}",
    "\u202egnp.exe",
]


@pytest.mark.parametrize("text", EVIL)
class TestTextFromOutside:
    def evil(self, text: str) -> Report:
        bad = Finding("depth", text, CRITICAL, text, text, text, text, (text, {"line": text}), text, text)
        before = report(finding(1), run=text).as_document()
        extra = ({"title": text, "head": [text, "b"], "rows": [[text, {"x": text}]]},)
        return report(bad, Finding("depth", text + "2", OK, text), previous=before, run=text, extra=extra)

    def test_it_is_inert_in_markdown(self, text: str) -> None:
        for page in (markdown(self.evil(text)), note(self.evil(text))):
            bare = re.sub(r"`[^`\n]*`", "", page)  # code spans show their text as it is
            assert not re.search(r"<(script|img|svg)", bare)
            assert not re.search(r"(?<!\\)!?\[[^\]\n]*\]\(", bare)
            assert "https://" not in bare
            assert "**bold**" not in bare
            assert "\u202e" not in page

    def test_it_breaks_no_table(self, text: str) -> None:
        for block in markdown(self.evil(text)).split("\n\n"):
            rows = [re.sub(r"\\\|", "", line) for line in block.splitlines() if line.startswith("|")]
            assert len({row.count("|") for row in rows}) <= 1, block

    def test_it_is_text_in_html(self, text: str) -> None:
        page = html(self.evil(text))
        assert not re.search(r"<(script|img)", page)
        assert "<svg onload" not in page
        assert "href=" not in page


def test_the_page_needs_nothing_from_elsewhere() -> None:
    kept = report(finding(1)).as_document()
    page = html(report(finding(20), at="2026-11-02T10:00:00Z", run="r2", previous=kept))
    assert "<svg" in page
    assert not re.search(r"(src|href)\s*=|url\(|@import|<script", page)


def test_markdown_names_all_that_is_bad_and_some_of_what_is_well() -> None:
    well = [finding(1, OK, f"fine-{number:03}") for number in range(SHOWN_OK + 3)]
    bad = [finding(99, CRITICAL, f"bad-{number:03}") for number in range(60)]
    page = markdown(report(*well, *bad))
    assert len(re.findall(r"bad-\d{3}", page)) == 60
    assert len(re.findall(r"fine-\d{3}", page)) == SHOWN_OK
    assert page.endswith("and 3 more that are OK.")


def test_the_note_names_the_worst_and_says_how_many_more() -> None:
    text = note(report(*[finding(99, CRITICAL, f"bad-{number}") for number in range(10)], finding(1, OK)))
    assert text.startswith("**Health**: 10 CRITICAL, 0 UNKNOWN, 0 WARNING, 1 OK")
    assert text.endswith("and 2 more, see the log of the task `report`")


def test_many_of_one_check_do_not_hide_another_in_the_note() -> None:
    many = [replace(finding(99, CRITICAL, f"run-{number}"), check_id="airflow_dag_failed_runs") for number in range(12)]
    lines = note(report(*many, finding(99, CRITICAL, "dlq"), finding(20, WARNING, "slow"))).splitlines()
    named = [re.findall(r"`([^`]+)`", line)[0] for line in lines[1:-1]]
    assert named[0].startswith("run-")
    assert named[1] == "dlq"
    assert all(name.startswith("run-") for name in named[2:])
    assert lines[-1].startswith("- and 6 more")


def test_further_tables_are_shown_on_both_pages() -> None:
    extra = ({"title": "Lag", "head": ["Wave", "Lag"], "rows": [["wave-1", 12.5]]},)
    one = report(finding(1, OK), extra=extra)
    assert "### Lag\n\n| Wave | Lag |" in markdown(one)
    assert "<td>12.5</td>" in html(one)
