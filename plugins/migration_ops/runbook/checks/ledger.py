"""The ledger: migrations that are stuck, frozen, slower or failing more often."""

from __future__ import annotations

from collections.abc import Iterator

from migration_ops.core.facts import Snapshot
from migration_ops.core.finding import CheckResult, FindingStatus, Route, above, critical, ok, warning
from migration_ops.core.states import MAY_WAIT_LONG
from migration_ops.core.thresholds import Thresholds
from migration_ops.ledger import durations, outcomes, queries
from migration_ops.runbook.checks.chapters import HEALTH, PERFORMANCE, WEEKLY
from migration_ops.runbook.checks.check import check


@check(
    HEALTH,
    about=queries.SUMMARY,
    title="Migrations in progress",
    section="Daily Operations, 4. Migration Status Dashboard",
    unit="migrations",
    risk="A server in two migrations in progress would be launched twice.",
    remedy=(
        "Find out which of the two waves is still running; end the other one (migration_rollback, or "
        "start its wave again)."
    ),
)
def ledger_active_migrations(summary: Snapshot, _: Snapshot, limits: Thresholds) -> Iterator[CheckResult]:
    """How many migrations are on their way, and whether one server is in two of them."""
    servers = summary["servers"]
    number = sum(len(server["migrations"]) for server in servers)
    counts = tuple(f"{status} {count}" for status, count in summary["counts"].items() if count)
    yield ok(f"{number} migrations of {len(servers)} servers", value=number, evidence=counts)
    for server in servers:
        if len(server["migrations"]) > 1:
            names = ", ".join(server["migrations"])
            yield critical(
                f"in several migrations on their way: {names}",
                resource=server["name"],
                value=len(server["migrations"]),
                limit=1,
            )


@check(
    HEALTH,
    about=queries.LISTED_ACTIVE,
    route=Route.PAGE,
    title="Stuck migrations",
    section="Daily Operations, 4. Migration Status Dashboard",
    unit="min",
    empty="ok",
    risk=(
        "Nothing was written about a migration in progress: its task may be gone, or waits for something that "
        "does not happen."
    ),
    remedy=(
        "Open the wave's run: a task that waits says for what. If there is no run any more, start the wave "
        "again: it continues from what MGN shows."
    ),
)
def ledger_migration_stuck(migration: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult:
    """Migrations on their way about which nothing was written for long."""
    phase = migration["phase"]
    return above(
        migration["minutesSinceUpdate"],
        limits.migrations.stuck_after_minutes,
        f"without a change in {phase}",
        FindingStatus.WARNING if phase in MAY_WAIT_LONG else FindingStatus.CRITICAL,
        evidence=tuple(f"{name}: {migration.optional(name)}" for name in ("wave", "sourceServerId", "dagRunId")),
    )


@check(
    HEALTH,
    about=queries.FROZEN,
    route=Route.PAGE,
    title="Frozen migrations",
    section="Daily Operations, 4. Migration Status Dashboard",
    empty="ok",
    risk=("Something could not be verified, for example a rollback; only a person can say what the server's state is."),
    remedy=(
        "Read the reason, look at the server in the MGN console, put it right, then clear the wave's task"
        " or run migration_rollback."
    ),
)
def ledger_migration_frozen(migration: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult:
    """Migrations that stopped in a state which only a person can judge."""
    why = migration.optional("errorMessage") or migration.optional("errorCode") or "no reason was written"
    return critical(
        f"frozen since {migration['updatedAt']}: {why}",
        value=migration["status"],
        evidence=tuple(f"{name}: {migration.optional(name)}" for name in ("wave", "sourceServerId", "dagRunId")),
    )


@check(
    PERFORMANCE,
    about=durations.WAVES,
    title="The longest step of a wave",
    section="Maintenance Tasks, Monthly 2. Performance Review",
    unit="min",
    empty="ok",
    risk="Slow steps use up the change window.",
    remedy="Look at the wave's report and at the job log of that migration in MGN.",
)
def ledger_slow_step(wave: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult:
    """The longest step of each wave, without steps that wait for people or windows."""
    working = [one for one in wave["steps"] if not one["isWaiting"]]
    if not working:
        return ok("nothing was launched in it")
    longest = max(working, key=lambda one: float(one["seconds"]))
    minutes = round(longest["seconds"] / 60, 1)
    said = f"longest step {longest['phase']}, of {longest['migrationId']}"
    most = limits.performance.max_step_minutes
    shown = tuple(f"{one['phase']}: {one['seconds'] / 60:.1f} min, {one['migrationId']}" for one in wave["steps"])
    return above(minutes, most, said, FindingStatus.WARNING, evidence=shown)


@check(
    WEEKLY,
    about=outcomes.WAVES,
    title="Success rate of each wave",
    section="Maintenance Tasks, Weekly 1. Review CloudWatch Dashboards",
    unit="%",
    empty="ok",
    risk=("When several servers of a wave fail, they often have a common cause, and the next wave has it too."),
    remedy=("Open the wave's report and group its failures by error code; fix the cause before the next wave starts."),
)
def ledger_success_rate(wave: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult:
    """The share of a wave's ended migrations that completed. A rolled-back migration is not completed.

    Below ``minEndedMigrations`` any failure is a WARNING: one migration that was rolled back would be 0 %.
    """
    percent = round(100 * wave["completed"] / wave["ended"], 1)
    least = limits.weekly.min_success_percent
    said = f"{wave['completed']} of {wave['ended']} migrations completed"
    counts = (wave["byStatus"].plain(),)
    enough = limits.weekly.min_ended_migrations
    if percent < least and wave["ended"] < enough:
        return warning(f"{said}; fewer than {enough} make no rate", value=percent, limit=least, evidence=counts)
    if percent < least:
        return critical(said, value=percent, limit=least, evidence=counts)
    return ok(said, value=percent, limit=least, evidence=counts)


@check(
    WEEKLY,
    about=outcomes.ERRORS,
    title="Errors that become more frequent",
    section="Maintenance Tasks, Weekly 1. Review CloudWatch Dashboards",
    unit="migrations",
    empty="ok",
    risk=("An error code that grows from week to week points to a change: a quota, a permission, an image."),
    remedy=("Look at the named migrations in the ledger; look for what changed since the week before."),
)
def ledger_error_growth(error: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult:
    """Error codes that occur more often than in the window before."""
    growth, most = error["now"] - error["before"], limits.weekly.max_error_growth
    said = f"{error['now']} migrations ended with it, {error['before']} in the window before"
    if growth > most:
        return warning(said, value=growth, limit=most, evidence=tuple(error["migrations"]))
    return ok(said, value=growth, limit=most)


@check(
    WEEKLY,
    about=outcomes.WAVES,
    title="Waves that take longer",
    section="Maintenance Tasks, Weekly 1. Review CloudWatch Dashboards",
    unit="min",
    empty="ok",
    risk=("Change windows were planned with the earlier durations; a slower wave may not fit into its window."),
    remedy=(
        "Compare the wave's step times with an earlier report: replication, launch and waiting for "
        "approval have different causes."
    ),
)
def ledger_duration_growth(wave: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult | None:
    """Waves whose migrations took longer than those of the window before (medians of what completed)."""
    if not wave["completed"]:
        return None
    took, usual = wave["medianMinutes"], wave.optional("beforeMedianMinutes")
    if usual is None:
        return ok("nothing completed in the window before: there is nothing to compare with", value=took)
    most = usual * (1 + limits.weekly.max_duration_growth_percent / 100)
    return above(took, round(most, 1), f"median of {wave['completed']} migrations", FindingStatus.WARNING)
