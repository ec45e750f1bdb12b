"""What costs more than before."""

from __future__ import annotations

from migration_ops.aws.inventory import cost, cost_week
from migration_ops.core.facts import Snapshot
from migration_ops.core.finding import CheckResult, ok, warning
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.chapters import COST, WEEKLY
from migration_ops.runbook.checks.check import check
from migration_ops.runbook.checks.cost_growth import judged


@check(
    COST,
    about=cost.SERVICES,
    title="Cost by service",
    section="Maintenance Tasks, Monthly 3. Cost Optimization",
    unit="%",
    risk="Spending grows, and nobody has decided that it should.",
    remedy=(
        "Look at the service in Cost Explorer by usage type and by resource, and at what was launched or left running."
    ),
)
def cost_service_growth(service: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult:
    """Services that cost more than in the month before."""
    return judged(service, limits)


@check(
    COST,
    about=cost.TAGS,
    title="Cost by wave",
    section="Maintenance Tasks, Monthly 3. Cost Optimization",
    unit="%",
    risk="A wave costs more than planned, or keeps costing after its end.",
    remedy=(
        "Compare with the wave's plan; look for test instances and staging resources. Tags must be "
        "activated for cost allocation in Billing, and count from then on."
    ),
)
def cost_tag_growth(tag: Snapshot, estate: Snapshot, limits: Thresholds) -> CheckResult:
    """Growth of the cost of each wave. A wave that is new in the month is no fault."""
    is_alone = len(estate.path("cost_explorer.tags")) == 1
    if not tag["value"] and is_alone and tag["now"] >= limits.cost.min_amount:
        return warning("no cost carries the tag: nobody set it, or it is not activated for cost allocation")
    return judged(tag, limits, may_be_new=True)


@check(
    COST,
    about=cost.LISTED_TRANSFER,
    title="Data transfer",
    section="Maintenance Tasks, Monthly 3. Cost Optimization",
    unit="%",
    empty="ok",
    risk="Data that crosses zones, Regions or NAT gateways costs money each time.",
    remedy=(
        "Find the sender: replication through a NAT gateway instead of an endpoint or a private "
        "connection, or servers that call each other across zones."
    ),
)
def cost_data_transfer_growth(usage_type: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult:
    """Kinds of data transfer that cost more than in the month before."""
    return judged(usage_type, limits)


@check(
    WEEKLY,
    about=cost_week.SERVICES,
    title="Services that cost more than the week before",
    section="Maintenance Tasks, Weekly 1. Review CloudWatch Dashboards",
    unit="%",
    risk=("Leftovers of finished migrations (staging disks, test instances, snapshots) cost money every day."),
    remedy=("Open the service in Cost Explorer by usage type; the monthly cost review names leftovers."),
)
def cost_week_growth(service: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult:
    """Services that cost more than in the week before. Small amounts and what is billed by the month do not count."""
    now, before = service["now"], service["before"]
    said = f"{now:.2f} {service['currency']} in seven days, {before:.2f} in the seven before"
    monthly = service.optional("monthly")
    if monthly is not None:
        now, before = now - monthly["now"], before - monthly["before"]
        said += f"; {monthly['now']:.2f} and {monthly['before']:.2f} of them billed on the first of the month"
    least, most = limits.weekly.min_cost_growth, limits.weekly.max_cost_growth_percent
    growth = now - before
    # Without an earlier cost there is no percentage: the amount alone decides.
    percent = round(100 * growth / before, 1) if before > 0 else None
    if growth > least and (percent is None or percent > most):
        return warning(said, value=percent, limit=most, evidence=(service.plain(),))
    return ok(said, value=percent, limit=most)
