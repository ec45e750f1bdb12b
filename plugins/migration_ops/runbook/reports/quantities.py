"""A value with its unit as text: the one place where numbers become text."""

from __future__ import annotations

import json
import re
from typing import Any

EVIDENCE_CHARACTERS = 2_000
_SECONDS = {"s": 1, "min": 60, "h": 3600}
_LARGER = ((86_400, "d"), (3600, "h"), (60, "min"))
_NO_PLURAL = frozenset({"s", "series"})


def shown(value: Any, unit: str = "") -> str:
    """A value with its unit; absent is a dash, not zero. Long times also in the next larger unit."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (dict, list)):
        return f"{json.dumps(value, ensure_ascii=False)[:EVIDENCE_CHARACTERS]} {unit}".strip()
    text = number(value) if isinstance(value, float) else str(value)
    return f"{text} {_singular(unit) if value == 1 else unit}".strip() + _in_words(value, unit)


def number(value: float) -> str:
    """Four significant digits; whole numbers from 1000 on, without an exponent."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def measured(what: str, value: Any, limit: Any, unit: str, *, is_beyond: bool) -> str:
    """``waiting messages: 120 messages, limit 100 messages``; the unit once where ``what`` names it already."""
    said = "" if unit in re.split(r"\W+", what) else unit
    text = f"{what}: {shown(value, said)}"
    return f"{text}, limit {shown(limit, said)}" if is_beyond else text


def _singular(unit: str) -> str:
    first, _, rest = unit.partition(" ")
    if first in _NO_PLURAL:
        return unit
    if first.endswith("ies"):
        first = first[:-3] + "y"
    elif first.endswith("s"):
        first = first[:-1]
    return f"{first} {rest}".strip()


def _in_words(value: Any, unit: str) -> str:
    """`` (1.5 d)``: a time in the largest unit that fits; empty when there is no larger one."""
    if unit not in _SECONDS or not isinstance(value, (int, float)):
        return ""
    seconds = abs(value) * _SECONDS[unit]
    for size, name in _LARGER:
        if seconds >= size and size > _SECONDS[unit]:
            return f" ({number(round(value * _SECONDS[unit] / size, 1))} {name})"
    return ""
