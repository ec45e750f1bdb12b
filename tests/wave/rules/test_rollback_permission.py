"""Whether an application may be rolled back, by the ledger alone: decision, point of no return, locks."""

from __future__ import annotations

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


def standing(phase: Phase, stopped_in: Phase | None = None, code: str | None = None) -> Standing:
    facts = {STOPPED_IN: stopped_in.value} if stopped_in else {}
    return standing_of(Record("mig-a", "wave-3", "billing", server_id(1), phase, facts=facts, error_code=code))


def asked(*standings: Standing, decision: Any = ROLL_BACK, held_by: dict[str, str] | None = None) -> Permission:
    around = Surroundings(run_id="run-1", held_by=held_by or {})
    return permit("rollback", PLAN, APP, standings, Request(decision=decision), around)


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


def test_no_ledger_approval_and_no_open_window_is_asked_for() -> None:
    """A rollback must be possible when everything else stands still."""
    around = Surroundings(stop="the wave stops", missing={"db": "READY"}, window="closed", run_id="run-1")
    request = Request(sheet={"ready": []}, approval={"approved": False}, decision=ROLL_BACK)
    assert permit("rollback", PLAN, APP, [standing(Phase.CUTOVER_LAUNCHED)], request, around).is_given
