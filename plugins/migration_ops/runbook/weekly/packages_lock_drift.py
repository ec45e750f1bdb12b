"""Packages that are missing, or in another version than the lock says."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.version import Version

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, warning
from migration_ops.core.thresholds import Thresholds


def judge(lock: Facts, _: Facts, __: Thresholds) -> Iterator[Judgement]:
    packages = lock["packages"]
    drifted = [one for one in packages if not _is_as_locked(one)]
    for one in drifted:
        found = one.maybe("installed", "none")
        yield warning(f"locked is {one['locked']}, installed is {found}", resource=one["name"])
    if not drifted:
        extra = lock["extra"]
        yield ok(f"{len(packages)} packages are as locked, {len(extra)} more are installed", evidence=tuple(extra[:40]))


def _is_as_locked(package: Facts) -> bool:
    installed = package.maybe("installed")
    return installed is not None and Version(installed) == Version(package["locked"])
