"""What stops a wave, and which dependencies are not met: pure judgements of the ledger's records."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from migration_ops.core.states import Phase
from migration_ops.ledger.protocol import Record
from migration_ops.wave.permission import stop_reason, unmet_dependencies
from tests.wave.builders import application, plan, server_id

EARLY, LATE = "2039-12-31T00:00:00+00:00", "2040-01-01T11:00:00+00:00"
# ``app`` (server 1) needs ``db`` (server 2, critical).
PLAN = plan(application("app", "db", servers=(1,)), application("db", servers=(2,), impact="critical"), wave="wave-1")
TWO = server_id(2)


def records(db: Phase = Phase.CUTOVER_VERIFIED, code: str | None = None, **facts: Any) -> dict[str, Record]:
    [app] = [one for one in PLAN.applications if one.app_name == "db"]
    [server] = app.servers
    record = Record(server.migration_id, PLAN.wave, "db", TWO, db, facts=facts, error_code=code)
    return {server.migration_id: record}


def test_what_failed_is_held_or_goes_back_stops_the_wave() -> None:
    assert stop_reason(PLAN, records()) is None
    assert stop_reason(PLAN, {}) is None
    for stopped in (records(code="X"), records(Phase.FROZEN), records(Phase.ROLLING_BACK)):
        assert stop_reason(PLAN, stopped, "app") == stop_reason(PLAN, stopped) == "1 critical application failed"
        assert stop_reason(PLAN, stopped, "db") is None


BY_CONF = {"at": "2040-01-01T00:00:00+00:00", "byConf": True}


@pytest.mark.parametrize(
    ("asking", "made_at", "back", "stops"),
    [
        ("app", EARLY, BY_CONF, True),
        ("app", BY_CONF["at"], BY_CONF, True),
        ("app", LATE, BY_CONF, False),
        ("app", None, BY_CONF, True),
        ("app", LATE, BY_CONF | {"at": None}, True),
        ("app", EARLY, BY_CONF | {"byConf": False}, False),
        ("app", EARLY, {"at": LATE}, False),
        ("app", EARLY, None, False),
        (None, EARLY, BY_CONF, False),
        ("db", EARLY, BY_CONF, False),
    ],
)
def test_what_the_conf_rolled_back_counts_until_people_saw_it(
    asking: Any, made_at: Any, back: Any, stops: bool
) -> None:
    found = stop_reason(PLAN, records(Phase.ROLLED_BACK, rolledBack=back), asking, made_at)
    assert (found is not None) is stops
    # It goes on again: the rollback is over and done with.
    assert stop_reason(PLAN, records(Phase.READY, rolledBack=back), asking, made_at) is None


@pytest.mark.parametrize(
    ("found", "missing"),
    [
        (records(), {}),
        (records(Phase.FINALIZED), {}),
        (records(Phase.READY), {"db": "READY"}),
        (records(code="INSTANCE_BROKEN"), {"db": "CUTOVER_VERIFIED"}),
        (records(Phase.FROZEN, stoppedIn="CUTTING_OVER"), {"db": "FROZEN (stopped in CUTTING_OVER)"}),
        ({}, {"db": "not known"}),
    ],
)
def test_dependencies_that_are_not_cut_over(found: dict[str, Record], missing: dict[str, str]) -> None:
    [app] = [one for one in PLAN.applications if one.app_name == "app"]
    assert unmet_dependencies(PLAN, app, found) == missing


def test_all_servers_of_a_dependency_must_be_cut_over() -> None:
    of = plan(application("app", "db", servers=(1,)), application("db", servers=(2, 3)), wave="wave-1")
    app = next(one for one in of.applications if one.app_name == "app")
    ids = next(one for one in of.applications if one.app_name == "db").migration_ids
    done = {one: Record(one, "wave-1", "db", f"s-{one}", Phase.CUTOVER_VERIFIED) for one in ids}
    assert unmet_dependencies(of, app, done) == {}
    assert unmet_dependencies(of, app, {ids[0]: done[ids[0]]}) == {"db": "CUTOVER_VERIFIED"}
    half = done | {ids[1]: done[ids[1]].to(Phase.READY)}
    assert unmet_dependencies(of, app, half) == {"db": "CUTOVER_VERIFIED, READY"}


def test_a_dependency_that_the_plan_does_not_have_is_not_known() -> None:
    app = next(one for one in PLAN.applications if one.app_name == "app")
    alone = replace(PLAN, applications=(app,))
    assert unmet_dependencies(alone, app, records()) == {"db": "not known"}
