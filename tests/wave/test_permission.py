"""What a task's permission is read from, right before it acts: ledger, window, dependencies, stops, MGN."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from migration_ops.aws.mgn.servers import ServerView
from migration_ops.core.states import Phase
from migration_ops.ledger.protocol import Holder, LockHeldError, Record
from migration_ops.wave import permission
from migration_ops.wave.permission import (
    request_of,
    require_asked_for,
    require_permitted,
    require_registered,
    skip_when_not_chosen,
    taken_up,
)
from migration_ops.wave.plan.plan import WavePlan
from migration_ops.wave.rules.refusals import (
    ApplicationHeldError,
    ApprovalVoidError,
    DependencyNotCutOverError,
    NotOnSheetError,
    NotQuiescedError,
    PlanMismatchError,
    WaveStoppedError,
    WindowClosedError,
)
from migration_ops.wave.services import StepInput, StepSkipped
from migration_ops.wave.waits.outcome import Reason, Resumed
from tests.wave.builders import application, plan, server_id
from tests.wave.launching.bench import START, Bench

NOBODY = {"cutover": False, "finalize": False}
EARLY, LATE = "2039-12-31T00:00:00+00:00", "2040-01-01T11:00:00+00:00"
SHEET = {"ready": ["app"], "digest": "d", "madeAt": "2040-01-01T00:00:00+00:00"}
ONE, TWO = server_id(1), server_id(2)
QUIESCE = {
    "commands": ["stop"],
    "undoCommands": ["start"],
    "instanceIds": {server: "mi-0123456789abcdef0" for server in (ONE, TWO)},
}


def wave(**more: Any) -> WavePlan:
    """``app`` (server 1) needs ``db`` (server 2, critical)."""
    apps = [application("app", "db", servers=(1,)), application("db", servers=(2,), impact="critical")]
    return plan(*apps, **({"wave": "wave-1", "approvals": NOBODY} | more))


PLAN = wave()


def seed(bench: Bench, of: WavePlan = PLAN, **phases: Any) -> None:
    """The plan's migrations, each in the phase given by application (READY), with ``facts`` by application."""
    for app in of.applications:
        phase, facts, more = Phase.READY, {}, {}
        given = phases.get(app.app_name)
        if isinstance(given, Phase):
            phase = given
        elif given:
            phase, facts = given.get("phase", Phase.READY), given.get("facts", {})
            more = {key: value for key, value in given.items() if key not in ("phase", "facts")}
        for server in app.servers:
            noted = {"registered": {"planHash": of.plan_hash, "runId": "run-1", "at": EARLY}}
            new = Record(server.migration_id, of.wave, app.app_name, server.source_server_id, Phase.PLANNED)
            [stored] = bench.services.ledger.write([new], [new], "registered", holder=bench.services.holder)
            for step in _way(phase):
                [stored] = bench.services.ledger.write([stored], [stored.to(step)], "on", holder=bench.services.holder)
            end = replace(stored, facts=noted | facts, **more)
            bench.services.ledger.write([stored], [end], "noted", holder=bench.services.holder)


def _way(phase: Phase) -> list[Phase]:
    if phase in (Phase.FAILED, Phase.FROZEN, Phase.ROLLING_BACK):
        return [Phase.READY, phase]
    if phase is Phase.ROLLED_BACK:
        return [Phase.READY, Phase.ROLLING_BACK, phase]
    way = [Phase.READY, Phase.CUTTING_OVER, Phase.CUTOVER_LAUNCHED, Phase.CUTOVER_VERIFIED]
    return way[: way.index(phase) + 1] if phase in way else []


def inp(of: WavePlan = PLAN, app: str = "app", **inputs: Any) -> StepInput:
    [found] = [one for one in of.applications if one.app_name == app]
    return StepInput(of, found, inputs={"sheet": SHEET} | inputs)


DONE = {"db": Phase.CUTOVER_VERIFIED}


# --- what it was given ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "given", "which"),
    [
        ("quiesce", {}, "cutover"),
        ("cutover", {}, "cutover"),
        ("finalize", {}, "finalize"),
        ("test_launch", {}, None),
        ("rollback", {}, "decide"),
        ("rollback", {"approval": None}, "rollback"),
    ],
)
def test_which_decision_an_action_needs(action: str, given: dict[str, Any], which: str | None) -> None:
    assert request_of(inp(**given), action).which == which


def test_the_windows_task_is_part_of_the_request() -> None:
    assert request_of(inp(window={"passedAt": EARLY}), "cutover").passed_at == EARLY
    assert request_of(inp(window=None), "cutover").passed_at is None


# --- right before it acts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["quiesce", "cutover"])
def test_a_cutover_is_permitted(bench: Bench, action: str) -> None:
    seed(bench, **DONE)
    require_permitted(bench.services, inp(), action)


