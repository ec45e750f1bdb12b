"""How long a run may take, and whether a conf can end within it: Airflow ends a run at its limit, whatever is open.

What is open then is skipped, also the tasks that free the locks and write the report. So a wait that must be sat out,
and a time-out that is to count as an answer, has to lie within the limit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from migration_ops.wave.conf.problems import Finding

# ``dagrun_timeout`` of the DAGs.
WAVE_LIMIT = timedelta(days=21)
ROLLBACK_LIMIT = timedelta(days=3)
# Of each run for the work itself: jobs, verification, what follows the last answer.
WORK = timedelta(hours=6)

_DEFAULTS = {"replication": 1_440, "approvals": 1_440, "quiesce": 30, "finalSync": 60}


def of_wave(document: Mapping[str, Any], now: datetime, opens: datetime | None) -> Iterator[Finding]:
    """
    What of a wave's conf cannot end in time; of values of a wrong type nothing is said.

    A dry run waits for no window: it is made weeks ahead, and the real run is judged when it is triggered.

    :param opens: when the cutover window opens.
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
    before = {"replication": 0.0, "approvals": _before_approval(document, until_open, soak)}
    for part in _DEFAULTS:
        minutes = _time_out(document, part)
        start = before.get(part, until_open)
        if start + minutes > room:
            yield _too_long(
                f"{part}.timeoutMinutes", "with what is waited for before, it ends after", start + minutes, WAVE_LIMIT
            )


def of_rollback(timeout_minutes: float) -> Iterator[Finding]:
    """What of a rollback's conf cannot end in time."""
    if timeout_minutes > (ROLLBACK_LIMIT - WORK).total_seconds() / 60:
        yield _too_long("timeoutMinutes", "it ends after", timeout_minutes, ROLLBACK_LIMIT)


def _before_approval(document: Mapping[str, Any], until_open: float, soak: float) -> float:
    """The last question is asked after window and soak, unless it is not asked."""
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
