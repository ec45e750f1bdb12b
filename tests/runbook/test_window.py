"""Windows of runs join: every moment lies in one, with room for what comes late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from migration_ops.runbook.window import A_DAY, LastLook, Window, asked_window, longest, window_of

NOON = datetime(2026, 11, 2, 12, 17, 10, tzinfo=UTC)
HOUR, LATE = timedelta(hours=1), timedelta(minutes=15)
USUAL = 2 * HOUR


def test_the_first_run_looks_at_its_own_window() -> None:
    assert window_of(NOON, USUAL, LastLook(), LATE) == Window(NOON - USUAL, NOON)


@pytest.mark.parametrize("late", [timedelta(0), timedelta(seconds=100), timedelta(minutes=40), 5 * HOUR, 21 * HOUR])
def test_it_begins_before_the_last_one_ended(late: timedelta) -> None:
    last = NOON - USUAL - late
    window = window_of(NOON, USUAL, LastLook(last, last), LATE)
    assert window.since == last - LATE
    assert window.missed is None


def test_a_run_soon_after_another_is_no_shorter_than_usual() -> None:
    """Rates over minutes would say nothing."""
    assert window_of(NOON, USUAL, LastLook(NOON - LATE), LATE).length == USUAL


@pytest.mark.parametrize("usual", [USUAL, A_DAY, 7 * A_DAY, 31 * A_DAY])
def test_every_moment_lies_in_a_window_of_runs_that_come_in_time(usual: timedelta) -> None:
    """Some begin a little later than the one before."""
    last, at = NOON, NOON
    for seconds in (0, 60, -30, 300, 0, -300):
        at += usual + timedelta(seconds=seconds)
        window = window_of(at, usual, LastLook(last, last), LATE)
        assert window.since <= last
        assert window.missed is None
        last = at


def test_a_long_pause_is_bounded_and_what_is_missed_is_said() -> None:
    last = NOON - 3 * A_DAY
    window = window_of(NOON, USUAL, LastLook(last, last), LATE)
    assert window == Window(NOON - A_DAY, NOON, missed=last)


def test_it_goes_back_to_the_last_report_of_which_people_were_notified() -> None:
    window = window_of(NOON, USUAL, LastLook(looked=NOON - HOUR, notified=NOON - 6 * HOUR), LATE)
    assert window.since == NOON - 6 * HOUR - LATE
    assert window.missed is None, "somebody looked, only nobody heard"


def test_without_the_last_report_the_longest_window_is_looked_at() -> None:
    window = window_of(NOON, USUAL, None, LATE)
    assert (window.length, window.is_certain) == (longest(USUAL, LATE), False)


def test_a_persons_window_is_exactly_that_and_says_what_it_leaves_out() -> None:
    window = asked_window(NOON, HOUR, LastLook(NOON - 5 * HOUR))
    assert (window.length, window.missed, window.asked) == (HOUR, NOON - 5 * HOUR, True)
    assert asked_window(NOON, 9 * HOUR, LastLook(NOON - 5 * HOUR)).missed is None
    assert asked_window(NOON, HOUR, None).missed is None


@pytest.mark.parametrize("window", [Window(NOON - HOUR, NOON), Window(NOON - HOUR, NOON, NOON - A_DAY, True, False)])
def test_a_kept_window_is_read_back(window: Window) -> None:
    assert Window.from_document(window.as_document()) == window
