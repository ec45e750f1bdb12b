"""The engine against policies that are hard to read: what is open is never called closed, and the other way round."""

from __future__ import annotations

from typing import Any

import pytest

from migration_ops.aws.policies.escalation import ways_open_to
from migration_ops.aws.policies.exposure import exposure_of
from migration_ops.aws.policies.role_policies import attached_policies, inline_policies
from migration_ops.aws.policies.shedding import permissions_of
from migration_ops.aws.policies.statement_reach import administrators
from migration_ops.aws.policies.trust import open_doors
from migration_ops.core.facts import Snapshot
from tests.runbook.audit import odd_policies as odd
from tests.runbook.audit.hard_policies import (
    BOUNDARY,
    ESCALATIONS,
    OWN,
    POLICY,
    RESOURCES,
    ROLE,
    TRUSTS,
    Case,
)


def of(statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}


def facts_of(role: dict[str, Any]) -> Snapshot:
    """As the reader leaves a role: each inline statement as a policy of its own."""
    limit = role["boundary"]
    return Snapshot(
        {
            "name": "deploy",
            "arn": ROLE,
            "accountId": OWN,
            "tags": role["tags"],
            "inline": [{"name": f"own-{at}", "document": of([one])} for at, one in enumerate(role["inline"])],
            "attached": [{"name": "deploy", "arn": POLICY, "byAws": False, "document": of(role["attached"])}]
            if role["attached"]
            else [],
            "boundary": {"name": "limit", "arn": BOUNDARY, "byAws": False, "document": of(limit)} if limit else None,
        }
    )


def escalates(role: dict[str, Any]) -> bool:
    facts = facts_of(role)
    permissions = permissions_of(facts)
    policies = inline_policies(facts) + attached_policies(facts, by_aws=False)
    unbound = bool(administrators(policies)) and permissions.boundary is None
    return unbound or bool(ways_open_to(permissions))


def is_taken_on(trust: list[dict[str, Any]]) -> bool:
    return bool(open_doors(Snapshot(of(trust)), OWN))


def is_public(policy: list[dict[str, Any]]) -> bool:
    return bool(exposure_of([("", of(policy))]).public)


ENGINE = (
    ("escalation", ESCALATIONS + odd.ESCALATIONS, escalates),
    ("trust", TRUSTS + odd.TRUSTS, is_taken_on),
    ("resource", RESOURCES + odd.RESOURCES, is_public),
)
ALL = [
    pytest.param(judge, policy, truth, id=f"{kind}: {name}")
    for kind, cases, judge in ENGINE
    for name, truth, policy in cases
]


@pytest.mark.parametrize(("judge", "policy", "truth"), ALL)
def test_the_engine_says_what_is_true(judge: Any, policy: Any, truth: bool) -> None:
    assert judge(policy) is truth


def table() -> list[str]:
    """One line a policy: what is true, and what the engine says."""
    words = {True: "open", False: "closed"}

    def line(kind: str, case: Case, said: bool) -> str:
        name, truth, _ = case
        return f"{kind:10} {words[truth]:6} {words[said]:6} {'' if said is truth else '!!'} {name}"

    return [line(kind, one, judge(one[2])) for kind, cases, judge in ENGINE for one in cases]


def test_nothing_open_is_called_closed() -> None:
    """Printed with ``pytest -s``; the table has both sides of each kind."""
    lines = table()
    print("", "kind       truth  engine", *lines, sep="\n")
    assert len(lines) >= 60
    assert [one for one in lines if " open   closed " in one] == []
    assert {truth for _, cases, _ in ENGINE for _, truth, _ in cases} == {True, False}
