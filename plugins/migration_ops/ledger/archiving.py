"""Which migrations are due for the archive: those of waves that have completely ended and are old enough."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from math import ceil

from migration_ops.core.documents import iso
from migration_ops.core.states import ARCHIVABLE, STATUS_OF, Phase
from migration_ops.ledger.archive import Archive, NotArchivableError
from migration_ops.ledger.items import KEY, Item, number_of, text_of
from migration_ops.ledger.protocol import VersionConflictError
from migration_ops.ledger.table import Table

BY_STATUS, BY_WAVE = "status-timestamp-index", "wave-status-index"
# DynamoDB removes expired items within days: what expires so far apart can be gone in the same night.
TOGETHER_SECONDS = 3 * 86_400


@dataclass(frozen=True)
class Due:
    """
    One migration to archive.

    :param items: how many items of the table expire with it: the record and its lines.
    """

    migration_id: str
    wave: str
    updated_at: str
    items: int


@dataclass(frozen=True)
class Expiring:
    """An archived migration whose items are still in the table.

    :param expires_at: epoch seconds.
    :param items: how many items expire then.
    """

    expires_at: int
    items: int


@dataclass(frozen=True)
class Room:
    """
    How many items may be archived in one night.

    :param most: in all; a single migration may have more.
    :param tolerated: that may expire together, those of other nights included.
    :param taken: of ``tolerated``, by what was archived in nights before.
    """

    most: int
    tolerated: int
    taken: int

    def has(self, items: int, used: int) -> bool:
        """Whether so many items may go tonight.

        :param used: items that were archived tonight.
        """
        is_share = used + items <= self.most or used == 0
        return is_share and used + items + self.taken <= self.tolerated


@dataclass(frozen=True)
class ArchivingResult:
    """
    What one night archived.

    :param archived: migration ids.
    :param left: ids of migrations that are due, but left for a later night.
    :param problems: migrations that cannot be archived, each with the reason; they stay in the table.
    :param too_large: due migrations that no night has room for, each with the reason; they stay in the table.
    """

    archived: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    too_large: tuple[str, ...] = ()


def due_for_archive(table: Table, before: datetime) -> list[Due]:
    """
    The migrations to archive, oldest first. If a migration of a wave has not ended, is FROZEN, or was written since
    ``before``, none of that wave is due: its next run needs the other records.

    :raises MigrationError: the ledger could not be read.
    """
    ended = [
        item for status in sorted({STATUS_OF[one] for one in ARCHIVABLE}) for item in _ended(table, status, before)
    ]
    waves = {text_of(one, "wave") for one in ended}
    whole = {wave for wave in waves if all(_is_due(item, before) for item in _of_wave(table, wave))}
    found = [
        Due(text_of(one, KEY), text_of(one, "wave"), text_of(one, "updatedAt"), 1 + number_of(one, "historySequence"))
        for one in ended
        if text_of(one, "wave") in whole and not _is_archived(one)
    ]
    return sorted(found, key=lambda one: (one.updated_at, one.migration_id))


def expiring(table: Table, now: datetime) -> list[Expiring]:
    """
    What is archived and still in the table.

    :raises MigrationError: the ledger could not be read.
    """
    statuses = sorted({STATUS_OF[one] for one in ARCHIVABLE})
    return [
        Expiring(number_of(one, "expiresAt"), 1 + number_of(one, "archivedSequence"))
        for status in statuses
        for one in _ended(table, status, now)
        if number_of(one, "expiresAt") > 0
    ]


def room_for(
    items: int, before: Iterable[Expiring], share_percent: float, min_items_percent: float, expires_at: int
) -> Room:
    """
    The room of a night: what expires together stays below what a backup may lack of the one before.

    :param items: of the table now.
    :param before: what is archived and still in the table; what expires well before is gone by then.
    :param share_percent: of the items, in one night.
    :param min_items_percent: of the items of the backup before, below which a backup is not verified.
    :param expires_at: epoch seconds, when that expires what is archived now.
    """
    found = list(before)
    gone = sum(one.items for one in found if one.expires_at < expires_at - TOGETHER_SECONDS)
    taken = sum(one.items for one in found if abs(one.expires_at - expires_at) <= TOGETHER_SECONDS)
    tolerated = max(ceil((items - gone) * (100 - min_items_percent) / 100) - 1, 0)
    return Room(int(items * share_percent / 100), tolerated, taken)


def archive_due(archive: Archive, due: Iterable[Due], room: Room) -> ArchivingResult:
    """
    Archives as many as there is room for, so that few items expire at a time: a backup with far fewer items than the
    one before does not count as complete.

    The first one may be larger than a night's share; then it goes alone. While it waits for room, nothing younger goes.

    :raises MigrationError: the bucket or the table could not be written; what was archived before stays archived.
    """
    done: dict[str, list[str]] = defaultdict(list)
    used, is_held = 0, False
    for one in due:
        if one.items > room.tolerated:
            reason = f"{one.items} items, and fewer than {room.tolerated + 1} may expire together"
            done["too_large"].append(f"{one.migration_id}: {reason}")
            continue
        if is_held or not room.has(one.items, used):
            is_held = is_held or used == 0
            done["left"].append(one.migration_id)
            continue
        try:
            archive.archive(one.migration_id)
        except VersionConflictError:
            # It was written just now, so it is not due any more.
            done["left"].append(one.migration_id)
        except NotArchivableError as error:
            done["problems"].append(f"{one.migration_id}: {error.message}")
        else:
            used += one.items
            done["archived"].append(one.migration_id)
    kinds = ("archived", "left", "problems", "too_large")
    return ArchivingResult(**{one: tuple(done[one]) for one in kinds})


def _ended(table: Table, status: str, before: datetime) -> list[Item]:
    names = {"#status": "status", "#updated": "updatedAt"}
    values = {":status": str(status), ":before": iso(before)}
    return table.query(BY_STATUS, "#status = :status AND #updated < :before", names, values)


def _of_wave(table: Table, wave: str) -> list[Item]:
    return table.query(BY_WAVE, "#wave = :wave", {"#wave": "wave"}, {":wave": wave})


def _is_due(item: Item, before: datetime) -> bool:
    return Phase(text_of(item, "phase")) in ARCHIVABLE and text_of(item, "updatedAt") < iso(before)


def _is_archived(item: Item) -> bool:
    """Whether it is archived up to its last line and has an expiry."""
    is_whole = number_of(item, "archivedSequence") == number_of(item, "historySequence")
    return is_whole and number_of(item, "expiresAt") > 0
