"""The result of every check of a wave: OK, BLOCKED or UNKNOWN. UNKNOWN never opens a gate."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """OK opens a gate; BLOCKED and UNKNOWN keep it shut."""

    OK = "OK"
    BLOCKED = "BLOCKED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True)
class GateResult:
    """One judged fact: what was checked, what was seen, what the limit is.

    ``subject`` is an id or a path, ``value`` and ``limit`` are plain JSON values with the unit in ``name``.
    """

    name: str
    subject: str
    verdict: Verdict
    value: Any = None
    limit: Any = None
    reason: str = ""

    def as_document(self) -> dict[str, Any]:
        return {**vars(self), "verdict": self.verdict.value}


def worst(checks: list[GateResult]) -> Verdict:
    """BLOCKED before UNKNOWN before OK. No checks at all is UNKNOWN: nothing was checked."""
    verdicts = {check.verdict for check in checks}
    for verdict in (Verdict.BLOCKED, Verdict.UNKNOWN):
        if verdict in verdicts:
            return verdict
    return Verdict.OK if verdicts else Verdict.UNKNOWN


Fact = tuple[Verdict, str]


def blocked(reason: str) -> Fact:
    return Verdict.BLOCKED, reason


def unknown(reason: str) -> Fact:
    return Verdict.UNKNOWN, reason


def combine(name: str, subject: str, against: Iterable[Fact], *, value: Any, limit: Any, ok: str) -> GateResult:
    """OK only when there is no fact against it. The result names all reasons of its verdict, and no others.

    :param against: the facts that are not OK.
    :param ok: the reason when there are none.
    """
    facts = list(against)
    for verdict in (Verdict.BLOCKED, Verdict.UNKNOWN):
        reasons = [reason for of, reason in facts if of is verdict]
        if reasons:
            return GateResult(name, subject, verdict, value, limit, "; ".join(reasons))
    return GateResult(name, subject, Verdict.OK, value, limit, ok)
