"""Where backups are in the bucket: ``backups/<table>/<yyyy>/<mm>/<dd>/<run id>/``, and which of them are finished."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime

from migration_ops.core.field_text import s3_key_part
from migration_ops.runbook.backup.store import Stored

PREFIX = "backups"
MANIFEST, VERIFIED, REFUSED = "manifest.json", "verified.json", "refused.json"
_BASE = re.compile(rf"({PREFIX}/[^/]+/(\d{{4}})/(\d{{2}})/(\d{{2}})/[^/]+)/(.+)")


def table_prefix(table: str) -> str:
    return f"{PREFIX}/{table}/"


def base_of(table: str, run_id: str, at: datetime) -> str:
    """The prefix of one run's backup; the same when the run is repeated."""
    return f"{table_prefix(table)}{at:%Y/%m/%d}/{s3_key_part(run_id)}"


def table_of(base: str) -> str:
    """The table whose backup is there."""
    return base.split("/")[1]


def part_key(base: str, segment: int, number: int) -> str:
    return f"{base}/part-{segment:03d}-{number:05d}.jsonl.gz"


@dataclass
class Found:
    """What a listing shows of one backup."""

    base: str
    day: date
    keys: list[str] = field(default_factory=list)
    size: int = 0

    @property
    def is_finished(self) -> bool:
        """Without a manifest there is no backup, whatever other objects are there."""
        return f"{self.base}/{MANIFEST}" in self.keys

    @property
    def says_verified(self) -> bool:
        return self.is_finished and f"{self.base}/{VERIFIED}" in self.keys

    @property
    def is_refused(self) -> bool:
        return f"{self.base}/{REFUSED}" in self.keys

    @property
    def keys_to_delete(self) -> list[str]:
        """Mark and manifest first, so that a half-deleted backup does not count as one."""
        first = [f"{self.base}/{name}" for name in (VERIFIED, MANIFEST)]
        return [key for key in first if key in self.keys] + [key for key in self.keys if key not in first]


def found_in(objects: Iterable[Stored]) -> tuple[list[Found], list[str]]:
    """Backups by their keys, oldest day first; and the keys that belong to none."""
    found: dict[str, Found] = {}
    strange = []
    for one in objects:
        match = _BASE.fullmatch(one.key)
        day = _day(match) if match else None
        if match is None or day is None:
            strange.append(one.key)
            continue
        backup = found.setdefault(match[1], Found(match[1], day))
        backup.keys.append(one.key)
        backup.size += one.size
    return sorted(found.values(), key=lambda one: (one.day, one.base)), strange


def _day(match: re.Match[str]) -> date | None:
    try:
        return date(int(match[2]), int(match[3]), int(match[4]))
    except ValueError:
        return None
