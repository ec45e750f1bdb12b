"""How much of each quota is used."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, critical, ok, warning
from migration_ops.core.thresholds import Thresholds


def judge(quota: Facts, _: Facts, limits: Thresholds) -> Judgement:
    limit, most = quota["limit"], limits.capacity.max_quota_percent
    used = quota.maybe("used")
    if used is None:
        # The metric is the one that AWS names for this quota; it has no values where nothing is used.
        return ok(f"no use was reported in the last week, the quota is {limit:g}", limit=most)
    percent = round(100 * used / limit, 1)
    said = f"{used:g} of {limit:g} ({quota['source']})"
    seen = {"value": percent, "limit": most}
    if percent >= 100:
        return critical(f"{said}: nothing more is given", **seen)
    return warning(said, **seen) if percent > most else ok(said, **seen)
