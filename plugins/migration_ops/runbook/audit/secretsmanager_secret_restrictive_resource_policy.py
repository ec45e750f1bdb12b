"""Secrets without a policy that keeps out everybody who is not named."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, warning
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.audit.permissions import concerns
from migration_ops.runbook.policies import Statement, foreign_accounts, statements

READ = "secretsmanager:GetSecretValue"
# A Deny by one of these leaves out whom its values name.
NEGATED = ("stringnotequals", "stringnotlike", "arnnotequals", "arnnotlike")
WHO = frozenset({"aws:principalarn", "aws:principalaccount", "aws:principalorgid", "aws:userid"})


def judge(secret: Facts, _: Facts, __: Thresholds) -> Judgement:
    policy = secret["policy"].maybe("document")
    if not policy:
        return warning("has no resource policy", value=False, limit=True)
    if not any(_keeps_out(one) for one in statements(policy)):
        return warning("its policy denies nobody: whoever IAM lets in reads it", value=False, limit=True)
    strangers = sorted(foreign_accounts(policy, {secret["accountId"]}))
    if strangers:
        return warning(f"its policy lets in other accounts: {', '.join(strangers)}", value=False, limit=True)
    return ok("its policy keeps out who is not named", value=True)


def _keeps_out(statement: Statement) -> bool:
    return (
        not statement.allows
        and statement.names_everybody
        and concerns(statement, READ)
        and any(
            one.operator.lower().startswith(NEGATED) and one.key in WHO and "*" not in one.values
            for one in statement.conditions
        )
    )
