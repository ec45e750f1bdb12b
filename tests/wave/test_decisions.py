"""A decision comes into the ledger whatever other tasks and runs do with single migrations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest
from tenacity import wait_none

from migration_ops.core.errors import OutcomeUnknownError, RefusedError
from migration_ops.core.settings import Settings
from migration_ops.core.states import Phase
from migration_ops.ledger.dynamodb import DynamoDbLedger
from migration_ops.ledger.protocol import Holder, LockHeldError, Record, VersionConflictError
from migration_ops.wave import decisions
from migration_ops.wave.decisions import note_decision
from migration_ops.wave.plan.plan import WavePlan
from migration_ops.wave.preflight.run import register
from migration_ops.wave.rules.approvals import ended
from migration_ops.wave.rules.standing import WAY
from migration_ops.wave.services import Services
from tests.ledger.conftest import clock, dynamodb, one_transaction_at_a_time, table_name  # noqa: F401 - fixtures
from tests.moto_account import make_client, moto_endpoint  # noqa: F401 - fixtures
from tests.wave.builders import application, plan

YES = {"approval": "cutover", "approved": True, "by": "alice", "at": "2026-01-09T10:00:00+00:00", "planHash": "p"}
PLAN = plan(application("web", servers=(1, 2)), application("db", servers=(3,)), application("mail", servers=(4,)))
MINE, OTHERS = Holder("migration_wave", "run-1", "wave-3"), Holder("migration_wave", "run-2", "wave-3")


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decisions, "_WAIT", wait_none())


class Troubled:
    """The ledger, with something that happens right before or after a write."""

    def __init__(self, ledger: DynamoDbLedger) -> None:
        self.ledger = ledger
        self.before: Callable[[list[Record]], None] = lambda records: None
        self.after: Callable[[list[Record]], None] = lambda records: None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.ledger, name)

    def write(self, old: list[Record], new: list[Record], *given: Any, **more: Any) -> list[Record]:
        self.before(new)
        written = self.ledger.write(old, new, *given, **more)
        self.after(new)
        return written


@pytest.fixture
def services(dynamodb: Any, table_name: str) -> Services:  # noqa: F811
    nothing = cast(Any, None)
    ledger = cast(Any, Troubled(DynamoDbLedger(dynamodb, table_name)))
    return Services(Settings(), nothing, ledger, MINE, nothing, nothing, nothing, nothing, lambda holder: False)


@pytest.fixture
def begun(services: Services) -> Services:
    register(services, PLAN, "mallory")
    return services


def noted(services: Services, which: str = "cutover", of: WavePlan = PLAN) -> dict[str, Any]:
    """What each application's migrations hold."""
    found = services.ledger.read(list(of.migration_ids))
    answers: dict[str, Any] = {}
    for app in of.applications:
        mine = [found[one].facts.get("approvals", {}).get(which) for one in app.migration_ids]
        answers[app.app_name] = mine[0] if all(one == mine[0] for one in mine) else mine
    return answers


def troubled(services: Services) -> Troubled:
    return cast(Troubled, services.ledger)


def taken_by_another_run(services: Services, app: str) -> None:
    ids = list(PLAN.application(app).server_ids)
    services.ledger.release(ids, MINE)
    records = [one for one in services.ledger.read(list(PLAN.migration_ids)).values() if one.source_server_id in ids]
    troubled(services).ledger.write(records, records, "taken", holder=OTHERS)


def test_who_triggered_and_who_may_approve_is_registered(services: Services) -> None:
    wave = plan(application("web", servers=(1,)), approvals={"approvers": ["alice"]})
    [record] = register(services, wave, "mallory")
    line = services.ledger.history(record.migration_id)[-1]
    expected = {"planHash": wave.plan_hash, "runId": "run-1", "requestedBy": "mallory"}
    assert (line.event, line.detail) == ("registered", expected)
    assert record.facts["registered"] == expected | {"approvers": ["alice"], "at": record.facts["registered"]["at"]}


def test_each_migration_holds_it_and_what_was_left_out_holds_a_no(begun: Services) -> None:
    result = note_decision(begun, PLAN, YES, ["web", "db"])
    assert (result.applications, result.left_out) == (["web", "db"], {})
    found = noted(begun)
    assert found["web"] == YES | {"applications": ["web"]}
    assert (found["mail"]["approved"], found["mail"]["leftOut"]) == (False, "not among what was approved")
    for record in begun.ledger.read(list(PLAN.migration_ids)).values():
        line = begun.ledger.history(record.migration_id)[-1]
        assert (line.event, line.detail["by"]) == (
            "cutover not approved" if record.app_name == "mail" else "cutover approved",
            "alice",
        )


def test_a_new_no_ends_an_earlier_yes(begun: Services) -> None:
    note_decision(begun, PLAN, YES)
    note_decision(begun, PLAN, YES | {"approved": False, "comment": "not today"}, [])
    assert {(one["approved"], one["comment"]) for one in noted(begun).values()} == {(False, "not today")}


def test_of_one_application_the_others_hear_nothing(begun: Services) -> None:
    note_decision(begun, PLAN, YES | {"approval": "decide"}, ["db"], only="db")
    found = noted(begun, "decide")
    assert (found["db"]["approved"], found["web"], found["mail"]) == (True, None, None)


def test_what_another_run_holds_is_named_and_costs_no_other_one(begun: Services) -> None:
    taken_by_another_run(begun, "db")
    result = note_decision(begun, PLAN, YES)
    assert result.applications == ["web", "mail"]
    assert "migration_wave / run-2" in result.left_out["db"]
    assert noted(begun)["db"] is None


def test_when_another_run_holds_everything_it_is_an_error(begun: Services) -> None:
    for app in ("web", "db", "mail"):
        taken_by_another_run(begun, app)
    with pytest.raises(LockHeldError, match="run-2"):
        note_decision(begun, PLAN, YES)


