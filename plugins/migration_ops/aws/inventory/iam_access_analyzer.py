"""IAM Access Analyzer: its analyzers for external access, and their active findings."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.inventory.iam_access_checks import AccessChecks
from migration_ops.aws.reader import AwsReader
from migration_ops.core.facts import is_failed
from migration_ops.core.listing import Listing

# Types of analyzers for external access; the others are for unused and internal access.
EXTERNAL = frozenset({"ACCOUNT", "ORGANIZATION"})


def read(reader: AwsReader) -> dict[str, Any]:
    """
    ``regions``, one entry for the Region of this run: ``name, analyzers [{name, status, findings [{id, resource,
    type}]}]``, and ``policyChecks``: whether its policy checks can be used (``noPublicAccess``, ``accessNotGranted``).
    """
    region = reader.client("accessanalyzer").meta.region_name
    analyzers = reader.pages("accessanalyzer", "list_analyzers", "analyzers")
    if not is_failed(analyzers):
        external = [one for one in analyzers if one["type"] in EXTERNAL]
        analyzers = reader.map(external, lambda one: _analyzer(reader, one))
    return {"regions": [{"name": region, "analyzers": analyzers, "policyChecks": AccessChecks(reader).probe()}]}


def _analyzer(reader: AwsReader, analyzer: dict[str, Any]) -> dict[str, Any]:
    findings = reader.pages(
        "accessanalyzer",
        "list_findings_v2",
        "findings",
        analyzerArn=analyzer["arn"],
        filter={"status": {"eq": ["ACTIVE"]}},
    )
    if not is_failed(findings):
        findings = [{"id": one["id"], "resource": one.get("resource"), "type": one["resourceType"]} for one in findings]
    return {"name": analyzer["name"], "status": analyzer["status"], "findings": findings}


# The lists that checks are about.
REGIONS = Listing("accessanalyzer", "regions", read)
