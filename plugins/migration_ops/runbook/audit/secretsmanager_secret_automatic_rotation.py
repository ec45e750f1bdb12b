"""Secrets that nothing rotates, and those whose rotation is switched on and does not work."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, critical, ok, warning
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.rotation import cannot_be_changed, trouble


def judge(secret: Facts, estate: Facts, _: Thresholds) -> Judgement | None:
    """What a service owns without rotating it does not apply; what it rotates is judged as every other rotation."""
    home = secret.maybe("primaryRegion")
    if home:
        return ok(f"is a replica: rotates in {home}")
    if not secret["rotates"]:
        return None if cannot_be_changed(secret) else warning("has no rotation", value=False, limit=True)
    wrong = trouble(secret, estate.at("secretsmanager.readAt"))
    if wrong:
        return critical(wrong, value=False, limit=True)
    when = secret.maybe("schedule") or f"every {secret.maybe('everyDays', '?')} days"
    return ok(f"rotates {when}", value=True)
