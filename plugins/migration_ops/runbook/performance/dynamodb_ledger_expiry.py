"""Only what the archive marked is ever deleted: by ``expiresAt``, and by nothing else."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, critical, ok, warning
from migration_ops.core.thresholds import Thresholds

ATTRIBUTE = "expiresAt"
ON = ("ENABLED", "ENABLING")


def judge(table: Facts, _: Facts, __: Thresholds) -> Judgement:
    if table["status"] not in ON:
        return warning("nothing expires: archived migrations stay for ever", value=table["status"], limit=ON[0])
    if table["attribute"] != ATTRIBUTE:
        return critical("items expire by another attribute", value=table["attribute"], limit=ATTRIBUTE)
    return ok("only what the archive marked expires", value=ATTRIBUTE, limit=ATTRIBUTE)
