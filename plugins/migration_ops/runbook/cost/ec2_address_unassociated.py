"""Elastic IP addresses that nothing uses."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, warning
from migration_ops.core.thresholds import Thresholds


def judge(address: Facts, _: Facts, __: Thresholds) -> Judgement:
    if address["isAssociated"]:
        return ok("in use")
    return warning(f"{address['publicIp']} belongs to nothing; since when, EC2 does not say")
