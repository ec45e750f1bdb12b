"""From several judged facts to one check: the worst verdict decides and says why."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from migration_ops.waves.verdict import Check, Verdict

Fact = tuple[Verdict, str]


def blocked(reason: str) -> Fact:
    return Verdict.BLOCKED, reason


def unknown(reason: str) -> Fact:
    return Verdict.UNKNOWN, reason


def decide(name: str, subject: str, against: Iterable[Fact], *, value: Any, limit: Any, ok: str) -> Check:
    """OK only when nothing speaks against it. Reasons of the deciding verdict are all named, the others are not.

    :param against: the facts that are not OK.
    :param ok: the reason to give when there are none.
    """
    facts = list(against)
    for verdict in (Verdict.BLOCKED, Verdict.UNKNOWN):
        reasons = [reason for of, reason in facts if of is verdict]
        if reasons:
            return Check(name, subject, verdict, value, limit, "; ".join(reasons))
    return Check(name, subject, Verdict.OK, value, limit, ok)
