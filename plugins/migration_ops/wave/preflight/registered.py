"""Preflight of what earlier runs registered: the users who may approve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migration_ops.core.errors import BlockedError
from migration_ops.core.policy import Policy
from migration_ops.core.verdict import GateResult, Verdict
from migration_ops.ledger.protocol import Record
from migration_ops.wave.plan.plan import WavePlan
from migration_ops.wave.preflight.facts import Facts, known
from migration_ops.wave.rules.approvers import binding_approvers, why_not_approvers
from migration_ops.wave.rules.standing import REGISTERED
from migration_ops.wave.services import Services

PATH = "approvals.approvers"


def approvers(services: Services, plan: WavePlan, facts: Facts) -> list[GateResult]:
    """The run's approvers are among those with whom the servers that are cut over were registered."""
    records = known(facts.records)
    bound = binding_approvers(Policy.of(services.settings), records.values())
    if bound is None:
        return []
    named = plan.conf.approvals.approvers
    why = why_not_approvers(bound, named)
    verdict = Verdict.BLOCKED if why else Verdict.OK
    return [GateResult("approvers", PATH, verdict, sorted(named), sorted(bound), why or "")]


def refuse_other_approvers(services: Services, plan: WavePlan, records: Mapping[str, Record]) -> None:
    """:raises BlockedError: what is cut over was registered with other approvers."""
    bound = binding_approvers(Policy.of(services.settings), records.values())
    why = why_not_approvers(bound, plan.conf.approvals.approvers)
    if why:
        raise BlockedError(why, path=PATH)


def replaced_approvers(plan: WavePlan, records: Mapping[str, Record]) -> dict[str, Any]:
    """For the history: the approvers of earlier registrations, when this run has others; else empty."""
    before = {tuple(fact.get("approvers") or ()) for one in records.values() if (fact := one.facts.get(REGISTERED))}
    users = {user for named in before for user in named}
    is_same = all(set(named) == set(plan.conf.approvals.approvers) for named in before)
    return {} if is_same else {"approversBefore": sorted(users)}
