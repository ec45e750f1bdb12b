"""Which migrations are due for the archive: those of waves that have completely ended and are old enough."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from migration_ops.core.documents import iso
from migration_ops.core.states import ARCHIVABLE, STATUS_OF, Phase
from migration_ops.ledger.archive import Archive, NotArchivableError
from migration_ops.ledger.items import KEY, Item, number_of, text_of
from migration_ops.ledger.protocol import VersionConflictError
from migration_ops.ledger.table import Table

BY_STATUS, BY_WAVE = "status-timestamp-index", "wave-status-index"


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
class ArchivingResult:
    """
    What one night archived.

    :param archived: migration ids.
    :param left: ids of migrations that are due, but left for a later night.
    :param problems: migrations that cannot be archived, each with the reason; they stay in the table.
    """

    archived: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


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


def archive_due(archive: Archive, due: Iterable[Due], most_items: int) -> ArchivingResult:
    """
    Archives as many as ``most_items`` allow, so that few items expire at a time: a backup with far fewer items than the
    one before does not count as complete.

    :raises MigrationError: the bucket or the table could not be written; what was archived before stays archived.
    """
    done: dict[str, list[str]] = defaultdict(list)
    used = 0
    for one in due:
        if used + one.items > most_items:
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
    return ArchivingResult(tuple(done["archived"]), tuple(done["left"]), tuple(done["problems"]))


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
