"""Findings, and what became of them since the run before."""

from __future__ import annotations

from itertools import product

import pytest

from migration_ops.core.finding import WORST_FIRST, Finding, FindingVerdict, Route, changes, worst, worst_first

CRITICAL, UNKNOWN, WARNING, OK = WORST_FIRST


def finding(verdict: FindingVerdict, check: str = "check", resource: str = "thing") -> Finding:
    return Finding(check, resource, verdict)


def test_a_finding_survives_its_document() -> None:
    one = Finding("c", "r", WARNING, 3, 2, "s", "why", ("line", {"a": 1}), "do", "Daily Operations", Route.PAGE)
    assert Finding.from_document(one.as_document()) == one


def test_nothing_looked_at_is_unknown() -> None:
    assert worst([]) is UNKNOWN


@pytest.mark.parametrize(("one", "other"), list(product(WORST_FIRST, WORST_FIRST)))
def test_the_worse_verdict_counts(one: FindingVerdict, other: FindingVerdict) -> None:
    expected = WORST_FIRST[min(WORST_FIRST.index(one), WORST_FIRST.index(other))]
    assert worst([finding(one), finding(other)]) is expected


def test_worst_come_first_then_by_name() -> None:
    found = worst_first([finding(OK, "a"), finding(CRITICAL, "z"), finding(UNKNOWN, "b"), finding(CRITICAL, "b", "q")])
    assert [(one.verdict, one.check_id) for one in found] == [
        (CRITICAL, "b"),
        (CRITICAL, "z"),
        (UNKNOWN, "b"),
        (OK, "a"),
    ]


@pytest.mark.parametrize(
    ("before", "now", "kind"),
    [
        (None, CRITICAL, "new"),
        (None, WARNING, "new"),
        (None, UNKNOWN, "new"),
        (None, OK, None),
        (OK, WARNING, "new"),
        (OK, UNKNOWN, "new"),
        (WARNING, CRITICAL, "worse"),
        (WARNING, UNKNOWN, "worse"),
        (UNKNOWN, CRITICAL, "worse"),
        (CRITICAL, UNKNOWN, "better"),
        (CRITICAL, WARNING, "better"),
        (WARNING, OK, "better"),
        (UNKNOWN, OK, "better"),
        (CRITICAL, None, "gone"),
        (UNKNOWN, None, "gone"),
        (OK, None, None),
        *[(one, one, None) for one in WORST_FIRST],
    ],
)
def test_a_change(before: FindingVerdict | None, now: FindingVerdict | None, kind: str | None) -> None:
    found = changes([finding(before)] if before else [], [finding(now)] if now else [])
    assert [one.kind for one in found] == ([kind] if kind else [])
    if found:
        assert found[0].before is before
        assert found[0].finding.verdict is (now or before)


def test_changes_come_worst_first_and_each_once() -> None:
    before = [finding(WARNING, resource="gone"), finding(OK, resource="steady"), finding(CRITICAL, resource="mended")]
    now = [finding(OK, resource="steady"), finding(OK, resource="mended"), finding(CRITICAL, resource="fresh")]
    assert [(one.kind, one.finding.resource) for one in changes(before, now)] == [
        ("new", "fresh"),
        ("gone", "gone"),
        ("better", "mended"),
    ]


def test_the_same_resource_of_two_checks_is_two_findings() -> None:
    found = changes([finding(WARNING, "a")], [finding(WARNING, "b")])
    assert sorted((one.kind, one.finding.check_id) for one in found) == [("gone", "a"), ("new", "b")]


def test_a_value_that_moves_is_no_change() -> None:
    assert changes([Finding("c", "r", WARNING, 1)], [Finding("c", "r", WARNING, 2)]) == []
