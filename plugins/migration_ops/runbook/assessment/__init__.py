"""The quarterly security assessment: what it checks beside the audit. One check a file, its metadata beside it."""

from __future__ import annotations

from migration_ops.runbook.checks.check import Chapter

CHAPTER = Chapter(
    name="assessment",
    readers=("advisories",),
    check_ids=("packages_known_vulnerabilities",),
)
