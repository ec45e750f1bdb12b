"""Whether an application may be rolled back, by the ledger alone: decision, point of no return, locks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from migration_ops.core.states import ENDED, Phase
from migration_ops.ledger.protocol import LockHeldError, Record
from migration_ops.wave.rules.permit import Permission, Request, Surroundings, permit
from migration_ops.wave.rules.refusals import ApprovalVoidError, PastNoReturnError
from migration_ops.wave.rules.standing import STOPPED_IN, Standing, standing_of
from tests.wave.builders import plan, server_id

PLAN = plan()
[APP] = PLAN.applications
ROLL_BACK = {"decision": "rollback", "reason": "a test"}
STATES = [(phase, None) for phase in Phase] + [
    (phase, stopped_in) for phase in (Phase.FAILED, Phase.FROZEN) for stopped_in in sorted(set(Phase) - ENDED)
]


NOTED = {
    "approved": True,
    "decision": "rollback",
    "runId": "run-1",
    "planHash": PLAN.plan_hash,
    "at": "2026-01-09T10:00:00+00:00",
}


def standing(phase: Phase, stopped_in: Phase | None = None, code: str | None = None, **facts: Any) -> Standing:
    facts = {"approvals": {"decide": NOTED}} | facts
    facts |= {STOPPED_IN: stopped_in.value} if stopped_in else {}
    return standing_of(Record("mig-a", "wave-3", "billing", server_id(1), phase, facts=facts, error_code=code))


def asked(*standings: Standing, decision: Any = ROLL_BACK, held_by: dict[str, str] | None = None) -> Permission:
    around = Surroundings(run_id="run-1", held_by=held_by or {})
    return permit("rollback", PLAN, APP, standings, Request(which="decide", decision=decision), around)


@pytest.mark.parametrize("code", [None, "NOT_REACHED", "LAUNCH_FAILED", "WAVE_STOPPED"])
@pytest.mark.parametrize(("phase", "stopped_in"), STATES)
def test_only_what_is_finalized_may_not_go_back_and_the_sheet_says_the_same(
    phase: Phase, stopped_in: Phase | None, code: str | None
) -> None:
    one = standing(phase, stopped_in, code)
    task, sheet = asked(one), permit("rollback", PLAN, APP, [one])
    assert task.is_given is (phase is not Phase.FINALIZED)
    assert (task.is_given, task.words) == (sheet.is_given, sheet.words)


def test_one_finalized_server_keeps_its_application_from_going_back() -> None:
    with pytest.raises(PastNoReturnError, match="is finalized, there is no way back"):
        asked(standing(Phase.CUTOVER_VERIFIED), standing(Phase.FINALIZED)).require()


@pytest.mark.parametrize("decision", [None, {}, {"decision": "hold"}, {"decision": "ask"}, {"decision": None}])
def test_nobody_decided_is_no_permission(decision: Any) -> None:
    with pytest.raises(ApprovalVoidError, match="nobody decided to roll billing back"):
        asked(standing(Phase.CUTOVER_LAUNCHED), decision=decision).require()


def test_another_runs_lock_is_no_permission() -> None:
    held = {server_id(1): "migration_wave / other"}
    with pytest.raises(LockHeldError, match="belong to another run") as caught:
        asked(standing(Phase.CUTOVER_LAUNCHED), held_by=held).require()
    assert caught.value.context == {"appName": "billing", "holders": held}


def test_every_reason_is_named_and_the_first_one_gives_the_kind() -> None:
    permission = asked(standing(Phase.FINALIZED), decision=None, held_by={server_id(1): "x"})
    assert [one.kind for one in permission.reasons] == [PastNoReturnError, ApprovalVoidError, LockHeldError]


def test_no_approval_of_the_cutover_and_no_open_window_is_asked_for() -> None:
    """A rollback must be possible when everything else stands still."""
    around = Surroundings(stop="the wave stops", missing={"db": "READY"}, window="closed", run_id="run-1")
    request = Request(sheet={"ready": []}, which="decide", decision=ROLL_BACK)
    assert permit("rollback", PLAN, APP, [standing(Phase.CUTOVER_LAUNCHED)], request, around).is_given


LATER = "2026-01-09T11:00:00+00:00"
VOID: dict[str, dict[str, Any]] = {
    "the ledger holds no answer": {"approvals": {}},
    "'hold'": {"approvals": {"decide": NOTED | {"approved": False, "decision": "hold"}}},
    "answered": {"approvals": {"decide": NOTED | {"decision": "hold"}}},
    "of another run: run-0": {"approvals": {"decide": NOTED | {"runId": "run-0"}}},
    "the plan changed": {"approvals": {"decide": NOTED | {"planHash": "other"}}},
    "is not about billing": {"approvals": {"decide": NOTED | {"applications": ["web"]}}},
    "expired at": {"approvals": {"decide": NOTED | {"expiresAt": LATER}}},
    "was used for the rollback": {"rolledBack": {"at": LATER}},
    "taken up again": {"retry": {"at": LATER}},
}


@pytest.mark.parametrize("why", VOID)
def test_a_decision_that_does_not_count_is_no_permission(why: str) -> None:
    around = Surroundings(run_id="run-1", now=datetime(2026, 1, 9, 12, tzinfo=UTC))
    request = Request(which="decide", decision=ROLL_BACK)
    one = standing(Phase.CUTOVER_LAUNCHED, **VOID[why])
    with pytest.raises(ApprovalVoidError, match=why) as caught:
        permit("rollback", PLAN, APP, [one], request, around).require()
    assert "clear `decide` with downstream" in caught.value.message


def test_a_request_needs_its_own_approval_of_its_own_sheet() -> None:
    around = Surroundings(run_id="run-1")
    request = Request(which="rollback", decision=ROLL_BACK | {"digest": "d"})
    approved = {"rollback": NOTED | {"sheetDigest": "d"}}
    assert permit("rollback", PLAN, APP, [standing(Phase.READY, approvals=approved)], request, around).is_given
    for approvals in ({}, {"decide": NOTED}, {"rollback": NOTED | {"sheetDigest": "other"}}):
        one = standing(Phase.READY, approvals=approvals)
        assert not permit("rollback", PLAN, APP, [one], request, around).is_given


def test_a_decision_counts_for_a_failure_after_a_retry_before_it() -> None:
    assert asked(standing(Phase.CUTTING_OVER, retry={"at": "2026-01-09T09:00:00+00:00"})).is_given
    assert asked(standing(Phase.CUTTING_OVER, rolledBack={"at": "2026-01-09T09:00:00+00:00"})).is_given
