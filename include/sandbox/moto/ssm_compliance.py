"""Compliance of managed nodes in Systems Manager, which moto 5.2.5 lacks: items are put, summaries are listed."""

from __future__ import annotations

from collections import Counter
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.ssm.exceptions import ValidationException
from moto.ssm.responses import SimpleSystemManagerResponse

# Worst first, as the API reference lists them.
SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNSPECIFIED")
KINDS = ("Patch", "Association")
PAGE = 50


def install() -> None:
    """Patches moto in this process; a second call changes nothing."""
    SimpleSystemManagerResponse.put_compliance_items = _put
    SimpleSystemManagerResponse.list_resource_compliance_summaries = _list


def _kept(self: SimpleSystemManagerResponse) -> dict[tuple[str, str], dict[str, Any]]:
    """Lives with moto's backend: a reset takes it along."""
    found: dict[tuple[str, str], dict[str, Any]] = vars(self.ssm_backend).setdefault("_compliance", {})
    return found


def _put(self: SimpleSystemManagerResponse) -> EmptyResult:
    kind, resource = self._get_param("ComplianceType"), self._get_param("ResourceId")
    if kind not in KINDS and not kind.startswith("Custom:"):
        raise ValidationException(f"unknown compliance type {kind}")
    _kept(self)[kind, resource] = {
        "ComplianceType": kind,
        "ResourceType": self._get_param("ResourceType"),
        "ResourceId": resource,
        "ExecutionSummary": self._get_param("ExecutionSummary"),
        **_summary(self._get_param("Items")),
    }
    return EmptyResult()


def _summary(items: list[dict[str, Any]]) -> dict[str, Any]:
    bad = [one["Severity"] for one in items if one["Status"] == "NON_COMPLIANT"]
    return {
        "Status": "NON_COMPLIANT" if bad else "COMPLIANT",
        "OverallSeverity": next((one for one in SEVERITIES if one in bad), "UNSPECIFIED"),
        "CompliantSummary": {"CompliantCount": len(items) - len(bad)},
        "NonCompliantSummary": {"NonCompliantCount": len(bad), "SeveritySummary": _counts(bad)},
    }


def _counts(severities: list[str]) -> dict[str, int]:
    counted = Counter(severities)
    return {f"{one.capitalize()}Count": counted[one] for one in SEVERITIES}


def _list(self: SimpleSystemManagerResponse) -> ActionResult:
    found = list(_kept(self).values())
    for one in self._get_param("Filters") or []:
        if one.get("Type", "EQUAL") != "EQUAL" or one["Key"] not in ("ComplianceType", "Status"):
            raise ValidationException("the sandbox knows EQUAL on ComplianceType and Status only")
        found = [item for item in found if item[one["Key"]] in one["Values"]]
    first = int(self._get_param("NextToken") or 0)
    last = first + int(self._get_param("MaxResults") or PAGE)
    more = {"NextToken": str(last)} if last < len(found) else {}
    return ActionResult({"ResourceComplianceSummaryItems": found[first:last], **more})
