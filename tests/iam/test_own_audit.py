"""The audit that this package makes of an account finds nothing in the roles that it ships."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from migration_ops.core.finding import FindingStatus
from migration_ops.runbook.checks import iam
from migration_ops.runbook.checks.chapters import AUDIT
from tests.runbook.judged import one

IAM = Path(iam.__file__).resolve().parents[4] / "include" / "iam"
OWN = "111122223333"
# As docs/installing.md attaches them: policies that are used together are one role.
ROLES = {
    "wave": ("wave", "wave_finalize"),
    "rollback": ("rollback",),
    "runbook": ("runbook", "runbook_alarms"),
    "backup": ("runbook", "runbook_backup"),
    "restore": ("runbook", "migration_restore"),
    "drill": ("runbook", "runbook_dr_drill"),
    "setup": ("setup",),
}
CHECKS = (
    "iam_inline_policy_no_administrative_privileges",
    "iam_customer_attached_policy_no_administrative_privileges",
    "iam_role_administratoraccess_policy",
    "iam_role_no_privilege_escalation",
    "iam_policy_no_permissive_role_assumption",
    "iam_policy_no_full_access_to_kms",
    "iam_policy_no_wildcard_resource_on_changes",
)


def role(*policies: str) -> dict[str, Any]:
    return {
        "arn": f"arn:aws:iam::{OWN}:role/worker",
        "accountId": OWN,
        "createdAt": "2025-01-01T00:00:00Z",
        "inline": [],
        "attached": [
            {
                "name": name,
                "arn": f"arn:aws:iam::{OWN}:policy/{name}",
                "byAws": False,
                "document": json.loads((IAM / f"{name}.json").read_text(encoding="utf-8")),
            }
            for name in policies
        ],
        "boundary": None,
    }


def test_each_policy_is_in_a_role() -> None:
    assert {one for some in ROLES.values() for one in some} == {path.stem for path in IAM.glob("*.json")}


@pytest.mark.parametrize("check_id", CHECKS)
@pytest.mark.parametrize("name", ROLES)
def test_our_own_audit_finds_nothing(name: str, check_id: str) -> None:
    found = one(AUDIT, check_id, role(*ROLES[name]))
    assert found.verdict is FindingStatus.OK, found.reason


def test_the_audit_would_find_commands_on_every_server() -> None:
    wide = role("wave")
    servers = [s for s in wide["attached"][0]["document"]["Statement"] if "ssm:SendCommand" in s["Action"]]
    for statement in servers:
        statement.pop("Condition", None)
    assert one(AUDIT, "iam_role_no_privilege_escalation", wide).verdict is FindingStatus.CRITICAL
