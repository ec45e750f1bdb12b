"""The approvers of what is cut over: a later run names fewer of them, or is refused."""

from __future__ import annotations

import pytest

from migration_ops.core.policy import Policy
from migration_ops.core.states import IN_CUTOVER, Phase
from migration_ops.ledger.protocol import Record
from migration_ops.wave.rules.approvers import binding_approvers, registered_approvers, why_not_approvers
from migration_ops.wave.rules.standing import REGISTERED, STOPPED_IN

BOUND = frozenset({"alice", "bob"})


def record(phase: Phase, *approvers: str, stopped_in: Phase | None = None) -> Record:
    facts = {REGISTERED: {"approvers": list(approvers)}} | ({STOPPED_IN: stopped_in.value} if stopped_in else {})
    return Record("m", "wave", "app", "s", phase, facts=facts)


@pytest.mark.parametrize("phase", [*sorted(IN_CUTOVER), Phase.ROLLING_BACK])
def test_what_is_cut_over_is_bound(phase: Phase) -> None:
    assert binding_approvers(Policy(), [record(phase, "alice", "bob")]) == BOUND


@pytest.mark.parametrize("phase", [Phase.PLANNED, Phase.TESTED, Phase.READY, Phase.ROLLED_BACK, Phase.FINALIZED])
def test_before_its_cutover_and_after_its_end_nothing_is(phase: Phase) -> None:
    assert binding_approvers(Policy(), [record(phase, "alice")]) is None


@pytest.mark.parametrize(("stopped_in", "bound"), [(Phase.CUTOVER_LAUNCHED, True), (Phase.READY, False), (None, True)])
@pytest.mark.parametrize("phase", [Phase.FROZEN, Phase.FAILED])
def test_what_was_stopped_is_bound_by_where_it_stands(phase: Phase, stopped_in: Phase | None, bound: bool) -> None:
    found = binding_approvers(Policy(), [record(phase, "alice", stopped_in=stopped_in)])
    assert (found is not None) is bound


def test_several_records_bind_together_and_those_that_name_nobody_do_not() -> None:
    first, second = (record(Phase.CUTTING_OVER, "alice", name) for name in ("bob", "carol"))
    assert binding_approvers(Policy(), [first, second, record(Phase.CUTTING_OVER)]) == {"alice"}
    assert binding_approvers(Policy(), [first, record(Phase.CUTTING_OVER, "zoe")]) == frozenset()
    assert binding_approvers(Policy(), [Record("m", "w", "a", "s", Phase.CUTTING_OVER)]) is None


def test_whom_the_installation_does_not_allow_any_more_binds_nobody() -> None:
    records = [record(Phase.CUTTING_OVER, "alice", "bob")]
    assert registered_approvers(Policy(approvers=("b*",)), records) == {"bob"}
    assert registered_approvers(Policy(approvers=("zoe",)), records) is None


@pytest.mark.parametrize("named", [["alice"], ["bob", "alice"]])
def test_fewer_of_them_may(named: list[str]) -> None:
    assert why_not_approvers(BOUND, named) is None


@pytest.mark.parametrize(
    ("bound", "named", "text"),
    [
        (BOUND, [], "everybody could approve"),
        (BOUND, ["mallory"], "mallory could approve"),
        (BOUND, ["alice", "mallory"], "mallory could approve"),
        (frozenset(), ["alice"], "nobody is in all registrations"),
    ],
)
def test_others_may_not(bound: frozenset[str], named: list[str], text: str) -> None:
    assert text in str(why_not_approvers(bound, named))


@pytest.mark.parametrize("named", [[], ["mallory"]])
def test_where_nobody_is_bound_anybody_may(named: list[str]) -> None:
    assert why_not_approvers(None, named) is None
