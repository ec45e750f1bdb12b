"""Whose account the connection leads to (STS GetCallerIdentity)."""

from __future__ import annotations

from migration_ops.steps.preflight.facts import Facts
from migration_ops.steps.services import Services
from migration_ops.waves.plan import WavePlan
from migration_ops.waves.verdict import Check, Verdict


def caller(services: Services, plan: WavePlan, facts: Facts) -> list[Check]:
    """The caller's account must be the conf's; without ``accountId`` it is taken as it is, and shown."""
    expected = plan.conf.get("accountId")
    account = services.client("sts").get_caller_identity().get("Account")
    if not account:
        return [Check("caller account", "sts", Verdict.UNKNOWN, None, expected, "STS did not name an account")]
    good = expected in (None, account)
    reason = "" if good else f"the connection leads to account {account}, the conf says {expected}"
    return [Check("caller account", "sts", Verdict.OK if good else Verdict.BLOCKED, account, expected, reason)]
