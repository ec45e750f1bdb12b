"""What the three checks for administrative policies have in common."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, critical, ok, warning
from migration_ops.runbook.audit.permissions import Policy, administrators, boundary_of


def no_administrators(role: Facts, policies: list[Policy], kind: str) -> Judgement:
    """CRITICAL for policies that allow everything; WARNING when only the permissions boundary holds them back.

    :param kind: which policies these are, for the reason.
    """
    found = administrators(policies)
    if not found:
        return ok(f"no {kind} policy allows everything", value=0)
    boundary = boundary_of(role)
    named = ", ".join(found)
    if boundary is not None and not administrators([boundary]):
        reason = f"{named} allows everything; only the boundary {boundary.name} holds it back"
        return warning(reason, value=len(found), limit=0, evidence=tuple(found))
    return critical(f"{named} allows everything", value=len(found), limit=0, evidence=tuple(found))
