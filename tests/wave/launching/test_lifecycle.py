"""Lifecycle states are changed once, and what a lost answer did is read; verified instances are looked at again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from migration_ops.aws.errors import AccessDeniedError, ConflictError
from migration_ops.aws.mgn.servers import ServerView
from migration_ops.core.errors import MigrationError, OutcomeUnknownError, StepFailedError, ThrottledError
from migration_ops.core.states import Phase
from migration_ops.core.verdict import Verdict
from migration_ops.ledger.protocol import Holder, Record
from migration_ops.wave.launching.instances import look_again, looked_or_unknown
from migration_ops.wave.launching.job_lookup import Action
from migration_ops.wave.launching.lifecycle import bring_all_to, bring_to, until_taken, views_of
from tests.wave.launching.bench import Bench, a_job, server_id

ONE, TWO = server_id(1), server_id(2)
READY, CUT = "READY_FOR_CUTOVER", "CUTOVER"
BEFORE = {one: ServerView(one, lifecycle_state="TESTING") for one in (ONE, TWO)}


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)


def test_a_state_that_is_there_is_not_sent(bench: Bench) -> None:
    view = ServerView(ONE, lifecycle_state=READY)
    assert bring_to(bench.services, view, READY) is view
    assert bench.mgn.changes == []


def test_another_state_is_sent_once(bench: Bench) -> None:
    assert bring_to(bench.services, BEFORE[ONE], READY).lifecycle_state == READY
    assert bench.mgn.changes == [(ONE, READY)]


@pytest.mark.parametrize("error", [OutcomeUnknownError("lost"), ConflictError("busy")], ids=lambda one: one.code)
@pytest.mark.parametrize("now", [READY, "TESTING", None])
def test_after_a_doubtful_answer_the_state_decides(bench: Bench, error: MigrationError, now: str | None) -> None:
    bench.mgn.answers = [error]
    if now:
        bench.mgn.views = {ONE: ServerView(ONE, lifecycle_state=now)}
    if now == READY:
        assert bring_to(bench.services, BEFORE[ONE], READY) == bench.mgn.views[ONE]
    else:
        with pytest.raises(type(error)):
            bring_to(bench.services, BEFORE[ONE], READY)


def test_throttled_is_sent_again_a_few_times(bench: Bench) -> None:
    bench.mgn.answers = [ThrottledError("slow")] * 3
    assert until_taken(bench.mgn.change_lifecycle, ONE, READY).lifecycle_state == READY
    bench.mgn.answers = [ThrottledError("slow")] * 9
    with pytest.raises(ThrottledError):
        bring_to(bench.services, BEFORE[ONE], READY)
    assert len(bench.mgn.changes) == 8


def test_one_server_that_must_be_tried_again_does_not_stop_the_others(bench: Bench) -> None:
    bench.mgn.answers = [OutcomeUnknownError("first"), None]
    with pytest.raises(OutcomeUnknownError, match="first"):
        bring_all_to(bench.services, BEFORE, {ONE: READY, TWO: READY})
    assert bench.mgn.changes == [(ONE, READY), (TWO, READY)]


def test_a_refusal_stops_the_others(bench: Bench) -> None:
    bench.mgn.answers = [AccessDeniedError("no")]
    with pytest.raises(AccessDeniedError):
        bring_all_to(bench.services, BEFORE, {ONE: READY, TWO: READY})
    assert bench.mgn.changes == [(ONE, READY)]


def test_all_are_brought(bench: Bench) -> None:
    found = bring_all_to(bench.services, BEFORE, {ONE: READY, TWO: "TESTING"})
    assert {one: view.lifecycle_state for one, view in found.items()} == {ONE: READY, TWO: "TESTING"}
    assert bench.mgn.changes == [(ONE, READY)]


def test_a_server_that_mgn_does_not_list_is_named(bench: Bench) -> None:
    bench.mgn.views = {ONE: BEFORE[ONE]}
    assert views_of(bench.services, [ONE]) == {ONE: BEFORE[ONE]}
    with pytest.raises(StepFailedError, match="does not know") as caught:
        views_of(bench.services, [ONE, TWO])
    assert caught.value.context == {"servers": [TWO]}


# --- looked at again --------------------------------------------------------------------------------------------------


@pytest.fixture
def verified(bench: Bench) -> Bench:
    """Two verified servers, both instances up."""
    for number in (1, 2):
        one = Record(f"mig-{number}", "wave-1", f"app-{number}", server_id(number), Phase.PLANNED)
        one = replace(one, instance_id=f"i-{number}", job_id=f"mgnjob-{number}")
        bench.mgn.jobs.append(a_job(number, Action.CUTOVER, number, status="COMPLETED"))
        [stored] = bench.services.ledger.write([one], [one], "registered", holder=bench.services.holder)
        for phase in (Phase.READY, Phase.CUTTING_OVER, Phase.CUTOVER_LAUNCHED, Phase.CUTOVER_VERIFIED):
            [stored] = bench.services.ledger.write([stored], [stored.to(phase)], "on", holder=bench.services.holder)
        view = ServerView(server_id(number), launched_instance_id=f"i-{number}", first_boot="SUCCEEDED")
        bench.mgn.views[server_id(number)] = view
    bench.ec2.instances, bench.ec2.tags = {"i-1": "running", "i-2": "running"}, {"i-1": ONE, "i-2": TWO}
    return bench


def codes(bench: Bench) -> list[str | None]:
    return [one.error_code for one in bench.stored()]


def test_what_is_well_is_not_written(verified: Bench) -> None:
    before = verified.stored()
    looked = look_again(verified.services, before)
    assert looked.records == before == verified.stored()
    assert {check.verdict for check in looked.checks.values()} == {Verdict.OK}
    assert look_again(verified.services, []).records == []
    assert verified.mgn.servers_asked == [[ONE, TWO]]


def test_views_that_were_read_before_are_not_read_again(verified: Bench) -> None:
    look_again(verified.services, verified.stored(), verified.mgn.views)
    assert verified.mgn.servers_asked == []


@pytest.mark.parametrize(("state", "code"), [("terminated", "INSTANCE_BROKEN"), ("pending", "INSTANCE_UNKNOWN")])
def test_what_is_not_well_is_noted_and_cleared_when_it_is_well_again(verified: Bench, state: str, code: str) -> None:
    verified.ec2.instances["i-1"] = state
    looked = look_again(verified.services, verified.stored())
    assert looked.records == verified.stored()
    assert codes(verified) == [code, None]
    assert verified.stored()[0].error_message
    assert verified.history()[-1].event == "looked at again"
    # Seen again it is not written again.
    version = verified.stored()[0].version
    look_again(verified.services, verified.stored())
    assert verified.stored()[0].version == version
    verified.ec2.instances["i-1"] = "running"
    look_again(verified.services, verified.stored())
    [first, _] = verified.stored()
    assert (first.error_code, first.phase, first.facts["retry"]["code"]) == (None, Phase.CUTOVER_VERIFIED, code)


def test_one_failure_of_a_look_replaces_the_other(verified: Bench) -> None:
    for state, code in (("pending", "INSTANCE_UNKNOWN"), ("terminated", "INSTANCE_BROKEN")):
        verified.ec2.instances["i-1"] = state
        look_again(verified.services, verified.stored())
        assert codes(verified) == [code, None]


def note(bench: Bench, **changes: Any) -> None:
    records = bench.stored()
    new = [replace(records[0], **changes), records[1]]
    bench.services.ledger.write(records[:1], new[:1], "noted", holder=bench.services.holder)


@pytest.mark.parametrize("state", ["running", "terminated"])
def test_another_failure_stays(verified: Bench, state: str) -> None:
    note(verified, error_code="CHECK_FAILED", error_message="no")
    verified.ec2.instances["i-1"] = state
    look_again(verified.services, verified.stored())
    assert codes(verified) == ["CHECK_FAILED", None]


def test_what_was_stopped_is_not_noted_again(verified: Bench) -> None:
    note(verified, phase=Phase.FROZEN, facts={"stoppedIn": "CUTOVER_VERIFIED"})
    verified.ec2.instances["i-1"] = "terminated"
    look_again(verified.services, verified.stored())
    assert codes(verified) == [None, None]


def test_a_record_that_another_run_holds_is_left_to_it(verified: Bench) -> None:
    other = Holder("migration_wave", "run-2", "wave-1", nonce="n-2")
    before = verified.stored()
    verified.services.ledger.take_over([ONE], verified.services.holder, other)
    verified.ec2.instances |= {"i-1": "terminated", "i-2": "terminated"}
    looked = look_again(verified.services, before)
    # Each application is written apart: the other one's is noted.
    assert codes(verified) == [None, "INSTANCE_BROKEN"]
    assert looked.records == [before[0], verified.stored()[1]]
    assert looked.checks[ONE].verdict is Verdict.BLOCKED
    assert any("is not noted" in line for line in verified.said)


def test_when_nothing_can_be_read_every_check_is_unknown(verified: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(ids: list[str]) -> Any:
        raise ThrottledError("slow")

    monkeypatch.setattr(verified.mgn, "describe_servers", refused)
    before = verified.stored()
    looked = looked_or_unknown(verified.services, before)
    assert looked.records == before
    assert {one: check.verdict for one, check in looked.checks.items()} == dict.fromkeys((ONE, TWO), Verdict.UNKNOWN)
    monkeypatch.undo()
    assert looked_or_unknown(verified.services, before).checks[ONE].verdict is Verdict.OK
