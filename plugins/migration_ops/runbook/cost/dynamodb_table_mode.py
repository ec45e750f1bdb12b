"""Tables that would cost less in the other billing mode, by what they consumed."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, warning
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.cost.table_prices import Consumption


def judge(table: Facts, _: Facts, limits: Thresholds) -> Judgement:
    mode, least = table["billingMode"], limits.cost.min_amount
    used = [
        Consumption(of, tuple(part["consumed"][of]["values"]), table["hours"], part["provisioned"][of])
        for part in table["parts"]
        for of in ("reads", "writes")
    ]
    is_provisioned = mode == "PROVISIONED"
    on_demand = round(sum(one.on_demand_usd for one in used), 2)
    provisioned = round(sum(one.provisioned_usd if is_provisioned else one.scaled_usd for one in used), 2)
    saving = round(provisioned - on_demand if is_provisioned else on_demand - provisioned, 2)
    other = "PAY_PER_REQUEST" if is_provisioned else "PROVISIONED"
    seen = {
        "value": saving,
        "limit": least,
        "evidence": ({"onDemandUsdAMonth": on_demand, "provisionedUsdAMonth": provisioned, "proposed": other},),
    }
    if saving >= least:
        return warning(f"{mode}: {other} would cost about {saving:.2f} USD less a month", **seen)
    return ok(f"{mode}: {other} would not pay", **seen)
