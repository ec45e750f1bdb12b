"""One check over facts that a test writes down."""

from __future__ import annotations

from typing import Any

from migration_ops.core.errors import Refused
from migration_ops.core.facts import Facts, failed
from migration_ops.core.finding import Finding
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.check import Check

NOT_READ = failed("a:call", Refused("access denied"))


def run(chapter: str, check_id: str, document: dict[str, Any], limits: Thresholds | None = None) -> list[Finding]:
    return Check(chapter, check_id).run(Facts(document), limits or Thresholds())


def one(chapter: str, check_id: str, thing: dict[str, Any], beside: dict[str, Any] | None = None) -> Finding:
    """The only finding of one thing in the list that the check is about."""
    reader, name = Check(chapter, check_id).metadata.about.split(".")
    document = {reader: {**(beside or {}), name: [{"name": "thing", **thing}]}}
    found = run(chapter, check_id, document)
    assert len(found) == 1, found
    return found[0]


def series(*values: float) -> dict[str, Any]:
    return {"values": list(values), "times": ["2026-05-01T00:00:00Z"] * len(values)}
