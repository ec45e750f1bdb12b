"""What holds for every finding of one kind: nothing may be missing, and nobody's remedy stands in for another's."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import pytest

from migration_ops.core.errors import InvalidInputError
from migration_ops.core.finding import CheckResult, FindingStatus, Route, critical, ok, unknown, warning
from migration_ops.core.finding_kind import FindingKind, KindTable, UnknownFindingKindError

CRITICAL, UNKNOWN, WARNING, OK = FindingStatus
DEPTH = FindingKind(
    check_id="depth",
    title="Depth",
    section="Daily Operations",
    remedy="Fix it.",
    route=Route.PAGE,
    unit="messages",
    remedies={WARNING: "Look at it.", "drifted": "Put it right."},
)


def test_a_finding_has_all_that_its_kind_says_and_all_that_was_judged() -> None:
    found = DEPTH.finding("orders", critical("too deep", value=3, limit=1, evidence=("a",)))
    assert (found.check_id, found.title, found.section, found.unit) == (
        "depth",
        "Depth",
        "Daily Operations",
        "messages",
    )
    assert (found.route, found.remedy, found.is_event) == (Route.PAGE, "Fix it.", False)
    assert (found.resource, found.verdict, found.value, found.limit) == ("orders", CRITICAL, 3, 1)
    assert (found.reason, found.evidence, found.conclusive) == ("too deep", ("a",), True)


def test_a_result_may_name_resource_and_route_itself() -> None:
    found = DEPTH.finding("orders", unknown("refused", resource="orders/1", route=Route.WARN))
    assert (found.resource, found.route) == ("orders/1", Route.WARN)


@pytest.mark.parametrize(
    ("judged", "state", "remedy"),
    [
        (critical("x"), None, "Fix it."),
        (unknown("x"), None, "Fix it."),
        (warning("x"), None, "Look at it."),
        (critical("x"), "drifted", "Put it right."),
        (ok("x"), None, ""),
        (ok("x"), "drifted", ""),
    ],
)
def test_the_remedy_goes_by_status_or_state(judged: CheckResult, state: str | None, remedy: str) -> None:
    assert DEPTH.finding("orders", judged, state=state).remedy == remedy


def test_a_state_that_the_kind_does_not_know_is_an_error() -> None:
    with pytest.raises(UnknownFindingKindError):
        DEPTH.finding("orders", critical("x"), state="gone")


def test_what_left_nothing_behind_is_unknown_about_everything() -> None:
    found = DEPTH.missing_result("see the log")
    assert (found.verdict, found.resource, found.reason, found.remedy) == (UNKNOWN, "*", "see the log", "Fix it.")
    assert replace(DEPTH, lost_remedy="Clear it.").missing_result("x").remedy == "Clear it."


@pytest.mark.parametrize("name", ["check_id", "title", "section", "remedy"])
@pytest.mark.parametrize("text", ["", " "])
def test_a_kind_without_its_texts_is_refused(name: str, text: str) -> None:
    given: dict[str, Any] = {name: text}
    with pytest.raises(InvalidInputError):
        replace(DEPTH, **given)


def test_two_kinds_with_one_id_are_refused() -> None:
    with pytest.raises(InvalidInputError):
        KindTable(DEPTH, replace(DEPTH, title="Another"))


def test_an_id_that_is_not_there_is_an_error_that_crosses_processes() -> None:
    with pytest.raises(UnknownFindingKindError) as caught:
        KindTable(DEPTH)["dept"]
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), again.context) == (UnknownFindingKindError, {"checkId": "dept"})
