"""A migrated server has no public address."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, warning
from migration_ops.core.thresholds import Thresholds


def judge(instance: Facts, _: Facts, __: Thresholds) -> Judgement:
    """IPv6 addresses are public as such; whether a route leads to them is for the network's own review."""
    found = instance["publicAddresses"]
    return warning(f"public address: {', '.join(found)}", evidence=tuple(found)) if found else ok("none")