@pytest.mark.parametrize("action", ["quiesce", "cutover"])
def test_a_cutover_needs_its_dependencies_as_they_are_now(bench: Bench, action: str) -> None:
    seed(bench, db=Phase.CUTOVER_LAUNCHED)
    with pytest.raises(DependencyNotCutOverError, match="db is CUTOVER_LAUNCHED"):
        require_permitted(bench.services, inp(), action)
    # A test touches no source.
    seed_test = wave(wave="wave-2")
    seed(bench, seed_test, app=Phase.PLANNED, db=Phase.PLANNED)
    require_permitted(bench.services, inp(seed_test), "test_launch")


@pytest.mark.parametrize("action", ["quiesce", "cutover"])
def test_a_cutover_needs_the_window_as_it_is_now(bench: Bench, action: str) -> None:
    of = wave(cutoverWindow={"closes": START.isoformat()})
    seed(bench, of, **DONE)
    with pytest.raises(WindowClosedError, match="closed at"):
        require_permitted(bench.services, inp(of), action)


@pytest.mark.parametrize("action", ["quiesce", "cutover"])
def test_a_failed_critical_application_stops_the_others(bench: Bench, action: str) -> None:
    seed(bench, db={"phase": Phase.CUTOVER_VERIFIED, "error_code": "INSTANCE_BROKEN"})
    with pytest.raises(WaveStoppedError, match="1 critical application failed"):
        require_permitted(bench.services, inp(), action)


def test_a_sheet_that_left_it_out_permits_nothing(bench: Bench) -> None:
    seed(bench, **DONE)
    with pytest.raises(NotOnSheetError):
        require_permitted(bench.services, inp(sheet=SHEET | {"ready": []}), "cutover")


def test_what_the_installation_demands_is_asked_for_whatever_the_conf_says(bench: Bench) -> None:
    seed(bench, **DONE)
    settings = replace(bench.services.settings, require_approvals="cutover")
    with pytest.raises(ApprovalVoidError, match="the ledger holds no answer"):
        require_permitted(replace(bench.services, settings=settings), inp(), "cutover")


@pytest.mark.parametrize(
    ("action", "commands", "is_asked", "is_given"),
    [
        ("cutover", {ONE: ["c-1"]}, [ONE], False),
        ("cutover", {}, [ONE], True),
        ("quiesce", {ONE: ["c-1"]}, [], True),
    ],
)
def test_a_source_that_was_started_again_is_not_cut_over(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, action: str, commands: Any, is_asked: list[str], is_given: bool
) -> None:
    of, asked = wave(quiesce=QUIESCE), []

    def started(services: Any, record: Record) -> list[str]:
        asked.append(record.source_server_id)
        return commands.get(record.source_server_id, [])

    monkeypatch.setattr(permission, "started_since", started)
    seed(bench, of, app={"facts": {"quiesce": {"state": "STOPPED", "runId": "run-1"}}}, **DONE)
    if is_given:
        require_permitted(bench.services, inp(of), action)
    else:
        with pytest.raises(NotQuiescedError, match=rf"took effect after.*{ONE}: c-1"):
            require_permitted(bench.services, inp(of), action)
    assert asked == is_asked


def test_without_a_quiesce_nobody_asks_for_commands(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permission, "started_since", None)
    seed(bench, **DONE)
    require_permitted(bench.services, inp(), "cutover")


def test_what_is_past_its_cutover_is_not_asked_about(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permission, "started_since", None)
    of = wave(quiesce=QUIESCE)
    seed(bench, of, app=Phase.CUTOVER_VERIFIED, **DONE)
    require_permitted(bench.services, inp(of), "cutover")


@pytest.mark.parametrize("action", ["test_launch", "finalize"])
def test_what_stops_no_source_asks_for_no_window(bench: Bench, action: str) -> None:
    """Nor for a change calendar: the bench has no SSM."""
    of = wave(cutoverWindow={"changeCalendars": ["freeze"]}, finalize=True)
    at = Phase.CUTOVER_VERIFIED if action == "finalize" else Phase.PLANNED
    seed(bench, of, app=at, db=Phase.PLANNED)
    require_permitted(bench.services, inp(of), action)


# --- a rollback -------------------------------------------------------------------------------------------------------

DECIDED = {"decision": "rollback", "digest": None}


def decided(of: WavePlan = PLAN) -> dict[str, Any]:
    answer = {"approved": True, "decision": "rollback", "runId": "run-1", "planHash": of.plan_hash, "at": LATE}
    return {"decide": answer}


