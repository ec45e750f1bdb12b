"""AWS's policies that allow everything: AdministratorAccess."""

from __future__ import annotations

from migration_ops.aws.policies.permissions import attached_policies
from migration_ops.runbook.audit.verdicts import no_administrators
from migration_ops.runbook.facts import Facts
from migration_ops.runbook.judging import Judgement
from migration_ops.runbook.thresholds import Thresholds


def judge(role: Facts, _: Facts, __: Thresholds) -> Judgement:
    return no_administrators(role, attached_policies(role, by_aws=True), "AWS managed")
