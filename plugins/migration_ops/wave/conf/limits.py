"""How long a run may take, and whether a conf can end within it.

At its ``dagrun_timeout`` Airflow ends the run and skips every task that is still open, also those that free the locks
and write the report. So each wait, and each time-out that counts as an answer, must end before that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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

_DEFAULTS = {"replication": 1_440, "approvals": 1_440, "quiesce": 30, "finalSync": 60}


def of_wave(document: Mapping[str, Any], now: datetime, opens: datetime | None) -> Iterator[Finding]:
    """
    What in a wave's conf cannot end in time. Values of a wrong type are ignored here: the model reports them.

    A dry run waits for no window: it may be made weeks ahead, and the real run is judged when it is triggered.

    :param opens: when the cutover window opens; None: it is open from the start.
    """
    is_waited_for = opens is not None and document.get("dryRun", True) is False
    until_open = max((opens - now).total_seconds() / 60, 0.0) if opens and is_waited_for else 0.0
    soak = _number(document.get("soakMinutes", 0))
    room = (WAVE_LIMIT - WORK).total_seconds() / 60
    if until_open + soak > room:
        path = "soakMinutes" if soak >= until_open else "cutoverWindow.opens"
        yield _too_long(
            path, "the time until the window opens and the soak together take", until_open + soak, WAVE_LIMIT
        )
        return
    if until_open > WINDOW_PATIENCE.total_seconds() / 60 and not _has_end(document):
        yield Finding(
            "cutoverWindow.opens",
            "longer_than_the_wait",
            f"it opens in {until_open / 1_440:.1f} days; a window without closes is waited for {WINDOW_PATIENCE.days} "
            "days: give closes, or trigger the run later",
        )
    before = {"replication": 0.0, "approvals": _before_approval(document, until_open, soak)}
    for part in _DEFAULTS:
        minutes = _time_out(document, part)
        start = before.get(part, until_open)
        if start + minutes > room:
            yield _too_long(
                f"{part}.timeoutMinutes", "with what is waited for before, it ends after", start + minutes, WAVE_LIMIT
            )


def of_rollback(timeout_minutes: float) -> Iterator[Finding]:
    """What in a rollback's conf cannot end in time."""
    if timeout_minutes > (ROLLBACK_LIMIT - WORK).total_seconds() / 60:
        yield _too_long("timeoutMinutes", "it ends after", timeout_minutes, ROLLBACK_LIMIT)


def _has_end(document: Mapping[str, Any]) -> bool:
    window = document.get("cutoverWindow")
    return isinstance(window, dict) and window.get("closes") is not None


def _before_approval(document: Mapping[str, Any], until_open: float, soak: float) -> float:
    """Minutes before the approval of finalize, which comes after window and soak; 0 when it is not asked."""
    approvals = document.get("approvals")
    asked = approvals.get("finalize", True) if isinstance(approvals, dict) else True
    return until_open + soak if asked and document.get("finalize", True) else 0.0


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
