"""Violations that are understood and not mended yet: counted and shown apart, so that a new one is not lost among them.

Each has a test in ``tests/simulation/test_findings.py`` that fails once it is mended; its line here goes then.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from include.simulation.invariants import Violation


@dataclass(frozen=True)
class Known:
    """:param pattern: of the violation's text."""

    invariant: str
    pattern: str
    reason: str


KNOWN = (
    Known(
        "approved",
        r"was rolled back after the sheet was made, by a clock that is \d+ s behind",
        "the clocks of two workers say whether a sheet is older than a rollback",
    ),
    Known(
        "quiesced",
        r"its source runs, by a command that took effect late",
        "a start command without an answer is sent again, and the first one starts a source that was stopped since",
    ),
    Known(
        "not held",
        r"taken up by cutover\.cutover_verify",
        "a clear of the whole wave takes up what is held after its launch: the verification asks nobody",
    ),
)


def known_reason(violation: Violation) -> str | None:
    """Why the violation is no news; None when it is."""
    for one in KNOWN:
        if one.invariant == violation.invariant and re.search(one.pattern, violation.text):
            return one.reason
    return None