def test_a_rollback_needs_a_decision(bench: Bench) -> None:
    seed(bench, app={"facts": {"approvals": decided()}})
    require_permitted(bench.services, inp(decision=DECIDED), "rollback")
    with pytest.raises(ApprovalVoidError, match="nobody decided"):
        require_permitted(bench.services, inp(), "rollback")
    with pytest.raises(ApprovalVoidError, match="the rollback was not approved"):
        require_permitted(bench.services, inp(decision=DECIDED, approval={}), "rollback")


def test_a_rollback_waits_for_the_run_that_holds_the_server(bench: Bench) -> None:
    seed(bench, app={"facts": {"approvals": decided()}})
    bench.services.ledger.take_over([ONE], bench.services.holder, Holder("migration_wave", "run-2", "w", nonce="n"))
    with pytest.raises(LockHeldError, match="run-2"):
        require_permitted(bench.services, inp(decision=DECIDED), "rollback")


def test_what_is_rolled_back_already_needs_nothing(bench: Bench) -> None:
    seed(bench, app=Phase.ROLLED_BACK)
    bench.services.ledger.take_over([ONE], bench.services.holder, Holder("migration_wave", "run-2", "w", nonce="n"))
    require_permitted(bench.services, inp(decision=DECIDED), "rollback")


# --- the plan ---------------------------------------------------------------------------------------------------------


def test_a_plan_that_preflight_registered(bench: Bench) -> None:
    seed(bench)
    services = require_registered(bench.services, PLAN, PLAN.applications[1])
    # Read once, for the check and the step.
    ids = list(PLAN.applications[1].migration_ids)
    assert services.ledger.read(ids) == bench.services.ledger.read(ids)
    other = wave(changeTicket="CHG-2")
    with pytest.raises(PlanMismatchError):
        require_registered(bench.services, other, other.applications[1])


def test_a_registration_of_an_earlier_version_is_in_the_history(bench: Bench) -> None:
    server = PLAN.applications[1].servers[0]
    new = Record(server.migration_id, PLAN.wave, "app", server.source_server_id, Phase.PLANNED)
    [stored] = bench.services.ledger.write(
        [new], [new], "registered", {"planHash": "old"}, holder=bench.services.holder
    )
    with pytest.raises(PlanMismatchError, match="plan old"):
        require_registered(bench.services, PLAN, PLAN.applications[1])
    detail = {"planHash": PLAN.plan_hash}
    [stored] = bench.services.ledger.write([stored], [stored], "registered", detail, holder=bench.services.holder)
    bench.services.ledger.write([stored], [stored], "noted", {"planHash": "x"}, holder=bench.services.holder)
    require_registered(bench.services, PLAN, PLAN.applications[1])


