"""Migrations that ended in the last two weeks, and an environment whose packages are as locked and up to date."""

from __future__ import annotations

import functools
import hashlib
import shlex
import sys
import tempfile
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from include.sandbox.estates import fake_pip
from include.sandbox.estates.account import Account
from migration_ops.core.states import Phase
from migration_ops.ledger.dynamodb import DynamoDbLedger
from migration_ops.ledger.protocol import Record
from migration_ops.runbook.scanners.packages import installed

# As a wave without a test launch goes; each step is a line of the history.
TO_FINALIZED = (
    Phase.READY,
    Phase.CUTTING_OVER,
    Phase.CUTOVER_LAUNCHED,
    Phase.CUTOVER_VERIFIED,
    Phase.FINALIZING,
    Phase.FINALIZED,
)
USUAL_MINUTES = 120


def seed(account: Account) -> None:
    # Whatever the window, a day or a week: something ended in it and something in the one before.
    for wave, hours_ago in (("history-1", 24 * 8), ("history-2", 30), ("history-3", 4)):
        ended_migrations(account, wave, 4, hours_ago=hours_ago)
    use_packages(account, installed())


def ended_migrations(
    account: Account,
    wave: str,
    number: int,
    *,
    hours_ago: float,
    minutes: float = USUAL_MINUTES,
    error_code: str | None = None,
) -> None:
    """Migrations of a wave that all ended ``hours_ago`` after ``minutes``: completed, or failed with a code."""
    path = (Phase.FAILED,) if error_code else TO_FINALIZED
    end = account.now - timedelta(hours=hours_ago)
    at = [end - timedelta(minutes=minutes) * (1 - step / len(path)) for step in range(len(path) + 1)]
    new = [_planned(wave, f"{wave}-{error_code or 'done'}-{one}".lower().replace("_", "-")) for one in range(number)]
    records = _ledger(account, at[0]).write(new, new, "registered")
    for phase, moment in zip(path, at[1:], strict=True):
        failed = {"error_code": error_code, "error_message": "planted"} if phase is Phase.FAILED else {}
        following = [one.to(phase, **failed) for one in records]
        records = _ledger(account, moment).write(records, following, phase.value.lower())


def _planned(wave: str, name: str) -> Record:
    server = "s-" + hashlib.sha256(name.encode()).hexdigest()[:17]
    return Record(f"mig-{name}", wave, f"{wave}-app", server, Phase.PLANNED, correlation_id=f"mig-{name}")


def _ledger(account: Account, moment: datetime) -> DynamoDbLedger:
    table = account.settings["MIGRATION_OPS_TABLE_NAME"]
    return DynamoDbLedger(account.client("dynamodb"), table, now=lambda: moment)


def use_packages(account: Account, locked: dict[str, str], newer: Iterable[str] = ()) -> None:
    """
    A lock, and an index that has newer versions of some packages, as settings of this account's readers.

    An Airflow that runs already keeps its own settings: there the real lock and the real index are looked at.
    """
    lock = Path(_directory().name) / "requirements.txt"
    lock.write_text("".join(f"{name}=={version}\n" for name, version in sorted(locked.items())), encoding="utf-8")
    words = [sys.executable, fake_pip.__file__, *(word for name in newer for word in ("--newer", name))]
    account.settings["MIGRATION_OPS_LOCK_FILE"] = str(lock)
    account.settings["MIGRATION_OPS_PIP_LIST_COMMAND"] = shlex.join(words)


@functools.cache
def _directory() -> tempfile.TemporaryDirectory[str]:
    """One a process, gone with it."""
    return tempfile.TemporaryDirectory(prefix="migration-ops-lock-")
