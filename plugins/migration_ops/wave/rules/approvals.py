"""Whether a decision in the ledger still lets a step act: its run, plan, evidence, age and use are checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from migration_ops.aws.mgn.servers import moment
from migration_ops.core.states import Phase
from migration_ops.wave.conf.parts import CutoverWindowConf
from migration_ops.wave.rules.standing import ENDED_AT, ENDS_APPROVALS, Standing

# Decisions beside the approvals of the conf: the answer after a failure, and a rollback on request.
DECIDE = "decide"
ROLLBACK = "rollback"
_ASK_AGAIN: Mapping[str, str] = {
    DECIDE: "clear `decide` with downstream and answer it again",
    ROLLBACK: "clear `sheet` with downstream, so that the rollback is asked for again",
}
_ASK_BY_SHEET = "clear the evidence sheet's task with downstream, so that it is asked for again"


@dataclass(frozen=True)
class Subject:
    """What a decision must be about to count.

    :param which: ``cutover``, ``finalize``, ``rollback`` or ``decide``.
    :param digest: of the sheet that people saw; None where a decision has no sheet.
    :param made_at: when that sheet was made, ISO 8601; None when the task does not know.
    """

    which: str
    app_name: str
    run_id: str
    plan_hash: str
    digest: str | None = None
    made_at: str | None = None


def expiry(window: CutoverWindowConf, at: datetime, valid_hours: float) -> datetime:
    """When a decision expires: ``valid_hours`` after the answer, or after the window opens if that is later."""
    return max(at, window.opens or at) + timedelta(hours=valid_hours)


def why_void(standing: Standing, about: Subject, now: datetime | None) -> str | None:
    """Why the ledger's decision does not let the step act on this server; None when it does.

    A decision of an earlier version names neither run nor expiry. Its plan and sheet must match, and an approval of a
    cutover or finalize must not be older than the registration of the run.
    """
    noted = standing.approvals.get(about.which)
    reason = (
        _missing(noted, about)
        or _of_another(noted or {}, about, standing)
        or _expired(noted or {}, now)
        or _used(noted or {}, about, standing)
    )
    return f"{reason}; {_ASK_AGAIN.get(about.which, _ASK_BY_SHEET)}" if reason else None


def _missing(noted: Mapping[str, Any] | None, about: Subject) -> str | None:
    what = "a rollback of it was not decided" if about.which == DECIDE else f"the {about.which} was not approved"
    if not noted:
        return f"{what}: the ledger holds no answer"
    if noted.get("approved") is not True or (about.which == DECIDE and noted.get("decision") != ROLLBACK):
        said = noted.get("leftOut") or noted.get("comment") or noted.get("decision") or "no"
        return f"{what}: {noted.get('by') or 'nobody'} answered {str(said)[:150]!r} on {noted.get('at')}"
    if noted.get("required") is False and about.which != DECIDE:
        return f"{what}: it was not asked for, and is required now"
    return None


def _of_another(noted: Mapping[str, Any], about: Subject, standing: Standing) -> str | None:
    if "runId" in noted and noted["runId"] != about.run_id:
        return f"what was approved is the {about.which} of another run: {noted['runId']}"
    if noted.get("planHash") != about.plan_hash:
        return f"the plan changed after the approval ({str(noted.get('planHash'))[:16]} was approved)"
    if about.which != DECIDE and (not about.digest or noted.get("sheetDigest") != about.digest):
        return f"the evidence changed after the approval ({str(noted.get('sheetDigest'))[:16]} was approved)"
    if "applications" in noted and about.app_name not in noted["applications"]:
        return f"the approval is not about {about.app_name}"
    if "runId" not in noted and about.which in ("cutover", "finalize"):
        at, registered = moment(str(noted.get("at") or "")), moment((standing.registered or {}).get("at"))
        if at is None or (registered is not None and at < registered):
            return "the approval belongs to an earlier run"
    return None


def _expired(noted: Mapping[str, Any], now: datetime | None) -> str | None:
    until = moment(noted.get("expiresAt"))
    if "expiresAt" in noted and (now is None or until is None or now >= until):
        return f"the approval expired at {noted['expiresAt']}"
    return None


def _used(noted: Mapping[str, Any], about: Subject, standing: Standing) -> str | None:
    """A rollback ends the approvals that were given before it. The decision to roll back is used up by its rollback."""
    if about.which in (ROLLBACK, DECIDE):
        return _used_rollback(noted, about, standing)
    if is_ended(noted):
        return f"the rollback of {noted[ENDED_AT]} ended it"
    made = moment(noted.get("sheetMadeAt") or about.made_at)
    if is_rolled_back_since(standing, made):
        return "it was rolled back after this sheet was made"
    return None


def _used_rollback(noted: Mapping[str, Any], about: Subject, standing: Standing) -> str | None:
    if is_ended(noted):
        return f"this decision was used for the rollback of {noted[ENDED_AT]}"
    at = moment(noted.get("at"))
    last = standing.rolled_back or {}
    back = None if last.get(ENDS_APPROVALS) else moment(last.get("at"))
    if back is not None and (at is None or back >= at):
        return f"this decision was used for the rollback of {back.isoformat()}"
    # Noted since: in which phase each server was when people were asked, so that an answer of the test that nobody used
    # does not undo the cutover.
    was = (noted.get("phases") or {}).get(standing.server)
    if about.which == DECIDE and not standing.is_rolling_back and was and was != standing.at.value:
        return f"it was decided when the server was in phase {was}, and now it is {standing.at.value}"
    again = moment((standing.retry or {}).get("at"))
    if about.which == DECIDE and not standing.is_rolling_back and again is not None and (at is None or again > at):
        return f"it was decided about a failure that was taken up again on {again.isoformat()}"
    return None


def is_ended(noted: Mapping[str, Any] | None) -> bool:
    """Whether a rollback ended this answer. Noted in the answer itself, so it does not depend on a clock."""
    return bool((noted or {}).get(ENDED_AT))


def ended(approvals: Mapping[str, Any], at: str) -> dict[str, Any]:
    """All answers of a record, marked as ended by its rollback of ``at`` (ISO 8601)."""
    return {which: {**one, ENDED_AT: one.get(ENDED_AT) or at} for which, one in approvals.items()}


def is_rolled_back_since(standing: Standing, made: datetime | None) -> bool:
    """Whether a rollback came after ``made``, or at that moment; a sheet without a time counts as older."""
    if standing.rolled_back is None and standing.at is not Phase.ROLLED_BACK:
        return False
    when = moment((standing.rolled_back or {}).get("at"))
    return made is None or (when is not None and when >= made)
