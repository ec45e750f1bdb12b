"""The account's own SSM documents hold no secrets."""

from __future__ import annotations

from migration_ops.runbook.audit.verdicts import judge_secrets
from migration_ops.runbook.facts import Facts
from migration_ops.runbook.judging import Judgement
from migration_ops.runbook.thresholds import Thresholds


def judge(document: Facts, _: Facts, __: Thresholds) -> Judgement:
    return judge_secrets(document["secrets"], "none in the document")
