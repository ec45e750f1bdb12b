"""A bad week: a wave that loses servers, an error that spreads, a slow wave, a costly service, stale packages."""

from __future__ import annotations

from datetime import timedelta
from importlib.metadata import distributions

from include.sandbox.estates.account import Account
from include.sandbox.estates.clean.weekly import USUAL_MINUTES, ended_migrations, use_packages
from include.sandbox.estates.estate import Expected
from migration_ops.runbook.scanners.packages import installed

MISSING, COSTLY = "migration-ops-planted", "AWS Backup"


def plant(account: Account) -> Expected:
    ended_migrations(account, "weak-wave", 8, hours_ago=3)
    ended_migrations(account, "weak-wave", 2, hours_ago=3, error_code="TIMED_OUT")
    # 3 of 60: the wave itself is as good as the limit asks, but the week before knew none of them.
    ended_migrations(account, "large-wave", 57, hours_ago=2)
    ended_migrations(account, "large-wave", 3, hours_ago=2, error_code="STEP_FAILED")
    ended_migrations(account, "slow-wave", 3, hours_ago=1, minutes=3 * USUAL_MINUTES)

    _spend(account, COSTLY, 12.5, first_day=365, last_day=9)
    _spend(account, COSTLY, 18.0, first_day=8, last_day=0)

    newer = [one.metadata["Name"] for one in distributions()][:40]
    use_packages(account, installed() | {MISSING: "1.0.0"}, newer)
    return {
        "ledger_success_rate": {"weak-wave"},
        "ledger_error_growth": {"STEP_FAILED"},
        "ledger_duration_growth": {"slow-wave"},
        "cost_week_growth": {COSTLY},
        "packages_lock_drift": {MISSING},
        "packages_outdated": {"package index"},
        # Planted by the audit and the assessment: this review says weekly what they say later.
        "packages_vulnerable": {"jinja2"},
        "lambda_runtime_near_end": {"old-runtime"},
    }


def _spend(account: Account, service: str, amount: float, *, first_day: int, last_day: int) -> None:
    """So much a day, from and until so many days ago. Too little in a month to be its growth."""
    today = account.now.date()
    days = {"from": today - timedelta(days=first_day), "to": today - timedelta(days=last_day)}
    line = {"service": service, "usageType": "BackupStorage", "amount": amount}
    account.control.write_history(costs=[line | {name: day.isoformat() for name, day in days.items()}])
