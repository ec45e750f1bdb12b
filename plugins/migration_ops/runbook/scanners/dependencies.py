"""This installation's Python packages compared with their lock and with the package index. Installs nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from migration_ops.aws.reader import AwsReader
from migration_ops.core.batches import side_by_side
from migration_ops.core.facts import is_failed
from migration_ops.core.listing import Listing
from migration_ops.runbook.scanners import packages
from migration_ops.runbook.scanners.packages import canonical_name

OUTDATED, UP_TO_DATE = "--outdated", "--uptodate"


def read(reader: AwsReader) -> dict[str, Any]:
    """
    ``locks``: one, with ``name``, ``packages`` (``name, locked, installed``; None where it is not installed) and
    ``extra`` (names that are installed and not locked). ``indexes``: one, with ``name``, ``outdated`` (``name,
    installed, latest``) and ``unanswered``: locked packages of which the index said nothing.
    """
    return {"locks": [_lock(reader)], "indexes": [_index(reader)]}


def lock_path(reader: AwsReader) -> Path:
    """The lock of this installation."""
    return Path(reader.settings.lock_file) if reader.settings.lock_file else packages.PROJECT_LOCK


def _lock(reader: AwsReader) -> dict[str, Any]:
    path = lock_path(reader)
    have = packages.installed()
    wanted = reader.guarded(f"read {path.name}", lambda: packages.locked(path))
    if is_failed(wanted):
        return {"name": path.name, "packages": wanted, "extra": wanted}
    return {
        "name": path.name,
        "packages": [{"name": name, "locked": wanted[name], "installed": have.get(name)} for name in sorted(wanted)],
        "extra": sorted(set(have) - set(wanted)),
    }


def _index(reader: AwsReader) -> dict[str, Any]:
    """pip silently leaves packages that its index did not answer out of both lists: so both are read."""
    path, limit = lock_path(reader), reader.config.thresholds.weekly.package_index_timeout_seconds
    command = reader.settings.pip_list_command
    wanted = reader.guarded(f"read {path.name}", lambda: packages.locked(path))
    outdated, current = side_by_side(
        (OUTDATED, UP_TO_DATE),
        lambda which: reader.guarded(f"pip list {which}", lambda: packages.listed(command, which, limit)),
    )
    unread = next((one for one in (wanted, outdated, current) if is_failed(one)), None)
    if unread is not None:
        return {"name": "package index", "outdated": unread, "unanswered": unread}
    ours = set(wanted) & set(packages.installed())
    answered = {canonical_name(one["name"]) for one in [*outdated, *current]}
    return {
        "name": "package index",
        "outdated": [
            {"name": one["name"], "installed": one["version"], "latest": one["latest_version"]}
            for one in outdated
            if canonical_name(one["name"]) in ours
        ],
        "unanswered": sorted(ours - answered),
    }


INDEXES = Listing("dependencies", "indexes", read)
LOCKS = Listing("dependencies", "locks", read)
