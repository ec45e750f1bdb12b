"""Inline policies that allow everything."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.audit.administrators import no_administrators
from migration_ops.runbook.audit.permissions import inline_policies


def judge(role: Facts, _: Facts, __: Thresholds) -> Judgement:
    return no_administrators(role, inline_policies(role), "inline")
