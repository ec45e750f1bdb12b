"""Findings, and what became of them since the run before."""

from __future__ import annotations

from itertools import product

import pytest

from migration_ops.core.finding import WORST_FIRST, Finding, FindingStatus, Route, changes, worst, worst_first

CRITICAL, UNKNOWN, WARNING, OK = WORST_FIRST


def finding(verdict: FindingStatus, check: str = "check", resource: str = "thing") -> Finding:
    return Finding(check, resource, verdict)


def test_a_finding_survives_its_document() -> None:
    one = Finding("c", "r", WARNING, 3, 2, "s", "why", ("line", {"a": 1}), "do", "Daily Operations", Route.PAGE)
    assert Finding.from_document(one.as_document()) == one


def test_nothing_looked_at_is_unknown() -> None:
    assert worst([]) is UNKNOWN


@pytest.mark.parametrize(("one", "other"), list(product(WORST_FIRST, WORST_FIRST)))
def test_the_worse_verdict_counts(one: FindingStatus, other: FindingStatus) -> None:
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
        (CRITICAL, UNKNOWN, "unknown"),
        (CRITICAL, WARNING, "better"),
        (WARNING, OK, "better"),
        (UNKNOWN, WARNING, "readable"),
        (UNKNOWN, OK, "readable"),
        (CRITICAL, None, "gone"),
        (UNKNOWN, None, "gone"),
        (OK, None, None),
        *[(one, one, None) for one in WORST_FIRST],
    ],
)
def test_a_change(before: FindingStatus | None, now: FindingStatus | None, kind: str | None) -> None:
    found = changes([finding(before)] if before else [], [finding(now)] if now else [], answered=["check"])
    assert [one.kind for one in found] == ([kind] if kind else [])
    if found:
        assert found[0].before is before
        assert found[0].finding.verdict is (now or before)


def test_changes_come_worst_first_and_each_once() -> None:
    before = [finding(WARNING, resource="gone"), finding(OK, resource="steady"), finding(CRITICAL, resource="fixed")]
    now = [finding(OK, resource="steady"), finding(OK, resource="fixed"), finding(CRITICAL, resource="fresh")]
    assert [(one.kind, one.finding.resource) for one in changes(before, now)] == [
        ("new", "fresh"),
        ("gone", "gone"),
        ("better", "fixed"),
    ]


def test_the_same_resource_of_two_checks_is_two_findings() -> None:
    found = changes([finding(WARNING, "a")], [finding(WARNING, "b")], answered=["a"])
    assert sorted((one.kind, one.finding.check_id) for one in found) == [("gone", "a"), ("new", "b")]


@pytest.mark.parametrize("before", [CRITICAL, UNKNOWN, WARNING])
def test_an_ok_that_proves_nothing_betters_nothing(before: FindingStatus) -> None:
    (found,) = changes([finding(before)], [Finding("check", "thing", OK, conclusive=False)])
    assert found.kind == "unknown"


@pytest.mark.parametrize(
    "now",
    [
        [],
        [finding(UNKNOWN, resource="*")],
        [finding(UNKNOWN, resource="other")],
        [Finding("check", "*", OK, conclusive=False)],
        [finding(OK, "another check")],
    ],
)
def test_what_a_run_did_not_list_is_not_gone(now: list[Finding]) -> None:
    kinds = {one.finding.resource: one.kind for one in changes([finding(CRITICAL)], now)}
    assert kinds["thing"] == "unseen"


def test_of_a_check_that_read_some_resources_only_nothing_is_gone() -> None:
    (found,) = changes([finding(CRITICAL)], [finding(OK, resource="other")], partial=["check"])
    assert found.kind == "unseen"


def test_a_value_that_moves_is_no_change() -> None:
    assert changes([Finding("c", "r", WARNING, 1)], [Finding("c", "r", WARNING, 2)]) == []
