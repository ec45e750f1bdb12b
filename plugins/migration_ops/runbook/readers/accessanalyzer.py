"""IAM Access Analyzer: who of outside was found to have access, and whether anybody looks at all."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.reader import Reader
from migration_ops.core.facts import is_failed

# Analyzers of external access; the others look for unused and internal access.
EXTERNAL = frozenset({"ACCOUNT", "ORGANIZATION"})


def read(reader: Reader) -> dict[str, Any]:
    """``regions``, the one of this run: ``name, analyzers [{name, status, findings [{id, resource, type}]}]``."""
    region = reader.of("accessanalyzer").meta.region_name
    analyzers = reader.pages("accessanalyzer", "list_analyzers", "analyzers")
    if not is_failed(analyzers):
        external = [one for one in analyzers if one["type"] in EXTERNAL]
        analyzers = reader.each(external, lambda one: _analyzer(reader, one))
    return {"regions": [{"name": region, "analyzers": analyzers}]}


def _analyzer(reader: Reader, analyzer: dict[str, Any]) -> dict[str, Any]:
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
