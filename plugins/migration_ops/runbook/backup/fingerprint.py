"""What a table holds: number of items, their digest, a sample, and whether the history of each migration is whole."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from hashlib import sha256
from heapq import heappush, heapreplace
from typing import Any

from migration_ops.aws.evidence_store import EvidenceStore
from migration_ops.core.batches import in_groups, side_by_side
from migration_ops.ledger.items import KEY
from migration_ops.ledger.stored_chain import read_chains
from migration_ops.ledger.table import Table
from migration_ops.runbook.backup.create import written_at
from migration_ops.runbook.backup.scan import SEGMENTS, scan_table
from migration_ops.runbook.backup.serialization import Item, Tally, line_of

SAMPLED = 500
CHAINS_A_READ = 50
AT_ONCE = 4


@dataclass(frozen=True)
class Sampled:
    """One item of a sample. ``written_at`` is empty when the item does not say."""

    digest: str
    written_at: str


@dataclass
class Profile:
    """
    :param sample: the items whose keys have the smallest digests, by key: equal for tables with the same keys.
    :param migrations: ids of records and of lines that are not archived.
    """

    tally: Tally = field(default_factory=Tally)
    migrations: set[str] = field(default_factory=set)
    # (negative digest of the key, key, item): a heap whose first entry is dropped next.
    _sample: list[tuple[int, str, Sampled]] = field(default_factory=list)

    @property
    def sample(self) -> dict[str, Sampled]:
        return {key: one for _, key, one in self._sample}

    def take(self, items: list[Item]) -> None:
        for item in items:
            line = line_of(item)
            self.tally.add(line)
            key = str(item.get(KEY, {}).get("S", ""))
            if "historyOf" in item and "expiresAt" not in item:
                self.migrations.add(item["historyOf"]["S"])
            elif "historySequence" in item:
                self.migrations.add(key)
            self._consider((-int.from_bytes(sha256(key.encode()).digest()[:8]), key), line, item)

    def merge(self, other: Profile) -> None:
        self.tally.merge(other.tally)
        self.migrations |= other.migrations
        for one in other._sample:
            self._keep(one)

    def _consider(self, rank: tuple[int, str], line: bytes, item: Item) -> None:
        if len(self._sample) < SAMPLED or rank > self._sample[0][:2]:
            # The archive sets an item's time to live without changing its other times: when it was written is unknown.
            moment = "" if "expiresAt" in item else written_at(item)
            self._keep((*rank, Sampled(sha256(line).hexdigest(), moment)))

    def _keep(self, one: tuple[int, str, Sampled]) -> None:
        if len(self._sample) < SAMPLED:
            heappush(self._sample, one)
        elif one[:2] > self._sample[0][:2]:
            heapreplace(self._sample, one)


def profile_table(client: Any, table: str, segments: int = SEGMENTS) -> Profile:
    """
    Reads the whole table.

    :param client: made by ``raw_scans``.
    :raises MigrationError: it could not be read to its end.
    """
    whole = Profile()
    for one in scan_table(client, table, lambda _: Profile(), segments):
        whole.merge(one)
    return whole


def broken_chains(
    client: Any, table: str, migrations: set[str], archive: EvidenceStore | None = None
) -> dict[str, list[str]]:
    """Problems of the histories, by migration; empty when all are whole.

    :param client: a plain DynamoDB client.
    :param archive: where archived lines are; a history with a line that cannot be read there is not whole.
    :raises MigrationError: a history could not be read.
    """
    source, now = Table(client, table), time.time()
    groups = in_groups(sorted(migrations), CHAINS_A_READ)
    found = side_by_side(groups, lambda some: read_chains(source, some, now), AT_ONCE)
    chains = [chain for some in found for chain in some.values()]
    judged = side_by_side(chains, lambda chain: chain.judged(archive).problems, AT_ONCE)
    return {chain.migration_id: problems for chain, problems in zip(chains, judged, strict=True) if problems}


@dataclass(frozen=True)
class Difference:
    """The difference of two samples. ``compared`` counts the items that must be the same in both."""

    compared: int
    differing: tuple[str, ...]
    missing: tuple[str, ...]


def compare_samples(live: dict[str, Sampled], restored: dict[str, Sampled], until: str) -> Difference:
    """
    Items of the live table that were last written before ``until`` must be in the restored one, the same.

    Only ranks that both full samples cover are compared; beyond them an item is in a sample by chance only.
    """
    ranks = [max((_rank(key) for key in some), default=0) for some in (live, restored) if len(some) >= SAMPLED]
    last = min(ranks, default=None)
    old = {
        key: one
        for key, one in live.items()
        if one.written_at and one.written_at < until and (last is None or _rank(key) <= last)
    }
    return Difference(
        compared=len(old),
        differing=tuple(key for key in sorted(old) if key in restored and restored[key].digest != old[key].digest),
        missing=tuple(key for key in sorted(old) if key not in restored),
    )


def _rank(key: str) -> int:
    return int.from_bytes(sha256(key.encode()).digest()[:8])
