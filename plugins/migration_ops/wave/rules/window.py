"""The cutover window: opens ≤ now < closes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from migration_ops.core.errors import InvalidInputError
from migration_ops.core.verdict import GateResult, Verdict

OPEN = "OPEN"
NOT_YET = "NOT_YET"
OVER = "OVER"


@dataclass(frozen=True)
class WindowResult:
    """``wait_until`` is when waiting may help; None when the window is open, or over for good."""

    check: GateResult
    wait_until: datetime | None = None

    @property
    def is_over(self) -> bool:
        return self.check.value == OVER


def judge_window(opens: datetime | None, closes: datetime | None, now: datetime) -> WindowResult:
    """Whether a cutover may start now; without limits it always may.

    :raises InvalidInputError: a time without an offset.
    """
    for name, value in (("opens", opens), ("closes", closes), ("now", now)):
        if value is not None and value.utcoffset() is None:
            raise InvalidInputError("times of the window need an offset", path=f"cutoverWindow.{name}")
    limit = {"opens": _text(opens), "closes": _text(closes)}

    def check(verdict: Verdict, value: str, reason: str) -> GateResult:
        return GateResult("cutover_window", "cutoverWindow", verdict, value, limit, reason)

    if closes is not None and now >= closes:
        return WindowResult(check(Verdict.BLOCKED, OVER, f"the window closed at {_text(closes)}"))
    if opens is not None and now < opens:
        return WindowResult(check(Verdict.BLOCKED, NOT_YET, f"the window opens at {_text(opens)}"), opens)
    return WindowResult(check(Verdict.OK, OPEN, "the window is open" if opens or closes else "no window is set"))


def _text(value: datetime | None) -> str | None:
    return value.astimezone(UTC).isoformat(timespec="seconds") if value else None
