"""Locks against the last lines of their migrations, on a table in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from migration_ops.ledger.items import history_key, lock_attributes, to_item, to_value
from migration_ops.ledger.judgement import Judgement
from migration_ops.ledger.lock_check import of_locks
from migration_ops.ledger.protocol import Holder
from tests.ledger.archived import NAME, Archived
from tests.ledger.builders import a_holder, a_record

SERVER = a_record().source_server_id


@pytest.fixture
def archived() -> Archived:
    return Archived()


def lock(holder: Holder, **more: Any) -> dict[str, Any]:
    return lock_attributes(holder, "2030-01-01T00:00:00.000Z") | to_item(more)


def locks(archived: Archived, held: Any, is_whole_table: bool = True, **chain: Any) -> Judgement:
    return of_locks({SERVER: held}, [replace(archived.chain, **chain)], is_whole_table=is_whole_table)


OTHER = a_holder("run-2")


def test_a_lock_is_of_the_run_that_wrote_the_last_line(archived: Archived) -> None:
    assert locks(archived, lock(a_holder())) == Judgement()
    [found] = locks(archived, lock(OTHER)).broken
    assert found.startswith(f"server {SERVER}: the lock says migration_wave / run-2")


def test_a_lock_that_was_taken_over_is_noted_until_its_holder_writes(archived: Archived) -> None:
    found = locks(archived, lock(OTHER, takenFrom=a_holder().identity))
    assert (found.broken, len(found.notes)) == ((), 1)
    assert "run-2 took the lock over from migration_wave / run-1" in found.notes[0]
    assert locks(archived, lock(OTHER, takenFrom=a_holder("run-9").identity)).broken


def test_the_last_line_with_a_holder_counts(archived: Archived) -> None:
    """The first line was written without a lock."""
    first = {history_key(NAME, 1): archived.chain.lines[history_key(NAME, 1)]}
    found = locks(archived, lock(OTHER), lines=first)
    assert (found.broken, found.notes) == ((), (f"server {SERVER}: locked, and no line says by whom",))
    without = archived.chain.lines | {
        history_key(NAME, 4): {k: v for k, v in archived.chain.lines[history_key(NAME, 4)].items() if k != "holder"}
    }
    assert locks(archived, lock(a_holder()), lines=without) == Judgement()


def test_a_lock_without_a_migration_is_noted(archived: Archived) -> None:
    found = of_locks({"s-other": lock(OTHER)}, [archived.chain], is_whole_table=True)
    assert len(found.notes) == 1
    assert of_locks({"s-other": lock(OTHER)}, [archived.chain], is_whole_table=False) == Judgement()


def test_of_a_part_only_locks_of_its_wave_are_judged(archived: Archived) -> None:
    assert locks(archived, lock(OTHER), is_whole_table=False).broken
    elsewhere = replace(OTHER, wave="wave-9")
    assert locks(archived, lock(elsewhere), is_whole_table=False) == Judgement()
    assert locks(archived, lock(elsewhere)).broken


MALFORMED = {"migrationId": to_value(NAME), "phase": to_value("DONE")}


@pytest.mark.parametrize("item", [None, MALFORMED], ids=["gone", "malformed"])
def test_a_record_that_cannot_be_read_owns_no_lock(archived: Archived, item: Any) -> None:
    assert len(locks(archived, lock(OTHER), item=item).notes) == 1
    assert locks(archived, lock(OTHER), item=item, is_whole_table=False) == Judgement()