def test_the_history_is_read_only_where_the_record_does_not_say(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    seed(bench)
    monkeypatch.setattr(bench.services.ledger, "histories", None)
    require_registered(bench.services, PLAN, PLAN.applications[1])


def test_what_nobody_registered_has_no_plan(bench: Bench) -> None:
    server = PLAN.applications[1].servers[0]
    new = Record(server.migration_id, PLAN.wave, "app", server.source_server_id, Phase.PLANNED)
    bench.services.ledger.write([new], [new], "appeared", holder=bench.services.holder)
    with pytest.raises(PlanMismatchError, match="does not name"):
        require_registered(bench.services, PLAN, PLAN.applications[1])


def test_a_registration_in_the_record_goes_before_the_history(bench: Bench) -> None:
    """Of two servers one was registered by an earlier version."""
    of = plan(application("app", servers=(1, 2)), wave="wave-1", approvals=NOBODY)
    seed(bench, of)
    first = bench.stored()[0]
    bench.services.ledger.write([first], [replace(first, facts={})], "noted", holder=bench.services.holder)
    with pytest.raises(PlanMismatchError) as caught:
        require_registered(bench.services, of, of.applications[0])
    assert first.source_server_id in caught.value.message
    assert caught.value.message.count("was registered") == 1


# --- MGN --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("state", "is_given"), [("READY_FOR_CUTOVER", True), ("READY_FOR_TEST", False)])
def test_mgn_says_whether_a_rolled_back_server_may_be_launched_again(bench: Bench, state: str, is_given: bool) -> None:
    seed(bench, app={"phase": Phase.ROLLED_BACK, "facts": {"ready": True}}, **DONE)
    bench.mgn.views = {ONE: ServerView(ONE, lifecycle_state=state)}
    fresh = SHEET | {"madeAt": START.isoformat()}
    if is_given:
        require_permitted(bench.services, inp(sheet=fresh), "cutover")
    else:
        with pytest.raises(permission.NotThereYetError):
            require_permitted(bench.services, inp(sheet=fresh), "cutover")
    assert bench.mgn.servers_asked == [[ONE]]


def test_mgn_is_not_asked_about_others_nor_for_the_plan(bench: Bench) -> None:
    seed(bench, **DONE)
    require_permitted(bench.services, inp(), "cutover")
    back = wave(wave="wave-2")
    seed(bench, back, app=Phase.ROLLED_BACK)
    require_registered(bench.services, back, back.applications[1])
    assert bench.mgn.servers_asked == []


# --- chosen, asked for, taken up --------------------------------------------------------------------------------------

LEFT_OUT = {"approved": False, "chosen": ["db"], "by": "alice", "runId": "run-1", "sheetDigest": "d"}


@pytest.mark.parametrize(
    ("change", "is_skipped"),
    [
        ({}, True),
        ({"approved": True}, False),
        ({"approved": None}, False),
        ({"runId": "run-0"}, False),
        ({"sheetDigest": "other"}, False),
    ],
    ids=str,
)
def test_an_application_that_was_not_chosen_is_skipped(bench: Bench, change: dict[str, Any], is_skipped: bool) -> None:
    seed(bench, app={"facts": {"approvals": {"cutover": LEFT_OUT | change}}})
    if is_skipped:
        with pytest.raises(StepSkipped, match=r"alice approved other.*clear `go_no_go`"):
            skip_when_not_chosen(bench.services, inp(), "cutover")
    else:
        skip_when_not_chosen(bench.services, inp(), "cutover")
    skip_when_not_chosen(bench.services, inp(), "finalize")


def test_a_plain_no_is_no_choice_of_others(bench: Bench) -> None:
    noted = {key: value for key, value in LEFT_OUT.items() if key != "chosen"}
    seed(bench, app={"facts": {"approvals": {"cutover": noted}}})
    skip_when_not_chosen(bench.services, inp(), "cutover")
    skip_when_not_chosen(bench.services, inp(sheet=None), "cutover")


def test_what_is_held_must_be_asked_for(bench: Bench) -> None:
    at = "2039-12-31T12:00:00+00:00"
    seed(bench, app={"phase": Phase.FROZEN, "facts": {"stoppedIn": "READY", "stoppedAt": at}, "error_code": "X"})
    with pytest.raises(ApplicationHeldError):
        require_asked_for(bench.services, inp())
    with pytest.raises(ApplicationHeldError):
        taken_up(bench.services, inp(), "cutover")
    require_asked_for(bench.services, inp(sheet=SHEET | {"madeAt": EARLY}))
    [record] = taken_up(bench.services, inp(sheet=SHEET | {"madeAt": EARLY}), "cutover")
    assert (record.phase, record.error_code) == (Phase.READY, None)


def test_what_is_past_its_cutover_need_not_be_asked_for(bench: Bench) -> None:
    at = {"stoppedIn": "CUTOVER_VERIFIED", "stoppedAt": EARLY}
    seed(bench, app={"phase": Phase.FROZEN, "facts": at, "error_code": "X"})
    require_asked_for(bench.services, inp())
    before = bench.services.ledger.read(list(PLAN.applications[1].migration_ids))
    assert taken_up(bench.services, inp(), "cutover") == list(before.values())


def test_after_a_wait_records_are_as_they_are(bench: Bench) -> None:
    seed(bench, app={"phase": Phase.FROZEN, "facts": {"stoppedIn": "READY"}, "error_code": "X"})
    again = replace(inp(), resumed=Resumed(Reason.MET, {}, {}))
    [record] = taken_up(bench.services, again, "cutover")
    assert record.phase is Phase.FROZEN


# --- what people saw --------------------------------------------------------------------------------------------------

BY_CONF = {"at": "2040-01-01T00:00:00+00:00", "byConf": True}


def test_the_sheet_that_people_approved_tells_what_they_saw(bench: Bench) -> None:
    """A newer sheet of the task that nobody approved does not show people the rollback."""
    noted = {"sheetMadeAt": EARLY}
    seed(
        bench,
        app={"facts": {"approvals": {"cutover": noted}}},
        db={"phase": Phase.ROLLED_BACK, "facts": {"rolledBack": BY_CONF}},
    )
    with pytest.raises(WaveStoppedError):
        require_permitted(bench.services, inp(sheet=SHEET | {"madeAt": LATE}), "cutover")


def test_where_nobody_was_asked_the_tasks_own_sheet_counts(bench: Bench) -> None:
    seed(
        bench,
        app={"facts": {"approvals": {"cutover": {"sheetMadeAt": None}}}},
        db={"phase": Phase.ROLLED_BACK, "facts": {"rolledBack": BY_CONF}},
    )
    with pytest.raises(DependencyNotCutOverError):
        require_permitted(bench.services, inp(sheet=SHEET | {"madeAt": LATE}), "cutover")
    with pytest.raises(WaveStoppedError):
        require_permitted(bench.services, inp(sheet=SHEET | {"madeAt": EARLY}), "cutover")
