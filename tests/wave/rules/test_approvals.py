"""What an approval must be for a step to act on it, and what registers a plan."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from migration_ops.core.states import Phase
from migration_ops.ledger.protocol import Record
from migration_ops.wave.rules.approvals import Subject, ended, expiry, is_rolled_back_since, why_void
from migration_ops.wave.rules.permit import Permission, Request, Surroundings, permit
from migration_ops.wave.rules.refusals import ApprovalVoidError, PlanMismatchError
from migration_ops.wave.rules.standing import Standing, standing_of
from tests.wave.builders import plan, server_id

PLAN = plan()
[APP] = PLAN.applications
NOW = datetime(2026, 1, 9, 12, tzinfo=UTC)
EARLY, AT, LATE = ((NOW + timedelta(hours=hours)).isoformat() for hours in (-3, -2, -1))
SHEET = {"ready": ["billing"], "digest": "d", "madeAt": (NOW - timedelta(hours=2, minutes=30)).isoformat()}
NOTED = {
    "approved": True,
    "required": True,
    "runId": "run-1",
    "planHash": PLAN.plan_hash,
    "sheetDigest": "d",
    "sheetMadeAt": SHEET["madeAt"],
    "applications": ["billing"],
    "at": AT,
    "expiresAt": (NOW + timedelta(hours=1)).isoformat(),
}
# As an earlier version wrote it.
OLD = {key: NOTED[key] for key in ("approved", "required", "planHash", "sheetDigest", "at")} | {"by": "alice"}
REGISTERED = {"planHash": PLAN.plan_hash, "runId": "run-1", "at": EARLY}


def standing(noted: Any = NOTED, which: str = "cutover", **facts: Any) -> Standing:
    facts = {"approvals": {which: noted} if noted else {}, "registered": REGISTERED} | facts
    phase = Phase.CUTOVER_VERIFIED if which == "finalize" else Phase.READY
    return standing_of(Record("mig-a", "wave-3", "billing", server_id(1), phase, facts=facts))


def asked(one: Standing, which: str = "cutover", wave: Any = PLAN, **around: Any) -> Permission:
    request = Request(SHEET, which)
    surroundings = Surroundings(**{"run_id": "run-1", "now": NOW} | around)
    return permit(which, wave, wave.applications[0], [one], request, surroundings)


@pytest.mark.parametrize("which", ["cutover", "finalize"])
@pytest.mark.parametrize("noted", [NOTED, OLD])
def test_an_approval_of_this_run_plan_and_sheet_lets_it_act(which: str, noted: dict[str, Any]) -> None:
    assert asked(standing(noted, which), which).is_given


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (None, "the ledger holds no answer"),
        ({"approved": False, "by": "alice", "comment": "not today"}, "alice answered 'not today'"),
        ({"approved": "yes"}, "was not approved"),
        ({"approved": False, "leftOut": "not among what was approved"}, "not among what was approved"),
        ({"required": False}, "required now"),
        ({"runId": "run-0"}, "of another run: run-0"),
        ({"runId": None}, "of another run"),
        ({"planHash": "other"}, "the plan changed after the approval"),
        ({"planHash": None}, "the plan changed after the approval"),
        ({"sheetDigest": "other"}, "the evidence changed after the approval"),
        ({"applications": ["web"]}, "not about billing"),
        ({"expiresAt": AT}, "expired at"),
        ({"expiresAt": None}, "expired at"),
        ({"expiresAt": "soon"}, "expired at"),
    ],
)
@pytest.mark.parametrize("which", ["cutover", "finalize"])
def test_any_other_one_does_not_and_the_error_says_what_to_do(
    which: str, change: dict[str, Any] | None, why: str
) -> None:
    one = standing(None if change is None else NOTED | change, which)
    with pytest.raises(ApprovalVoidError, match=why) as caught:
        asked(one, which).require()
    assert "clear the evidence sheet's task with downstream" in caught.value.message


@pytest.mark.parametrize("action", ["quiesce", "cutover"])
def test_what_stops_the_source_needs_it_too(action: str) -> None:
    request, around = Request(SHEET, "cutover"), Surroundings(run_id="run-1", now=NOW)
    assert permit(action, PLAN, APP, [standing()], request, around).is_given
    assert not permit(action, PLAN, APP, [standing(None)], request, around).is_given


def test_an_approval_of_before_a_rollback_is_used() -> None:
    assert asked(standing(rolledBack={"at": EARLY})).is_given
    with pytest.raises(ApprovalVoidError, match="rolled back after this sheet"):
        asked(standing(rolledBack={"at": LATE})).require()


def test_a_sheet_that_claims_to_be_newer_than_it_was_does_not_help() -> None:
    forged = Request(SHEET | {"madeAt": NOW.isoformat()}, "cutover")
    around = Surroundings(run_id="run-1", now=NOW)
    assert not permit("cutover", PLAN, APP, [standing(rolledBack={"at": LATE})], forged, around).is_given


def test_an_older_approval_counts_only_since_its_run_was_registered() -> None:
    assert asked(standing(OLD, registered=REGISTERED | {"at": EARLY})).is_given
    for noted in (OLD | {"at": None}, OLD | {"at": "2020-01-01T00:00:00+00:00"}):
        with pytest.raises(ApprovalVoidError, match="belongs to an earlier run"):
            asked(standing(noted)).require()


def test_without_approvals_in_the_conf_none_is_asked_unless_the_installation_demands_it() -> None:
    wave = plan(approvals={"cutover": False})
    registered = {"planHash": wave.plan_hash, "runId": "run-1", "at": EARLY}
    one = standing(None, registered=registered)
    assert asked(one, wave=wave).is_given
    with pytest.raises(ApprovalVoidError, match="the ledger holds no answer"):
        asked(one, wave=wave, required=frozenset({"cutover"})).require()
    assert asked(one, wave=wave, required=frozenset({"finalize"})).is_given


@pytest.mark.parametrize("action", ["test_launch", "quiesce", "cutover", "finalize"])
@pytest.mark.parametrize("registered", [None, {}, {"planHash": "another", "runId": "run-1"}])
def test_a_plan_that_was_not_registered_is_none(action: str, registered: Any) -> None:
    which = "finalize" if action == "finalize" else "cutover"
    one = standing(NOTED, which, registered=registered)
    permission = permit(action, PLAN, APP, [one], Request(SHEET, which), Surroundings(run_id="run-1", now=NOW))
    assert PlanMismatchError in [reason.kind for reason in permission.reasons]


def test_a_decision_that_expires_is_expired_when_nobody_knows_the_time() -> None:
    assert not asked(standing(), now=None).is_given


def test_the_time_of_an_approval_begins_with_its_window() -> None:
    opens = NOW + timedelta(days=20)
    window = plan(cutoverWindow={"opens": opens.isoformat()}).conf.cutover_window
    assert expiry(window, NOW, 2) == opens + timedelta(hours=2)
    assert expiry(window, opens + timedelta(hours=1), 2) == opens + timedelta(hours=3)
    assert expiry(PLAN.conf.cutover_window, NOW, 2) == NOW + timedelta(hours=2)


def test_a_rollback_ends_what_was_approved_whatever_the_clocks_say() -> None:
    """The rollback ran on a worker whose clock is behind: by the times the approval is the newer one."""
    gone = ended({"cutover": NOTED}, EARLY)["cutover"]
    with pytest.raises(ApprovalVoidError, match=f"the rollback of {re.escape(EARLY)} ended it"):
        asked(standing(gone, rolledBack={"at": EARLY, "endsApprovals": True})).require()
    assert asked(standing(NOTED, rolledBack={"at": EARLY, "endsApprovals": True})).is_given


def test_without_an_approval_in_the_conf_the_sheet_of_before_the_rollback_is_over_as_well() -> None:
    wave = plan(approvals={"cutover": False})
    facts = {"registered": REGISTERED | {"planHash": wave.plan_hash}, "rolledBack": {"at": EARLY}}
    noted = {"approved": True, "required": False, "at": AT}
    assert asked(standing(noted, **facts), wave=wave).is_given
    with pytest.raises(ApprovalVoidError, match="rolled back after this sheet"):
        asked(standing(ended({"cutover": noted}, EARLY)["cutover"], **facts), wave=wave).require()


@pytest.mark.parametrize("which", ["rollback", "decide"])
def test_a_rollback_is_decided_once(which: str) -> None:
    """A new decision counts even when it is older by the clocks than the rollback before it."""
    noted = NOTED | {"decision": "rollback", "at": EARLY}
    back = {"at": LATE, "endsApprovals": True}
    about = Subject(which, "billing", "run-1", PLAN.plan_hash, "d")
    assert why_void(standing(noted, which, rolledBack=back), about, NOW) is None
    used = ended({which: noted}, LATE)[which]
    assert "was used for the rollback" in str(why_void(standing(used, which, rolledBack=back), about, NOW))
    older = standing(noted, which, rolledBack={"at": LATE})
    assert "was used for the rollback" in str(why_void(older, about, NOW))


class TestToTheSecond:
    """At the very moment, where one of two writes was the first and the clock does not show which."""

    def test_a_decision_is_over_when_its_time_comes(self) -> None:
        assert not asked(standing(NOTED | {"expiresAt": NOW.isoformat()})).is_given

    def test_a_rollback_in_the_second_of_the_sheet_ends_it(self) -> None:
        assert not asked(standing(rolledBack={"at": SHEET["madeAt"]})).is_given

    def test_a_rollback_in_the_second_of_its_decision_used_it(self) -> None:
        about = Subject("rollback", "billing", "run-1", PLAN.plan_hash, "d")
        assert "was used" in str(why_void(standing(NOTED, "rollback", rolledBack={"at": AT}), about, NOW))

    def test_a_retry_in_the_second_of_the_decision_is_the_failure_that_it_is_about(self) -> None:
        about = Subject("decide", "billing", "run-1", PLAN.plan_hash)
        noted = NOTED | {"decision": "rollback"}
        assert why_void(standing(noted, "decide", retry={"at": AT}), about, NOW) is None
        assert "taken up again" in str(why_void(standing(noted, "decide", retry={"at": LATE}), about, NOW))

    def test_an_older_approval_of_the_second_of_the_registration_counts(self) -> None:
        assert asked(standing(OLD, registered=REGISTERED | {"at": AT})).is_given


def test_an_approval_that_names_its_run_needs_no_time_of_the_registration() -> None:
    assert asked(standing(registered=REGISTERED | {"at": LATE})).is_given


def test_an_older_decision_about_a_rollback_is_not_held_against_the_registration() -> None:
    about = Subject("rollback", "billing", "run-1", PLAN.plan_hash, "d")
    assert why_void(standing(OLD, "rollback", registered=REGISTERED | {"at": LATE}), about, NOW) is None


def test_what_was_never_rolled_back_is_newer_than_any_sheet() -> None:
    assert not is_rolled_back_since(standing(), None)
    back = standing_of(Record("mig-a", "wave-3", "billing", server_id(1), Phase.ROLLED_BACK))
    assert is_rolled_back_since(back, None)


def test_a_decision_that_nobody_took_is_called_so() -> None:
    about = Subject("decide", "billing", "run-1", PLAN.plan_hash)
    assert "a rollback of it was not decided" in str(why_void(standing(None), about, NOW))
    assert "the cutover was not approved" in str(why_void(standing(None), Subject("cutover", "billing", "r", "p"), NOW))
