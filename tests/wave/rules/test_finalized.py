"""Which servers of a plan are finalized in this wave, and the plan without them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from migration_ops.core.errors import ThrottledError
from migration_ops.core.states import Phase
from migration_ops.ledger.protocol import Record
from migration_ops.wave.rules.finalized import finalized_in, is_final, without_servers
from tests.wave.builders import server_id, three_applications

PLAN = three_applications()
SERVERS = {server.source_server_id: server for app in PLAN.applications for server in app.servers}
WEB = SERVERS[server_id(1)]
DONE = Record(WEB.migration_id, PLAN.wave, "web", WEB.source_server_id, Phase.FINALIZED)


def test_a_finalized_server_of_this_wave() -> None:
    assert finalized_in(PLAN, {WEB.migration_id: DONE}) == {server_id(1)}
    assert finalized_in(PLAN, {}) == set()


@pytest.mark.parametrize(
    "changes",
    [{"wave": "another"}, {"source_server_id": server_id(9)}, {"source_server_id": server_id(2)}],
    ids=str,
)
def test_what_another_wave_or_server_did_is_not_done_here(changes: dict[str, Any]) -> None:
    assert finalized_in(PLAN, {WEB.migration_id: replace(DONE, **changes)}) == set()


@pytest.mark.parametrize("phase", sorted(set(Phase) - {Phase.FINALIZED}))
def test_only_finalized_is_final(phase: Phase) -> None:
    assert is_final(PLAN.wave, DONE)
    assert not is_final(PLAN.wave, replace(DONE, phase=phase))
    assert not is_final("another", DONE)


def test_when_the_ledger_cannot_be_read_no_server_counts_as_finalized() -> None:
    assert finalized_in(PLAN, ThrottledError("later")) == frozenset()


def test_the_plan_keeps_what_is_left() -> None:
    left = without_servers(PLAN, frozenset({server_id(1), server_id(3)}))
    assert {app.app_name: [one.source_server_id for one in app.servers] for app in left.applications} == {
        "db": [server_id(5)],
        "app": [server_id(4)],
        "web": [server_id(2)],
    }
    assert (left.conf, left.wave) == (PLAN.conf, PLAN.wave)


def test_without_anything_to_leave_out_it_is_the_same_plan() -> None:
    assert without_servers(PLAN, frozenset()) is PLAN
