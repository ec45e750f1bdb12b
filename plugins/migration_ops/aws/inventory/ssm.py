"""Patch compliance of managed servers, from the last scan of Systems Manager's Patch Manager."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from migration_ops.aws.reader import AwsReader
from migration_ops.core.facts import is_failed
from migration_ops.core.listing import Listing


def read(reader: AwsReader) -> dict[str, Any]:
    """``servers``: by instance id ``{status, severity, missing, ageDays}``; without servers that were never scanned."""
    only_patches = [{"Key": "ComplianceType", "Values": ["Patch"], "Type": "EQUAL"}]
    listed = reader.pages(
        "ssm", "list_resource_compliance_summaries", "ResourceComplianceSummaryItems", Filters=only_patches
    )
    if is_failed(listed):
        return {"servers": listed}
    return {
        "servers": reader.guarded(
            "ssm:list_resource_compliance_summaries", lambda: {one["ResourceId"]: _state(reader, one) for one in listed}
        )
    }


def _state(reader: AwsReader, one: dict[str, Any]) -> dict[str, Any]:
    scanned = datetime.fromisoformat(one["ExecutionSummary"]["ExecutionTime"])
    return {
        "status": one["Status"],
        "severity": one.get("OverallSeverity"),
        "missing": one.get("NonCompliantSummary", {}).get("NonCompliantCount"),
        "ageDays": round((reader.now - scanned).total_seconds() / 86_400, 1),
    }


# The lists that checks are about.
ALL = Listing("patch_compliance", "", read)
