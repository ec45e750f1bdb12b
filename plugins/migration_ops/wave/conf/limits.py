"""How long a run may take, and whether a conf can end within it.

At its ``dagrun_timeout`` Airflow ends the run and skips every task that is still open, also those that free the locks
and write the report. So each wait, and each time-out that counts as an answer, must end before that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from migration_ops.wave.conf.problems import Finding

# ``dagrun_timeout`` of the DAGs.
WAVE_LIMIT = timedelta(days=21)
ROLLBACK_LIMIT = timedelta(days=3)
# Kept free in each run for the work itself: jobs, verification, what follows the last answer.
WORK = timedelta(hours=6)
# How long a window without ``closes``, or its calendars, are waited for.
WINDOW_PATIENCE = timedelta(days=14)
LONGEST_MINUTES = (WAVE_LIMIT - WORK).total_seconds() / 60

_DEFAULTS = {"replication": 1_440, "approvals": 1_440, "quiesce": 30, "finalSync": 60}


@dataclass(frozen=True)
class _WindowWait:
    """
    The wait for the window and its change calendars, from now on. A dry run has none: it waits for no window.

    :param opens: minutes until the window opens.
    :param longest: minutes until the wait has ended at the latest. A calendar may open as late as the window closes.
    :param path: of what sets ``longest``.
    """

    opens: float = 0.0
    longest: float = 0.0
    path: str = "cutoverWindow.opens"


def of_wave(
    document: Mapping[str, Any], now: datetime, opens: datetime | None, closes: datetime | None = None
) -> Iterator[Finding]:
    """
    What in a wave's conf cannot end in time. Values of a wrong type are ignored here: the model reports them.

    A dry run waits for no window: it may be made weeks ahead, and the real run is judged when it is triggered.

    :param opens: when the cutover window opens; None: it is open from the start.
    :param closes: when it closes; None: it does not.
    """
    wait = _wait_for_window(document, now, opens, closes)
    soak = _number(document.get("soakMinutes", 0))
    too_long = _too_long_wait(wait, soak)
    if too_long is not None:
        yield too_long
        return
    if wait.opens > _minutes(WINDOW_PATIENCE) and _window(document).get("closes") is None:
        yield Finding(
            "cutoverWindow.opens",
            "longer_than_the_wait",
            f"it opens in {wait.opens / 1_440:.1f} days; a window without closes is waited for {WINDOW_PATIENCE.days} "
            "days: give closes, or trigger the run later",
        )
    before = {"replication": 0.0, "approvals": _before_approval(document, wait.longest, soak)}
    for part in _DEFAULTS:
        minutes = _time_out(document, part)
        start = before.get(part, wait.longest)
        if start + minutes > LONGEST_MINUTES:
            yield _too_long(
                f"{part}.timeoutMinutes", "with what is waited for before, it ends after", start + minutes, WAVE_LIMIT
            )


def _wait_for_window(
    document: Mapping[str, Any], now: datetime, opens: datetime | None, closes: datetime | None
) -> _WindowWait:
    if document.get("dryRun", True) is not False:
        return _WindowWait()
    until_open, until_close = (_minutes(moment - now) if moment else 0.0 for moment in (opens, closes))
    if not _window(document).get("changeCalendars"):
        return _WindowWait(until_open, until_open)
    if closes:
        return _WindowWait(until_open, max(until_open, until_close), "cutoverWindow.closes")
    return _WindowWait(until_open, max(until_open, _minutes(WINDOW_PATIENCE)), "cutoverWindow.changeCalendars")


def _too_long_wait(wait: _WindowWait, soak: float) -> Finding | None:
    """The wait for the window, alone or with the soak; None when it can end in time."""
    if wait.opens + soak > LONGEST_MINUTES:
        path = "soakMinutes" if soak >= wait.opens else "cutoverWindow.opens"
        what = "the time until the window opens and the soak together take"
        return _too_long(path, what, wait.opens + soak, WAVE_LIMIT)
    if wait.longest > LONGEST_MINUTES:
        return Finding(
            wait.path,
            "longer_than_the_wait",
            f"change calendars are waited for until it closes, in {wait.longest / 1_440:.1f} days; a run can wait "
            f"{LONGEST_MINUTES / 1_440:.1f} days: give an earlier closes, or trigger the run later",
        )
    if wait.longest + soak > LONGEST_MINUTES:
        path = "soakMinutes" if soak >= wait.longest else wait.path
        what = "the wait for the change calendars (until closes, or 14 days without it) and the soak together take"
        return _too_long(path, what, wait.longest + soak, WAVE_LIMIT)
    return None


def of_rollback(timeout_minutes: float) -> Iterator[Finding]:
    """What in a rollback's conf cannot end in time."""
    if timeout_minutes > (ROLLBACK_LIMIT - WORK).total_seconds() / 60:
        yield _too_long("timeoutMinutes", "it ends after", timeout_minutes, ROLLBACK_LIMIT)


def _window(document: Mapping[str, Any]) -> Mapping[str, Any]:
    window = document.get("cutoverWindow")
    return window if isinstance(window, dict) else {}


def _minutes(time: timedelta) -> float:
    return max(time.total_seconds() / 60, 0.0)


def _before_approval(document: Mapping[str, Any], waited: float, soak: float) -> float:
    """Minutes before the approval of finalize, which comes after window and soak; 0 when it is not asked."""
    approvals = document.get("approvals")
    asked = approvals.get("finalize", True) if isinstance(approvals, dict) else True
    return waited + soak if asked and document.get("finalize", True) else 0.0


def _time_out(document: Mapping[str, Any], part: str) -> float:
    given = document.get(part)
    if not isinstance(given, dict):
        return 0.0 if part == "quiesce" else _DEFAULTS[part]
    return _number(given.get("timeoutMinutes", _DEFAULTS[part]))


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def _too_long(path: str, what: str, minutes: float, limit: timedelta) -> Finding:
    days = minutes / 1_440
    message = (
        f"{what} {days:.1f} days; a run ends after {limit.days} days, and of these "
        f"{WORK.total_seconds() / 3600:.0f} hours are kept for the work itself"
    )
    return Finding(path, "longer_than_the_run", message)