def test_a_lock_that_was_taken_in_between_is_named(begun: Services) -> None:
    def take(records: list[Record]) -> None:
        troubled(begun).before = lambda records: None
        taken_by_another_run(begun, "web")

    troubled(begun).before = take
    result = note_decision(begun, PLAN, YES)
    assert (result.applications, list(result.left_out)) == (["db", "mail"], ["web"])
    assert "LOCK_HELD" in result.left_out["web"]


def test_a_migration_that_was_written_in_between_is_read_and_tried_again(begun: Services) -> None:
    def write_another(records: list[Record]) -> None:
        troubled(begun).before = lambda records: None
        [busy] = [one for one in begun.ledger.read([records[0].migration_id]).values()]
        troubled(begun).ledger.write([busy], [replace(busy, facts={**busy.facts, "else": 1})], "other", holder=MINE)

    troubled(begun).before = write_another
    result = note_decision(begun, PLAN, YES)
    assert (result.applications, result.left_out) == (["web", "db", "mail"], {})
    [first] = begun.ledger.read([PLAN.migration_ids[0]]).values()
    assert (first.facts["else"], first.facts["approvals"]["cutover"]["by"]) == (1, "alice")


def test_one_that_is_always_busy_is_left_out_and_the_others_are_approved(begun: Services) -> None:
    busy = PLAN.application("db").migration_ids[0]

    def refuse(records: list[Record]) -> None:
        if busy in {one.migration_id for one in records}:
            raise VersionConflictError("somebody else writes all the time")

    troubled(begun).before = refuse
    result = note_decision(begun, PLAN, YES)
    assert result.applications == ["web", "mail"]
    assert "VERSION_CONFLICT" in result.left_out["db"]
    assert noted(begun)["db"] is None


def test_an_application_of_which_a_part_could_not_be_written_is_not_approved(begun: Services) -> None:
    def refuse(records: list[Record]) -> None:
        if PLAN.application("web").migration_ids[1] in {one.migration_id for one in records}:
            raise VersionConflictError("somebody else writes all the time")

    troubled(begun).before = refuse
    result = note_decision(begun, PLAN, YES)
    assert result.applications == ["db", "mail"]
    assert list(result.left_out) == ["web"]


def test_a_lost_answer_of_the_ledger_is_looked_up_and_not_written_twice(begun: Services) -> None:
    def lose(records: list[Record]) -> None:
        troubled(begun).after = lambda records: None
        raise OutcomeUnknownError("the answer was lost")

    troubled(begun).after = lose
    assert note_decision(begun, PLAN, YES).applications == ["web", "db", "mail"]
    for one in PLAN.migration_ids:
        events = [line.event for line in begun.ledger.history(one)]
        assert events == ["registered", "cutover approved"]


def test_a_ledger_that_refuses_for_good_is_asked_once(begun: Services) -> None:
    calls: list[int] = []

    def refuse(records: list[Record]) -> None:
        calls.append(len(records))
        raise RefusedError("no")

    troubled(begun).before = refuse
    with pytest.raises(RefusedError):
        note_decision(begun, PLAN, YES)
    assert calls == [4]


def test_many_servers_are_few_bounded_transactions(services: Services) -> None:
    many = plan(*[application(f"app-{n}", servers=(n,)) for n in range(1, 121)])
    register(services, many)
    sizes: list[int] = []
    troubled(services).before = lambda records: sizes.append(3 * len(records))
    result = note_decision(services, many, YES)
    assert len(result.applications) == 120
    assert len(sizes) == 4
    assert max(sizes) <= 100


def test_an_answer_that_a_rollback_ended_does_not_come_back_when_it_is_written_again(begun: Services) -> None:
    note_decision(begun, PLAN, YES)
    old = list(begun.ledger.read(list(PLAN.migration_ids)).values())
    new = [replace(one, facts={**one.facts, "approvals": ended(one.facts["approvals"], "2026-01-09")}) for one in old]
    begun.ledger.write(old, new, "rolled back", holder=MINE)
    note_decision(begun, PLAN, YES)
    assert {one["endedByRollbackAt"] for one in noted(begun).values()} == {"2026-01-09"}
    note_decision(begun, PLAN, YES | {"at": "2026-01-10"})
    assert not any("endedByRollbackAt" in one for one in noted(begun).values())


@pytest.mark.parametrize(
    ("which", "phase", "is_kept"),
    [
        ("cutover", Phase.READY, False),
        ("cutover", Phase.CUTTING_OVER, True),
        ("cutover", Phase.CUTOVER_VERIFIED, True),
        ("finalize", Phase.CUTOVER_VERIFIED, False),
        ("finalize", Phase.FINALIZING, True),
    ],
)
def test_approving_others_later_takes_back_only_what_was_not_acted_on(
    begun: Services, which: str, phase: Phase, is_kept: bool
) -> None:
    yes = YES | {"approval": which}
    note_decision(begun, PLAN, yes | {"chosen": ["web"]}, ["web"])
    mine = [one for one in begun.ledger.read(list(PLAN.migration_ids)).values() if one.app_name == "web"]
    for step in WAY[1 : WAY.index(phase) + 1]:
        mine = begun.ledger.write(mine, [one.to(step) for one in mine], "moved", holder=MINE)
    note_decision(begun, PLAN, yes | {"chosen": ["db"], "at": "2026-01-10"}, ["db"])
    found = noted(begun, which)
    assert (found["web"]["approved"], found["db"]["approved"]) == (is_kept, True)
    note_decision(begun, PLAN, yes | {"approved": False, "at": "2026-01-11"}, [])
    assert noted(begun, which)["web"]["approved"] is False
