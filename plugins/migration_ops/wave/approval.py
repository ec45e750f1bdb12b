"""Holds a step to what people approved: the plan and the evidence sheet, unchanged."""

from __future__ import annotations

from migration_ops.core.errors import StepFailed
from migration_ops.wave.services import StepInput


class ApprovalVoid(StepFailed):
    """Nobody approved, or something changed after the approval."""

    code = "APPROVAL_VOID"
    hint = "Clear the evidence sheet's task with downstream, so that the approval is asked for again."


class NotOnSheet(StepFailed):
    """The evidence sheet that people saw left this application out."""

    code = "NOT_ON_SHEET"
    hint = "Mend what kept it off the sheet, then clear the sheet's task with downstream."


def require_on_sheet(inp: StepInput) -> None:
    """:raises NotOnSheet: the sheet does not hold this application as one that goes."""
    sheet, name = inp.inputs.get("sheet") or {}, inp.application.app_name
    if name not in (sheet.get("ready") or []):
        why = (sheet.get("excluded") or {}).get(name, "not on the sheet")
        raise NotOnSheet(f"{name} was left out: {why}", appName=name)


def require_approval(inp: StepInput, which: str) -> None:
    """:raises ApprovalVoid: ``approvals.<which>`` is on and there is no approval of this plan and this sheet."""
    if not inp.conf["approvals"][which]:
        return
    approval = inp.inputs.get("approval") or {}
    sheet = inp.inputs.get("sheet") or {}
    if approval.get("approved") is not True:
        raise ApprovalVoid(f"the {which} was not approved")
    if approval.get("planHash") != inp.plan.plan_hash:
        raise ApprovalVoid("the plan changed after the approval", approved=approval.get("planHash"))
    if not sheet.get("digest") or approval.get("sheetDigest") != sheet["digest"]:
        raise ApprovalVoid(
            "the evidence changed after the approval", approved=approval.get("sheetDigest"), now=sheet.get("digest")
        )
