"""Secrets whose policy lets in everybody."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.verdicts import asked_of, open_to


def judge(secret: Facts, _: Facts, __: Thresholds) -> Judgement:
    policy = secret["policy"]
    document = policy.maybe("document")
    return open_to([("", document)], asked_of(policy, "accessCheck")) if document else ok("has no resource policy")
