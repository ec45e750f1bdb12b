"""A bucket's policy denies everybody requests without TLS."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, warning
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.policies import Statement, statements


def judge(bucket: Facts, _: Facts, __: Thresholds) -> Judgement:
    said = [one for policy in bucket["policies"] for one in statements(policy)]
    if any(_refuses_plain(one, bucket["name"]) for one in said):
        return ok()
    return warning("no statement denies everybody requests without TLS")


def _refuses_plain(statement: Statement, bucket: str) -> bool:
    """For everybody, all actions, the bucket and its objects, and under no other condition."""
    asked = [(one.operator.lower(), one.key, one.values) for one in statement.conditions]
    covered = {one.split(":::", 1)[-1] for one in statement.resources}
    return (
        not statement.allows
        and any(one.value == "*" for one in statement.principals)
        and bool({"s3:*", "*"}.intersection(statement.actions))
        and ("*" in covered or {bucket, f"{bucket}/*"} <= covered)
        and asked == [("bool", "aws:securetransport", ("false",))]
    )
