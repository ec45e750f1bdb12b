"""Locked packages with known vulnerabilities: judged as in the quarterly assessment, but every week."""

from __future__ import annotations

from collections.abc import Iterator

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.assessment import packages_known_vulnerabilities as assessed


def judge(scan: Facts, estate: Facts, limits: Thresholds) -> Iterator[Judgement]:
    return assessed.judge(scan, estate, limits)
