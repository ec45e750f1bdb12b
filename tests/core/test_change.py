"""A change is made in one order only: planned, permitted, sent once, read back. A fault is planted at each point."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest

from migration_ops.core.carry_out import (
    Acted,
    ChangeNotMadeError,
    ChangeState,
    ChangeUnknownError,
    Effect,
    act_once,
    carry_out,
    verify,
)
from migration_ops.core.change import Action, Approval, ChangePlan, NotApprovedError, PlanChangedError, Undo
from migration_ops.core.change_sheet import change_sheet
from migration_ops.core.errors import InvalidInputError, MigrationError, OutcomeUnknownError, RefusedError, UnknownError

UNDO = Undo(how="run it again")
MAKE, REMOVE = Action("create", "a", after=1), Action("remove", "b", before=2, is_destructive=True)


@dataclass
class World:
    """Resources by name, and a change that sets them; faults are planted by resource or for all reading."""

    there: dict[str, object] = field(default_factory=lambda: {"b": 2})
    actions: tuple[Action, ...] = (MAKE, Action("create", "c", after=3))
    faults: dict[str, MigrationError] = field(default_factory=dict)
    # Resources whose call is carried out although its answer is an error.
    done_anyway: frozenset[str] = frozenset()
    unread: MigrationError | None = None
    unread_resources: frozenset[str] = frozenset()
    more: dict[str, bool] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    def plan(self) -> ChangePlan:
        self.log.append("plan")
        return ChangePlan("world", self.actions, UNDO, {"there": len(self.there)}, **self.more)

    def send(self, actions: Sequence[Action]) -> None:
        self.log.append("send " + "+".join(one.resource for one in actions))
        for one in actions:
            fault = self.faults.get(one.resource)
            if fault is None or one.resource in self.done_anyway:
                self.there[one.resource] = one.after
            if fault is not None:
                raise fault

    def read_back(self, actions: Sequence[Action]) -> Mapping[str, Effect]:
        self.log.append("read")
        if self.unread is not None:
            raise self.unread
        return {
            one.key: Effect.DONE if self.there.get(one.resource) == one.after else Effect.NOT_DONE
            for one in actions
            if one.resource not in self.unread_resources
        }


def approved(world: World) -> Approval:
    return Approval(world.plan().digest, True, "ann")


def destructive() -> World:
    return World(actions=(MAKE, REMOVE))


def test_plan_send_and_read_in_this_order_each_once() -> None:
    world = World()
    result = carry_out(world)
    assert world.log == ["plan", "send a", "send c", "read"]
    assert (result.state, result.refusal) == (ChangeState.DONE, None)
    result.require_done()


def test_nothing_to_do_sends_and_reads_nothing_and_asks_nobody() -> None:
    world = World(actions=(), more={"asks_always": True})
    assert carry_out(world).state is ChangeState.NOTHING_TO_DO
    assert world.log == ["plan"]


def test_what_one_call_does_is_sent_in_one_call() -> None:
    world = World(more={"is_one_call": True})
    assert carry_out(world).state is ChangeState.DONE
    assert "send a+c" in world.log


class TestPermission:
    @pytest.mark.parametrize("more", [{}, {"asks_always": True}])
    def test_what_destroys_or_always_asks_is_not_done_unasked(self, more: dict[str, bool]) -> None:
        world = World(more=more) if more else destructive()
        result = carry_out(world)
        assert result.state is ChangeState.REFUSED
        with pytest.raises(NotApprovedError):
            result.require_done()
        with pytest.raises(NotApprovedError):
            act_once(world)
        assert {one for one in world.log if one != "plan"} == set()

    def test_with_an_approval_of_this_plan_it_is_done(self) -> None:
        world = destructive()
        assert carry_out(world, approved(world)).state is ChangeState.DONE
        assert world.there == {"b": None, "a": 1}

    def test_a_rejection_is_one_also_where_nobody_had_to_be_asked(self) -> None:
        world = World()
        result = carry_out(world, Approval(world.plan().digest, False, "ann", "not today"))
        with pytest.raises(NotApprovedError, match="not today"):
            result.require_done()
        assert world.there == {"b": 2}

    @pytest.mark.parametrize("moved", ["world", "actions"])
    def test_a_world_that_moved_after_the_approval_is_left_alone(self, moved: str) -> None:
        world = destructive()
        approval = approved(world)
        if moved == "world":
            world.there["x"] = 1
        else:
            world.actions = (MAKE, replace(REMOVE, before=3))
        before = dict(world.there)
        with pytest.raises(PlanChangedError):
            act_once(world, approval)
        assert carry_out(world, approval).state is ChangeState.REFUSED
        assert world.there == before
        assert not [one for one in world.log if one.startswith("send")]

    def test_what_was_only_shown_binds_too(self) -> None:
        world = World()
        shown = world.plan().digest
        world.there["x"] = 1
        with pytest.raises(PlanChangedError):
            act_once(world, shown_digest=shown)

    def test_a_plan_that_cannot_be_made_touches_nothing(self) -> None:
        class Unreadable(World):
            def plan(self) -> ChangePlan:
                raise UnknownError("no answer")

        world = Unreadable()
        for one in (carry_out, act_once):
            with pytest.raises(UnknownError):
                one(world)
        assert world.log == []


class TestSending:
    def test_one_refused_action_stops_no_other_and_is_named(self) -> None:
        world = World(faults={"a": RefusedError("access denied")})
        result = carry_out(world)
        assert result.state is ChangeState.PARTLY_DONE
        with pytest.raises(ChangeNotMadeError, match="access denied") as error:
            result.require_done()
        assert error.value.context["actions"] == ["create a"]
        assert pickle.loads(pickle.dumps(error.value)).context == error.value.context

    def test_all_refused_is_not_done(self) -> None:
        world = World(faults={name: RefusedError("no") for name in "ac"})
        assert carry_out(world).state is ChangeState.NOT_DONE

    @pytest.mark.parametrize("is_done", [True, False])
    def test_a_lost_answer_is_read_and_not_sent_again(self, is_done: bool) -> None:
        lost = {"a": OutcomeUnknownError("no answer")}
        world = World(faults=lost, done_anyway=frozenset("a") if is_done else frozenset())
        result = carry_out(world)
        assert world.log.count("send a") == 1
        assert result.state is (ChangeState.DONE if is_done else ChangeState.PARTLY_DONE)
        assert result.outcomes[0].error is lost["a"]

    def test_the_task_that_acts_hears_of_a_call_without_a_good_answer(self) -> None:
        acted = act_once(World(faults={"c": OutcomeUnknownError("no answer")}))
        assert [one.is_lost for one in acted.sent] == [False, True]
        with pytest.raises(OutcomeUnknownError):
            acted.require_sent()

    def test_a_plan_that_was_sent_before_is_only_read(self) -> None:
        world = World(more={"is_begun": True})
        acted = act_once(world, shown_digest="of another day")
        assert acted.sent == ()
        assert verify(world, acted).state is ChangeState.NOT_DONE
        assert world.log == ["plan", "read"]


class TestReadingBack:
    def test_what_cannot_be_read_is_unknown(self) -> None:
        result = carry_out(World(unread=UnknownError("access denied")))
        assert {one.effect for one in result.outcomes} == {Effect.UNKNOWN}
        assert result.state is ChangeState.UNKNOWN
        with pytest.raises(ChangeUnknownError, match="access denied"):
            result.require_done()

    def test_an_action_that_nobody_could_read_is_unknown_beside_others(self) -> None:
        result = carry_out(World(unread_resources=frozenset("c")))
        assert [one.effect for one in result.outcomes] == [Effect.DONE, Effect.UNKNOWN]
        with pytest.raises(ChangeUnknownError) as error:
            result.require_done()
        assert error.value.context["actions"] == ["create c"]

    def test_a_good_answer_without_an_effect_is_not_done(self) -> None:
        class Idle(World):
            def send(self, actions: Sequence[Action]) -> None:
                self.log.append("send")

        assert carry_out(Idle()).state is ChangeState.NOT_DONE

    def test_without_a_plan_nothing_is_read(self) -> None:
        world = World()
        assert verify(world, Acted(replace(world.plan(), actions=()))).state is ChangeState.NOTHING_TO_DO
        assert "read" not in world.log


class TestPlan:
    def test_the_digest_follows_what_is_seen_and_nothing_else(self) -> None:
        plan = ChangePlan("s", (MAKE, REMOVE), UNDO, {"x": 1})
        assert replace(plan, actions=(REMOVE, MAKE)).digest == plan.digest
        assert replace(plan, undo=Undo(none_because="never"), is_begun=True).digest == plan.digest
        others = [
            replace(plan, subject="t"),
            replace(plan, context={"x": 2}),
            replace(plan, actions=(MAKE,)),
            replace(plan, actions=(MAKE, replace(REMOVE, before=9))),
            replace(plan, actions=(MAKE, replace(REMOVE, is_destructive=False))),
        ]
        assert len({plan.digest, *(one.digest for one in others)}) == 6

    def test_an_action_is_planned_once(self) -> None:
        with pytest.raises(InvalidInputError):
            ChangePlan("s", (MAKE, replace(MAKE, after=5)), UNDO)

    @pytest.mark.parametrize("undo", [{}, {"how": "x", "none_because": "y"}])
    def test_a_way_back_or_the_reason_why_there_is_none(self, undo: dict[str, str]) -> None:
        with pytest.raises(InvalidInputError):
            Undo(**undo)

    def test_the_sheet_shows_first_what_destroys_and_lets_nothing_format_it(self) -> None:
        worse = replace(REMOVE, resource="b|<b>", before={"type": "<script>"})
        text = change_sheet(ChangePlan("s", (MAKE, worse), Undo(none_because="it is gone")), "A | change")
        assert text.index("remove") < text.index("create")
        assert "<script>" not in text
        assert "No way back" in text
        assert max(line.replace("\\|", "").count("|") for line in text.splitlines()) == 4
