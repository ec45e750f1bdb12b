"""The installation's demands: read from settings, and a value that cannot be is an error with the setting's name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from migration_ops.core.errors import InvalidInputError
from migration_ops.core.policy import Policy, listed, matches
from migration_ops.core.settings import Settings


def policy(**settings: Any) -> Policy:
    return Policy.of(replace(Settings(), **settings))


def test_by_default_only_the_connection_is_bound() -> None:
    found = policy()
    assert found.conn_ids == ("aws_default",)
    assert found.require_approvals == frozenset()
    assert [found.is_four_eyes, found.needs_account, found.needs_ticket, found.needs_window] == [False] * 4


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("require_approvals", "cutover,finalise"),
        ("require_approvals", "true"),
        ("four_eyes", 2),
        ("require_window", -1),
        ("require_ticket", 3),
        ("require_account", 7),
        ("account_ids", "12345"),
        ("account_ids", "111122223333,*"),
        ("aws_conn_ids", " , "),
        ("approval_valid_hours", 0.0),
        ("approval_valid_hours", float("nan")),
        ("approval_valid_hours", 10_000.0),
    ],
)
def test_a_setting_that_cannot_be_is_an_error_that_names_it(setting: str, value: Any) -> None:
    with pytest.raises(InvalidInputError) as caught:
        policy(**{setting: value})
    assert caught.value.context["path"] == f"MIGRATION_OPS_{setting.upper()}"
    assert "Correct the conf" not in caught.value.hint


@pytest.mark.parametrize(
    ("connections", "needs"),
    [("aws_default", False), ("team_a", False), ("aws_default,team_a", True), ("team_*", True), ("team_?", True)],
)
def test_who_chooses_among_connections_says_which_account_is_meant(connections: str, needs: bool) -> None:
    assert policy(aws_conn_ids=connections).needs_account is needs


def test_entries_are_separated_by_commas_and_match_as_a_whole() -> None:
    assert listed(" a, b ,,c*") == ("a", "b", "c*")
    assert [matches(one, ("a", "c*")) for one in ("a", "A", "ab", "c", "cd", "xc")] == [
        True,
        False,
        False,
        True,
        True,
        False,
    ]
