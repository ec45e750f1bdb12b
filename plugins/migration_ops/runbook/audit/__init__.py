"""The monthly security audit: what is too open, too old or unencrypted. One check a file, its metadata beside it."""

from __future__ import annotations

from migration_ops.runbook.judging import Chapter

CHAPTER = Chapter(
    name="audit",
    readers=(),
    check_ids=(),
)
