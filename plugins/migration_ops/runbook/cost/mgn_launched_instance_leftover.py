"""Instances that MGN launched for a test or an earlier cutover, and that nothing points to any more."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, warning
from migration_ops.core.thresholds import Thresholds


def judge(instance: Facts, _: Facts, limits: Thresholds) -> Judgement:
    """A server that MGN does not know any more was migrated and removed there: its instance is the server now."""
    grace, age = limits.cost.staging_grace_hours, instance["ageHours"]
    server, migration = instance.maybe("server"), instance.maybe("migration")
    seen = {"value": age, "limit": grace}
    named = (server and server.maybe("launchedInstanceId"), migration and migration.maybe("instanceId"))
    current = {str(one) for one in named if one}
    if server is None or server.maybe("isArchived") or instance["name"] in current:
        return ok("the instance of its server", **seen)
    said = f"{instance['state']} since {age:g} h; MGN and the ledger name {', '.join(sorted(current)) or 'no instance'}"
    if age <= grace:
        return ok(said, **seen)
    return warning(said, evidence=(server.plain(), {"sourceServerId": instance["sourceServerId"]}), **seen)
