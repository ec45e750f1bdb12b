"""Which of several migrations of one server counts: the one on its way, before the ended ones."""

from __future__ import annotations

from collections.abc import Iterable

from migration_ops.core.errors import InvalidInputError
from migration_ops.core.states import ENDED, Phase
from migration_ops.ledger.protocol import Record


def live_of(records: Iterable[Record]) -> list[Record]:
    """
    One record per server: the one on its way; else the last frozen one, else the last ended one written.

    :raises InvalidInputError: two migrations of one server are on their way; ``migrationIds`` must name one.
    """
    by_server: dict[str, list[Record]] = {}
    for record in records:
        by_server.setdefault(record.source_server_id, []).append(record)
    return [_live(server, mine) for server, mine in by_server.items()]


def live_wave_of(records: Iterable[Record]) -> list[Record]:
    """The records of the wave that is on its way or frozen; all records when no wave is, or several are."""
    kept = list(records)
    waves = {record.wave for record in kept if _rank(record) < _OVER}
    return [record for record in kept if record.wave in waves] if len(waves) == 1 else kept


_ON_ITS_WAY, _FROZEN, _OVER = range(3)


def _rank(record: Record) -> int:
    if record.phase is Phase.FROZEN:
        return _FROZEN
    return _OVER if record.phase in ENDED else _ON_ITS_WAY


def _live(server: str, records: list[Record]) -> Record:
    best = min(map(_rank, records))
    mine = sorted((one for one in records if _rank(one) == best), key=lambda one: one.updated_at or "")
    if best == _ON_ITS_WAY and len(mine) > 1:
        ids = [one.migration_id for one in mine]
        raise InvalidInputError(
            f"several migrations of {server} are on their way; name the one that is meant",
            path="migrationIds",
            value=ids,
        )
    return mine[-1]
