"""Two migrations of one server in the ledger: the one that runs is meant, the ended one stands in nobody's way."""

from __future__ import annotations

import pytest

from migration_ops.core.errors import InvalidInputError
from migration_ops.core.states import ENDED, Phase
from migration_ops.ledger.protocol import Record
from migration_ops.wave.conf.model import WaveConf
from migration_ops.wave.rules.live import live_of, live_wave_of
from migration_ops.wave.rules.outside import OUTSIDE, cmdb_ids_of, outside_fact


def record(
    name: str, phase: Phase, wave: str = "w", server: str = "s-1", at: str = "2026-01-01", **more: object
) -> Record:
    return Record(f"mig-{name}", wave, "app", server, phase, updated_at=at, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("ended", sorted(ENDED))
@pytest.mark.parametrize("running", sorted(set(Phase) - ENDED))
def test_the_one_on_its_way_is_meant_however_late_the_other_was_written(ended: Phase, running: Phase) -> None:
    live = record("live", running)
    assert live_of([record("old", ended, at="2026-02-02"), live]) == [live]


@pytest.mark.parametrize("over", [Phase.FAILED, Phase.ROLLED_BACK, Phase.FINALIZED])
def test_a_frozen_one_goes_before_what_is_over(over: Phase) -> None:
    frozen = record("frozen", Phase.FROZEN)
    assert live_of([record("over", over, at="2026-02-02"), frozen]) == [frozen]


def test_of_several_that_are_over_the_last_one_is_meant() -> None:
    last = record("last", Phase.FAILED, at="2026-02-02")
    assert live_of([last, record("first", Phase.ROLLED_BACK)]) == [last]


def test_two_on_their_way_must_be_named() -> None:
    with pytest.raises(InvalidInputError, match="name the one") as refused:
        live_of([record("one", Phase.READY), record("two", Phase.TESTED)])
    assert refused.value.context["path"] == "migrationIds"


def test_servers_do_not_stand_for_each_other() -> None:
    both = [record("one", Phase.READY), record("two", Phase.FAILED, server="s-2")]
    assert live_of(both) == both


def test_a_wave_that_is_over_does_not_make_an_application_ambiguous() -> None:
    live = record("live", Phase.CUTOVER_VERIFIED, wave="now", server="s-2")
    over = record("over", Phase.FINALIZED, wave="before")
    assert live_wave_of([over, live]) == [live]
    frozen = record("frozen", Phase.FROZEN, wave="before")
    assert live_wave_of([frozen, live]) == [frozen, live]
    assert live_wave_of([over]) == [over]


def test_a_cmdb_id_that_two_migrations_name_is_the_last_ones() -> None:
    fact = {OUTSIDE: outside_fact(WaveConf(wave="w"), "12")}
    old, new = record("old", Phase.FAILED, facts=fact), record("new", Phase.READY, at="2026-02-02", facts=fact)
    assert cmdb_ids_of([new, old]) == {"mig-new": "12"}
    assert cmdb_ids_of([record("before an upgrade", Phase.READY)]) == {}


def test_a_conf_that_does_not_write_to_the_cmdb_keeps_no_id() -> None:
    conf = WaveConf.model_validate_json('{"wave": "w", "cmdb": {"enabled": false}}')
    assert outside_fact(conf, "12")["cmdbId"] is None
