"""The report of a scan of the packages that ``weekly`` locked, as pip-audit writes it: nothing found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from include.sandbox.estates.account import Account
from migration_ops.runbook.readers.advisories import DEFAULT_KEY
from migration_ops.runbook.scanners.packages import PROJECT_LOCK, locked


def seed(account: Account) -> None:
    put_report(account, {})


def put_report(account: Account, advisories: Mapping[str, list[dict[str, Any]]]) -> None:
    """:param advisories: by package, as pip-audit's ``vulns``."""
    lock = Path(account.settings.get("MIGRATION_OPS_LOCK_FILE", PROJECT_LOCK))
    dependencies = [
        {"name": name, "version": version, "vulns": advisories.get(name, [])} for name, version in locked(lock).items()
    ]
    account.client("s3").put_object(
        Bucket=account.settings["MIGRATION_OPS_EVIDENCE_BUCKET"],
        Key=DEFAULT_KEY,
        Body=json.dumps({"dependencies": dependencies, "fixes": []}).encode(),
    )
