"""A function URL asks for an AWS signature."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, critical, ok
from migration_ops.core.thresholds import Thresholds


def judge(function: Facts, _: Facts, __: Thresholds) -> Judgement:
    urls = function["urls"]
    bare = [one["alias"] or "$LATEST" for one in urls if one["authType"] != "AWS_IAM"]
    if bare:
        return critical(f"URL without sign-in: {', '.join(bare)}", value=len(bare), limit=0)
    return ok(f"{len(urls)} URLs, each with sign-in" if urls else "no URL", value=0, limit=0)
