"""Lines of a function's log that tell of errors, as evidence beside its metrics."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import FindingVerdict, Judgement, above, ok, unknown
from migration_ops.core.thresholds import Thresholds


def judge(function: Facts, estate: Facts, limits: Thresholds) -> Judgement:
    name, limit = function["logGroup"], limits.functions.max_log_errors
    group = next((one for one in estate.at("logs.groups") if one["name"] == name), None)
    if group is None:
        return _absent(function, estate, limit)
    errors = group["errors"]
    what = f"{'at least ' if errors['isCut'] else ''}lines with errors in {name}"
    lines = tuple(one.plain() for one in errors["lines"])
    return above(errors["count"], limit, what, FindingVerdict.WARNING, evidence=lines)


def _absent(function: Facts, estate: Facts, limit: int) -> Judgement:
    """Lambda makes the group with the first line: a function that was never invoked has none."""
    name = function["logGroup"]
    if not name.startswith(tuple(estate.at("logs.prefixes"))):
        return unknown(f"its log group {name} begins with none of logGroupPrefixes in resources.yaml")
    invocations = sum(function["invocations"]["values"])
    if invocations:
        return unknown(f"{invocations:g} invocations, and its log group {name} does not exist")
    return ok(f"not invoked, and has no log group {name}", limit=limit)
