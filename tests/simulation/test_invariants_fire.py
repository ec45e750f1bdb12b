"""Each invariant fires: a fault is planted in the package, and the schedule that meets it names that invariant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from include.simulation.faults import Fault, Kind, Planned, ReadKind
from include.simulation.invariants import INVARIANTS
from include.simulation.schedule import Setup
from migration_ops.aws.mgn.hook import MgnHook
from migration_ops.core.errors import OutcomeUnknownError
from migration_ops.core.verdict import Verdict
from migration_ops.ledger import writes
from migration_ops.wave import decisions, permission
from migration_ops.wave.rules import permit
from migration_ops.wave.steps import cutover, finalize, mark_ready, rollback, verify
from migration_ops.wave.steps.registry import STEPS
from migration_ops.wave.waits.outcome import Done
from tests.simulation.planted import FAILS_ONCE, Clearing, StartingARollback, people, ready

ONE = [{"appName": "app", "servers": 2}]
TWO = [{"appName": "first", "servers": 1}, {"appName": "second", "servers": 1, "dependsOn": ["first"]}]
Patch = pytest.MonkeyPatch


class BlankFrom(Planned):
    """MGN's answers about servers lack what a verdict needs, from the fifth on: the sheet's is the last good one."""

    left = 4

    def of_read(self, operation: str) -> ReadKind | None:
        if operation != "DescribeSourceServers":
            return None
        left = self.__dict__.get("left", self.left) - 1
        self.__dict__["left"] = left
        return ReadKind.BLANK if left < 0 else None


def resends(patch: Patch) -> None:
    """As an SDK that repeats a call whose answer was lost, when the job is over already."""
    send = MgnHook.start_test

    def twice(hook: Any, ids: Any, tags: Any) -> Any:
        try:
            return send(hook, ids, tags)
        except OutcomeUnknownError:
            world = hook.conn._world
            world.advance_to(world.clock.now() + 900)
            return send(hook, ids, tags)

    patch.setattr(MgnHook, "start_test", twice)


def passes_unknown(patch: Patch) -> None:
    judge = cutover.judge_replication

    def lenient(*arguments: Any, **named: Any) -> Any:
        check = judge(*arguments, **named)
        return replace(check, verdict=Verdict.OK) if check.verdict is Verdict.UNKNOWN else check

    patch.setattr(cutover, "judge_replication", lenient)


def leaves_an_instance(patch: Patch) -> None:
    patch.setattr(rollback, "terminate", lambda *_: None)
    patch.setattr(rollback, "instances_left", lambda *_: {})


def leaves_the_source_stopped(patch: Patch) -> None:
    patch.setattr(rollback, "undo", lambda *_: None)


def takes_any_approval(patch: Patch) -> None:
    patch.setattr(permit, "_of_approval", lambda *_: [])


def launches_what_is_not_on_the_sheet(patch: Patch) -> None:
    sheet = STEPS["go_no_go"]

    def empty(services: Any, inp: Any) -> Any:
        made = sheet(services, inp)
        return Done({**made.result, "ready": []})

    patch.setitem(STEPS, "go_no_go", empty)
    patch.setitem(STEPS, "wait_for_dependencies", lambda services, inp: Done({}))
    patch.setattr(permit, "_of_sheet", lambda *_: [])
    # What a sheet leaves out is not approved either.
    patch.setattr(permit, "_of_approval", lambda *_: [])


def holds_nothing(patch: Patch) -> None:
    patch.setattr(permit, "_is_held", lambda *_: False)


def stops_no_source(patch: Patch) -> None:
    patch.setitem(STEPS, "quiesce", lambda services, inp: Done({}))
    patch.setattr(permit, "_of_quiesce", lambda *_: [])


def sees_no_window(patch: Patch) -> None:
    patch.setitem(STEPS, "cutover_window", lambda services, inp: Done({"passedAt": services.now().isoformat()}))
    patch.setattr(permission, "closed_reason", lambda *_: None)


def needs_nobody(patch: Patch) -> None:
    patch.setitem(STEPS, "wait_for_dependencies", lambda services, inp: Done({}))
    patch.setattr(permission, "unmet_dependencies", lambda *_: {})


def believes_every_instance(patch: Patch) -> None:
    patch.setattr(verify, "_boots", lambda *_: {})


def finalizes_on_paper(patch: Patch) -> None:
    patch.setattr(finalize, "_finalize", lambda *_: None)


def breaks_the_chain(patch: Patch) -> None:
    following = writes.next_entry
    patch.setattr(writes, "next_entry", lambda old, *more: following(replace(old, history_digest="other"), *more))


def takes_every_lock(patch: Patch) -> None:
    take = writes.take_action

    def by_force(*arguments: Any) -> Any:
        action = take(*arguments)
        update = action["Update"] | {
            "UpdateExpression": action["Update"]["UpdateExpression"].replace("if_not_exists(#since, :since)", ":since"),
            "ConditionExpression": "attribute_not_exists(#x) OR (#dag = :dag AND #run = :run)",
            "ExpressionAttributeNames": action["Update"]["ExpressionAttributeNames"] | {"#x": "nowhere"},
        }
        return {"Update": update}

    patch.setattr(writes, "take_action", by_force)
    # An answer is not written where another run holds the server.
    patch.setattr(decisions, "locks_of_others", lambda *_: {})


def waits_for_ever(patch: Patch) -> None:
    wait = mark_ready.terminate

    def endless(*arguments: Any) -> Any:
        found = wait(*arguments)
        return found and replace(found, deadline=float("inf"))

    patch.setattr(mark_ready, "terminate", endless)


def raises_anything(patch: Patch) -> None:
    def fails(services: Any, inp: Any) -> Any:
        raise KeyError("nobody thought of this")

    patch.setitem(STEPS, "quiesce", fails)


BOOT_FAILS = [{"kind": "bootFailure", "times": 1}]


def planted() -> dict[str, tuple[str, Callable[[Patch], None], Setup]]:
    """Name → the invariant that must fire, the fault, the schedule that meets it; all of it unused."""
    held = people(Clearing, decision="hold", keys=["go_no_go"])
    undone = people(Clearing, decision="rollback", keys=["cutover.wait_for_dependencies:app"])
    rolled_back = people(Clearing, decision="rollback")
    return {
        "a call that is repeated": (
            "launched once",
            resends,
            Setup("s", ONE, faults=Planned((Fault(2, Kind.LOST),))),
        ),
        "a gate that passes UNKNOWN": ("known", passes_unknown, ready(faults=BlankFrom())),
        "a rollback that leaves an instance": (
            "rolled back",
            leaves_an_instance,
            ready(domain=BOOT_FAILS, make_people=rolled_back),
        ),
        "a rollback that leaves the source stopped": (
            "rolled back",
            leaves_the_source_stopped,
            ready(domain=BOOT_FAILS, quiesces=True, make_people=rolled_back),
        ),
        "any approval": ("approved", takes_any_approval, ready(domain=FAILS_ONCE, make_people=undone)),
        "what is not on the sheet": ("approved", launches_what_is_not_on_the_sheet, ready()),
        "what is held": ("not held", holds_nothing, ready(domain=FAILS_ONCE, make_people=held)),
        "a source that runs": ("quiesced", stops_no_source, ready(quiesces=True)),
        "no window": ("in the window", sees_no_window, ready(conf={"windowMinutes": {"opens": 600}})),
        "no dependency": ("dependencies", needs_nobody, Setup("s", TWO)),
        "any instance": ("one instance", believes_every_instance, ready(domain=BOOT_FAILS)),
        "finalized on paper": ("finalized", finalizes_on_paper, ready()),
        "a broken chain": ("history", breaks_the_chain, ready()),
        "locks by force": ("lock", takes_every_lock, ready(make_people=people(StartingARollback))),
        "a wait for ever": ("deadline", waits_for_ever, Setup("s", ONE)),
        "an error of no kind": ("explained", raises_anything, ready()),
    }


PLANTED = tuple(planted())


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_caught_by_its_invariant(name: str, monkeypatch: Patch) -> None:
    invariant, plant, setup = planted()[name]
    plant(monkeypatch)
    report = setup.run()
    assert invariant in {one.invariant for one in report.violations}, report.text()


@pytest.mark.parametrize("name", PLANTED)
def test_without_the_fault_the_same_schedule_breaks_nothing(name: str) -> None:
    _, _, setup = planted()[name]
    report = setup.run()
    assert report.violations == (), report.text()


def test_every_invariant_has_a_planted_fault() -> None:
    assert {invariant for invariant, _, _ in planted().values()} == set(INVARIANTS)


def spoils_the_record(items: dict[str, Any], migration: str) -> None:
    items[migration] = items[migration] | {"errorCode": {"S": "EDITED"}}


def removes_the_last_line(items: dict[str, Any], migration: str) -> None:
    del items[max(name for name in items if name.startswith(f"{migration}#"))]


def adds_a_line(items: dict[str, Any], migration: str) -> None:
    last = max(name for name in items if name.startswith(f"{migration}#"))
    items[f"{migration}#000099"] = items[last]


def edits_the_last_line(items: dict[str, Any], migration: str) -> None:
    last = max(name for name in items if name.startswith(f"{migration}#"))
    items[last] = items[last] | {"event": {"S": "another"}}


@pytest.mark.parametrize("spoil", [spoils_the_record, removes_the_last_line, adds_a_line, edits_the_last_line])
def test_the_end_of_a_history_is_judged_as_it_is_stored(spoil: Callable[[dict[str, Any], str], None]) -> None:
    """Past the calls that the watcher sees: what is stored when the schedule is over."""
    running = ready().begin()
    while running.turn():
        pass
    scheduler = running.scheduler
    spoil(scheduler.account.table.items, next(iter(scheduler.wave.plan.migration_ids)))
    assert {one.invariant for one in running.report().violations} == {"history"}
