"""The account's own SSM documents hold no secrets."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.audit.exposure import judge_secrets


def judge(document: Facts, _: Facts, __: Thresholds) -> Judgement:
    return judge_secrets(document["secrets"], "none in the document")
