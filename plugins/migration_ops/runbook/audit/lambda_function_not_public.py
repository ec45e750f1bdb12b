"""The policies of a function, of its aliases and of its versions let in nobody in general."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.verdicts import asked_of, open_to


def judge(function: Facts, _: Facts, __: Thresholds) -> Judgement:
    policies = function["policies"]
    checks = [each for one in policies for each in asked_of(one, "accessCheck")]
    return open_to([(_of(one["alias"]), one["document"]) for one in policies], checks)


def _of(qualifier: str) -> str:
    """An alias cannot be a number alone."""
    return f"{'version' if qualifier.isdigit() else 'alias'} {qualifier}" if qualifier else ""
