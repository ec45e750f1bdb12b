"""Approving some of a sheet's applications: what the form offers, and which choices cannot be approved."""

from __future__ import annotations

from typing import Any

import pytest

from migration_ops.operators.choice import (
    bound_to,
    choice_problem,
    chosen,
    offer_choice,
    split_choice,
    without_applications,
)
from tests.wave.builders import three_applications

# ``web`` needs ``app`` needs ``db``; ``other`` stands alone.
PLAN = three_applications()
SHEET = {"digest": "d", "madeAt": "2026-01-01", "ready": ["other", "db", "app", "web"], "done": ["db"]}
ASKED = bound_to(PLAN, SHEET)


def test_a_sheet_of_a_wave_binds_its_applications_too() -> None:
    bound = {"planHash": PLAN.plan_hash, "sheetDigest": "d", "sheetMadeAt": "2026-01-01"}
    rollback = {"digest": "d", "madeAt": "2026-01-01"}
    assert bound_to(PLAN, rollback) == bound
    assert {key: ASKED[key] for key in bound} == bound
    assert (ASKED["applications"], ASKED["choices"]) == (SHEET["ready"], ["other", "app", "web"])


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, None),
        ({"applications": ["app", 7]}, ["app", "7"]),
        ({"applications": []}, []),
        ({"applications": None}, []),
        ({"applications": "app"}, ["app"]),
    ],
)
def test_what_an_answer_names(given: dict[str, Any], named: list[str] | None) -> None:
    found, rest = split_choice({"params_input": {"comment": "fine", **given}, "by": "alice"})
    assert (found, rest) == (named, {"params_input": {"comment": "fine"}, "by": "alice"})


def test_an_answer_without_a_form_names_none() -> None:
    assert split_choice({"params_input": None}) == (None, {"params_input": None})


@pytest.mark.parametrize(
    ("named", "in_order", "why"),
    [
        (None, True, None),
        (["other"], True, None),
        (["app"], True, None),
        (["app", "web"], True, None),
        (["web"], True, "web needs app, which was not chosen"),
        (["web"], False, None),
        (["strange", "app"], True, "the sheet does not offer strange"),
        ([], True, "no application was chosen; to approve none is to reject"),
        (["db"], True, "no application was chosen; to approve none is to reject"),
    ],
)
def test_which_choices_can_be_approved(named: list[str] | None, in_order: bool, why: str | None) -> None:
    assert choice_problem(PLAN, ASKED, named, in_order=in_order) == why


def test_what_is_not_ready_is_not_missed() -> None:
    """``app`` and ``web`` need ``db``, and are not on the sheet."""
    asked = bound_to(PLAN, {"digest": "d", "ready": ["other", "db"]})
    assert choice_problem(PLAN, asked, ["other"], in_order=True) is None


def test_the_ledger_notes_an_answer_without_its_applications() -> None:
    bound = {"planHash": PLAN.plan_hash, "sheetDigest": "d", "sheetMadeAt": "2026-01-01"}
    assert without_applications(bound | {"applications": ["app"], "choices": ["app"]}) == bound


def test_where_nothing_is_left_to_choose_nothing_is_missing() -> None:
    asked = bound_to(PLAN, SHEET | {"done": SHEET["ready"]})
    assert choice_problem(PLAN, asked, [], in_order=True) is None
    assert choice_problem(PLAN, {}, ["app"], in_order=True) == "the sheet does not offer app"


@pytest.mark.parametrize(
    ("choices", "is_offered"), [(["app", "web"], True), (["app"], False), ([], False), (None, False)]
)
def test_a_field_is_offered_where_there_is_a_choice(choices: Any, is_offered: bool) -> None:
    params: dict[str, Any] = {}
    offer_choice(params, {"choices": choices})
    assert ("applications" in params) is is_offered


def test_what_was_done_before_stays_approved() -> None:
    assert chosen(ASKED, ["app"])["applications"] == ["db", "app"]
    assert chosen(ASKED, [])["applications"] == ["db"]
