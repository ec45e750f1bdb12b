"""Policies that may change everything of a service."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, warning
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.audit.changes import unbounded_changes
from migration_ops.runbook.audit.permissions import own_policies

SHOWN = 3


def judge(role: Facts, _: Facts, __: Thresholds) -> Judgement:
    found = {
        policy.name: sorted({action for one in policy.statements for action in unbounded_changes(one)})
        for policy in own_policies(role)
    }
    bad = {name: actions for name, actions in found.items() if actions}
    if not bad:
        return ok("changes are bound to resources", value=0)
    actions = [one for some in bad.values() for one in some]
    return warning(
        f"{', '.join(bad)} allows {', '.join(actions[:SHOWN])}{' and more' if len(actions) > SHOWN else ''} on *",
        value=len(bad),
        limit=0,
        evidence=tuple(actions),
    )
