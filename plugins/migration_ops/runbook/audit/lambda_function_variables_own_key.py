"""The variables of a function are encrypted with a customer-managed key."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, warning
from migration_ops.core.thresholds import Thresholds


def judge(function: Facts, _: Facts, __: Thresholds) -> Judgement:
    if not function["variables"]:
        return ok("there are no variables")
    key = function.maybe("keyArn")
    if key is None:
        return warning("the variables are under AWS's own key", value="AWS's own key", limit="a key of our own")
    return ok("", evidence=(key,))
