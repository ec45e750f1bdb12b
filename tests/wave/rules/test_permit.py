"""``permit``, reason by reason: what each says no to, and that nothing else does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from migration_ops.core.states import Phase
from migration_ops.ledger.protocol import Intent, LockHeldError, Record
from migration_ops.wave.rules.permit import Permission, Request, Surroundings, permit
from migration_ops.wave.rules.refusals import (
    ApplicationHeldError,
    ApprovalVoidError,
    DependencyNotCutOverError,
    NotOnSheetError,
    NotQuiescedError,
    NotThereYetError,
    PastNoReturnError,
    PlanMismatchError,
    RollbackUnfinishedError,
    WaveStoppedError,
    WindowClosedError,
)
from migration_ops.wave.rules.standing import STOPPED_AT, STOPPED_IN, Standing, standing_of
from tests.wave.builders import plan, server_id

NOW = datetime(2026, 1, 9, 12, tzinfo=UTC)
BEFORE, STOPPED, AFTER = ((NOW + timedelta(hours=hours)).isoformat() for hours in (-3, -2, -1))
QUIESCE = {"commands": ["stop"], "undoCommands": ["start"], "instanceIds": {server_id(1): "mi-" + "0" * 17}}
PLAN = plan(approvals={"cutover": False, "finalize": False})
QUIET = plan(approvals={"cutover": False, "finalize": False}, quiesce=QUIESCE)
STOPPED_SOURCE = {"state": "STOPPED", "runId": "run-1"}


def standing(phase: Phase = Phase.READY, wave: Any = PLAN, code: str | None = None, **facts: Any) -> Standing:
    facts = {"registered": {"planHash": wave.plan_hash, "runId": "run-1", "at": BEFORE}} | facts
    record = Record("mig-a", "wave-3", "billing", server_id(1), phase, facts=facts, error_code=code)
    return standing_of(record)


def sheet(made_at: str | None = BEFORE, ready: Any = ("billing",)) -> dict[str, Any]:
    return {"ready": list(ready), "excluded": {"billing": "its lag"}, "digest": "d", "madeAt": made_at}


def asked(
    action: str, *standings: Standing, wave: Any = PLAN, request: Request | None = None, **around: Any
) -> Permission:
    request = request or Request(sheet(), "cutover")
    surroundings = Surroundings(**{"run_id": "run-1", "now": NOW} | around)
    return permit(action, wave, wave.applications[0], standings, request, surroundings)


def kinds(permission: Permission) -> list[type[Exception]]:
    return [reason.kind for reason in permission.reasons]


def held(phase: Phase = Phase.READY, **facts: Any) -> Standing:
    return standing(Phase.FROZEN, code="HELD", **{STOPPED_IN: phase.value, STOPPED_AT: STOPPED} | facts)


def failed(phase: Phase = Phase.CUTTING_OVER, **facts: Any) -> Standing:
    return standing(phase, code="LAUNCH_FAILED", **{STOPPED_AT: STOPPED} | facts)


@pytest.mark.parametrize(
    ("action", "phase"),
    [
        ("test_launch", Phase.PLANNED),
        ("quiesce", Phase.READY),
        ("cutover", Phase.READY),
        ("finalize", Phase.CUTOVER_VERIFIED),
    ],
)
def test_with_nothing_against_it_it_may(action: str, phase: Phase) -> None:
    permission = asked(action, standing(phase))
    assert (permission.is_given, permission.words, permission.remedies) == (True, "", [])
    permission.require()


class TestAskedForItself:
    OLDER, NEWER = Request(sheet(BEFORE), "cutover", BEFORE), Request(sheet(AFTER), "cutover", AFTER)

    @pytest.mark.parametrize("one", [held(), failed()])
    @pytest.mark.parametrize("action", ["quiesce", "cutover"])
    def test_only_when_its_own_task_was_cleared(self, one: Standing, action: str) -> None:
        assert kinds(asked(action, one, request=self.NEWER)) == [ApplicationHeldError]
        assert asked(action, one, request=self.OLDER).is_given
        # At the very moment: the wave's task ran no later, so it was not reset since.
        assert asked(action, one, request=Request(sheet(STOPPED), "cutover", STOPPED)).is_given

    @pytest.mark.parametrize("late", [{"sheet": sheet(AFTER)}, {"passed_at": AFTER}])
    def test_each_task_of_the_wave_that_is_newer_says_that_nobody_asked(self, late: dict[str, Any]) -> None:
        request = replace(self.OLDER, **late)
        assert kinds(asked("cutover", held(), request=request)) == [ApplicationHeldError]

    @pytest.mark.parametrize("request_", [Request(), Request({"ready": ["billing"]}, "cutover"), Request(sheet("?"))])
    @pytest.mark.parametrize("action", ["quiesce", "cutover", "cutover_verify"])
    def test_when_nobody_knows_when_the_wave_passed_nobody_is_known_to_have_asked(
        self, request_: Request, action: str
    ) -> None:
        one = held(Phase.CUTOVER_LAUNCHED if action == "cutover_verify" else Phase.READY)
        given = permit(action, PLAN, PLAN.applications[0], [one], request_)
        assert ApplicationHeldError in kinds(given)

    def test_what_the_test_took_up_needs_a_sheet_that_shows_the_retry(self) -> None:
        retry = {"at": AFTER, "code": "HELD", "needsSheet": True}
        one = standing(Phase.READY, retry=retry)
        assert kinds(asked("cutover", one)) == [NotOnSheetError]
        for shown, expected in (({server_id(1): AFTER}, []), ({server_id(1): BEFORE}, [NotOnSheetError])):
            request = replace(self.OLDER, sheet=sheet(AFTER) | {"retries": shown})
            assert kinds(asked("cutover", one, request=request)) == expected
        # Taken up by the cleared cutover itself, and past its launch: no sheet is needed.
        assert asked("cutover", standing(Phase.READY, retry={"at": AFTER, "code": "HELD"})).is_given
        assert asked("cutover", standing(Phase.CUTOVER_LAUNCHED, retry=retry)).is_given

    def test_so_does_an_approval_that_is_newer(self) -> None:
        wave = plan(approvals={"cutover": True})
        noted = {
            "approved": True,
            "required": True,
            "runId": "run-1",
            "planHash": wave.plan_hash,
            "sheetDigest": "d",
            "sheetMadeAt": BEFORE,
            "applications": ["billing"],
            "expiresAt": (NOW + timedelta(1)).isoformat(),
        }
        registered = {"planHash": wave.plan_hash, "runId": "run-1", "at": BEFORE}
        for at, is_given in ((BEFORE, True), (AFTER, False)):
            one = held(approvals={"cutover": noted | {"at": at}}, registered=registered)
            assert asked("cutover", one, wave=wave, request=self.OLDER).is_given is is_given

    def test_a_retry_that_nobody_asked_for_takes_up_a_failure_and_nothing_held(self) -> None:
        retry = replace(self.OLDER, is_retry=True)
        assert asked("cutover", failed(), request=retry).is_given
        assert kinds(asked("cutover", held(), request=retry)) == [ApplicationHeldError]

    def test_when_it_stopped_must_be_known(self) -> None:
        one = held(**{STOPPED_AT: None})
        assert kinds(asked("cutover", one, request=self.OLDER)) == [ApplicationHeldError]

    def test_on_a_sheet_nobody_can_have_asked(self) -> None:
        for one in (held(), failed()):
            assert kinds(permit("cutover", PLAN, PLAN.applications[0], [one])) == [ApplicationHeldError]

    def test_after_the_launch_a_failure_goes_on_by_itself_and_what_is_held_does_not(self) -> None:
        request = self.NEWER
        for one, expected in (
            (failed(Phase.CUTOVER_LAUNCHED), []),
            (held(Phase.CUTOVER_LAUNCHED), [ApplicationHeldError]),
        ):
            assert kinds(permit("cutover_verify", PLAN, PLAN.applications[0], [one], request)) == expected
        assert permit("cutover_verify", PLAN, PLAN.applications[0], [held(Phase.CUTOVER_LAUNCHED)], self.OLDER).is_given

    def test_a_test_launch_and_a_rollback_do_not_ask_for_it(self) -> None:
        assert asked("test_launch", held(Phase.PLANNED), request=self.NEWER).is_given
        reasons = asked("rollback", held(), request=Request(None, "rollback")).reasons
        assert ApplicationHeldError not in {reason.kind for reason in reasons}

    def test_the_words_say_held_or_failed_in_which_phase_and_why(self) -> None:
        assert "is held in phase READY" in asked("cutover", held(), request=self.NEWER).words
        words = asked("cutover", failed(), request=self.NEWER).words
        assert "failed in phase CUTTING_OVER (LAUNCH_FAILED" in words


class TestWhereItStands:
    @pytest.mark.parametrize("action", ["test_launch", "quiesce", "cutover", "finalize", "cutover_verify"])
    def test_nothing_goes_on_with_a_rollback_that_did_not_end(self, action: str) -> None:
        assert kinds(asked(action, standing(Phase.ROLLING_BACK)))[0] is RollbackUnfinishedError

    def test_but_the_rollback_does(self) -> None:
        found = kinds(asked("rollback", standing(Phase.ROLLING_BACK)))
        assert RollbackUnfinishedError not in found
        assert NotThereYetError not in found

    def test_what_is_finalized_has_no_way_back(self) -> None:
        assert PastNoReturnError in kinds(asked("rollback", standing(Phase.FINALIZED)))
        assert PastNoReturnError not in kinds(asked("rollback", standing(Phase.CUTOVER_VERIFIED)))

    @pytest.mark.parametrize(
        ("action", "phase"),
        [("cutover", Phase.TESTED), ("quiesce", Phase.TESTED), ("finalize", Phase.READY)],
    )
    def test_too_early(self, action: str, phase: Phase) -> None:
        assert kinds(asked(action, standing(phase))) == [NotThereYetError]

    def test_what_is_past_is_not_early(self) -> None:
        assert asked("cutover", standing(Phase.FINALIZED)).is_given

    def test_one_server_of_two_is_enough_to_say_no(self) -> None:
        permission = asked("cutover", standing(), replace(standing(Phase.TESTED), server="s-2"))
        assert kinds(permission) == [NotThereYetError]
        assert "s-2" in permission.words


class TestGates:
    def test_not_on_the_sheet_with_the_reason_that_it_gives(self) -> None:
        permission = asked("cutover", standing(), request=Request(sheet(ready=()), "cutover"))
        assert kinds(permission) == [NotOnSheetError]
        assert "its lag" in permission.words
        assert kinds(asked("cutover", standing(), request=Request(None, "cutover")))[0] is NotOnSheetError

    @pytest.mark.parametrize("action", ["quiesce", "cutover"])
    @pytest.mark.parametrize(
        ("around", "kind"),
        [
            ({"window": "it is over"}, WindowClosedError),
            ({"stop": "1 critical application failed"}, WaveStoppedError),
            ({"missing": {"db": "READY"}}, DependencyNotCutOverError),
        ],
    )
    def test_window_stop_and_dependencies(self, action: str, around: dict[str, Any], kind: type[Exception]) -> None:
        assert kinds(asked(action, standing(), **around)) == [kind]
        assert str(next(iter(around.values())))[:5].strip("{'") in asked(action, standing(), **around).words
        assert asked("finalize", standing(Phase.CUTOVER_VERIFIED), **around).is_given
        assert asked("test_launch", standing(Phase.PLANNED), **around).is_given

    @pytest.mark.parametrize("action", ["test_launch", "quiesce", "cutover", "finalize"])
    def test_the_plan_must_be_the_registered_one(self, action: str) -> None:
        phase = {"test_launch": Phase.PLANNED, "finalize": Phase.CUTOVER_VERIFIED}.get(action, Phase.READY)
        one = standing(phase, registered={"planHash": "other", "runId": "run-9", "at": BEFORE})
        permission = asked(action, one)
        assert kinds(permission) == [PlanMismatchError]
        assert "run-9 with plan other" in permission.words
        unnamed = asked(action, standing(phase, registered={"runId": "run-1"}))
        assert "a plan that the ledger does not name" in unnamed.words

    def test_what_an_earlier_run_finalized_keeps_its_plan(self) -> None:
        one = standing(Phase.FINALIZED, registered={"planHash": "other"})
        assert asked("cutover", one).is_given

    def test_a_rollback_needs_no_registered_plan_and_no_sheet(self) -> None:
        one = standing(registered={"planHash": "other"})
        found = kinds(asked("rollback", one, request=Request(None, "rollback")))
        assert found == [ApprovalVoidError]

    def test_a_sheet_asks_no_gate(self) -> None:
        app, closed = PLAN.applications[0], Surroundings(window="closed", run_id="run-1")
        assert permit("cutover", PLAN, app, [standing()], None, closed).is_given
        assert permit("cutover", PLAN, app, [standing()], Request(sheet(), "cutover"), None).is_given


class TestQuiesce:
    def cut(self, one: Standing, **around: Any) -> list[type[Exception]]:
        return kinds(asked("cutover", one, wave=QUIET, **around))

    def test_a_source_that_this_run_stopped(self) -> None:
        assert self.cut(standing(wave=QUIET, quiesce=STOPPED_SOURCE)) == []

    @pytest.mark.parametrize(
        "fact", [None, STOPPED_SOURCE | {"runId": "run-0"}, STOPPED_SOURCE | {"state": "STARTED"}, {"runId": "run-1"}]
    )
    def test_any_other_one_runs_or_may_run(self, fact: Any) -> None:
        assert self.cut(standing(wave=QUIET, quiesce=fact)) == [NotQuiescedError]

    def test_a_start_that_came_after_the_stop(self) -> None:
        one = standing(wave=QUIET, quiesce=STOPPED_SOURCE)
        assert self.cut(one, restarted={server_id(1): ["cmd-1"]}) == [NotQuiescedError]

    def test_a_launch_that_is_under_way_is_followed(self) -> None:
        intent = Intent("START_CUTOVER", 1, "i", BEFORE)
        facts = {"registered": {"planHash": QUIET.plan_hash}}
        record = Record(
            "mig-a", "w", "billing", server_id(1), Phase.CUTTING_OVER, facts=facts, intents={"START_CUTOVER": intent}
        )
        assert standing_of(record).launching
        assert NotQuiescedError not in self.cut(standing_of(record))

    def test_what_is_cut_over_needs_no_stopped_source(self) -> None:
        assert self.cut(standing(Phase.CUTOVER_VERIFIED, wave=QUIET)) == []

    def test_quiesce_itself_and_a_wave_without_it_do_not_ask(self) -> None:
        assert kinds(asked("quiesce", standing(wave=QUIET), wave=QUIET)) == []
        assert asked("cutover", standing()).is_given


class TestWhatItSays:
    def test_every_reason_and_the_kind_of_the_first(self) -> None:
        permission = asked("cutover", standing(), window="closed", stop="too many failed", missing={"db": "READY"})
        with pytest.raises(WindowClosedError) as found:
            permission.require()
        for words in ("closed", "the wave stops: too many failed", "db is READY"):
            assert words in str(found.value)
        assert len(permission.remedies) == 3

    def test_a_remedy_is_said_once(self) -> None:
        two = [standing(Phase.ROLLING_BACK), replace(standing(Phase.ROLLING_BACK), server="s-2")]
        assert len(asked("cutover", *two).remedies) == len(set(asked("cutover", *two).remedies))

    def test_a_rollback_meets_the_lock_of_another_run(self) -> None:
        request = Request(None, "decide", decision={"decision": "rollback"})
        noted = {
            "approved": True,
            "decision": "rollback",
            "runId": "run-1",
            "planHash": PLAN.plan_hash,
            "at": AFTER,
        }
        one = standing(Phase.CUTTING_OVER, approvals={"decide": noted})
        assert asked("rollback", one, request=request).is_given
        permission = asked("rollback", one, request=request, held_by={server_id(1): "migration_wave / run-2"})
        assert kinds(permission) == [LockHeldError]
        with pytest.raises(LockHeldError, match="run-2"):
            permission.require()

    def test_servers_with_one_reason_share_its_words_and_others_have_their_own(self) -> None:
        wave = plan(approvals={"cutover": True})
        one, two = standing(wave=wave), replace(standing(wave=wave), server="s-2")
        same = asked("cutover", one, two, wave=wave).words
        assert f"{one.server}, s-2: the cutover was not approved" in same
        other = replace(two, approvals={"cutover": {"approved": True, "required": False}})
        words = asked("cutover", one, other, wave=wave).words
        assert "the ledger holds no answer" in words
        assert "; s-2 the cutover was not approved: it was not asked for" in words

    @pytest.mark.parametrize(("fact", "state"), [(None, "never ran"), ({"state": "STOP_FAILED"}, "STOP_FAILED")])
    def test_how_the_source_stands(self, fact: Any, state: str) -> None:
        words = asked("cutover", standing(wave=QUIET, quiesce=fact), wave=QUIET).words
        assert f"(quiesce: {state})" in words


@pytest.mark.parametrize("phase", [Phase.PLANNED, Phase.READY, Phase.CUTTING_OVER])
def test_a_verification_is_never_too_early(phase: Phase) -> None:
    """It waits for what it verifies, or says itself that there is none."""
    assert permit("cutover_verify", PLAN, PLAN.applications[0], [standing(phase)]).is_given
    assert permit("finalize", PLAN, PLAN.applications[0], [standing(phase)]).reasons
