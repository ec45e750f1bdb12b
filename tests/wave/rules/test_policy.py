"""A conf can tighten what the installation demands, and never loosen it."""

from __future__ import annotations

from typing import Any

import pytest

from migration_ops.core.policy import Policy
from migration_ops.wave.conf.rollback import RollbackConf, parse_rollback_conf
from migration_ops.wave.rules.policy import assigned_users, may_not_answer, problems, rollback_problems
from tests.wave.builders import application, conf, server_id

QUIESCE = {
    "commands": ["stop"],
    "undoCommands": ["start"],
    "documentName": "AWS-RunDocument",
    "instanceIds": {server_id(1): "mi-0123456789abcdef0"},
}
STRICT = Policy(
    require_approvals=frozenset({"cutover", "finalize", "rollback"}),
    approvers=("alice", "head-*"),
    is_four_eyes=True,
    needs_window=True,
    needs_ticket=True,
    needs_account=True,
    account_ids=("111122223333",),
    regions=("eu-*",),
    ssm_documents=("AWS-RunShellScript",),
)
GOOD: dict[str, Any] = {
    "dryRun": False,
    "accountId": "111122223333",
    "region": "eu-central-1",
    "changeTicket": "CHG-1",
    "cutoverWindow": {"changeCalendars": ["freeze"]},
    "approvals": {"approvers": ["head-1", "zoe"]},
}


def paths(policy: Policy, requested_by: str | None = "mallory", region: str | None = None, **more: Any) -> list[str]:
    return [one.path for one in problems(policy, conf(**more), requested_by, region)]


def test_a_conf_that_is_strict_enough_is_allowed() -> None:
    assert paths(STRICT, **GOOD) == []


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"approvals": {"cutover": False}}, "approvals.cutover"),
        ({"approvals": {"finalize": False}}, "approvals.finalize"),
        ({"onFailure": "rollback"}, "onFailure"),
        ({"approvals": {"approvers": ["mallory", "zoe"]}}, "approvals.approvers"),
        ({"awsConnId": "admin_aws"}, "awsConnId"),
        ({"accountId": "999999999999"}, "accountId"),
        ({"region": "us-east-1"}, "region"),
        ({"changeTicket": None}, "changeTicket"),
        ({"cutoverWindow": {}}, "cutoverWindow"),
        ({"quiesce": QUIESCE}, "quiesce.documentName"),
    ],
)
def test_what_loosens_a_demand_is_named_with_the_setting(change: dict[str, Any], path: str) -> None:
    [found] = problems(STRICT, conf(**GOOD | change), "mallory")
    assert found.path == path
    assert "MIGRATION_OPS_" in found.message


def test_without_a_policy_everything_is_the_confs() -> None:
    assert paths(Policy(), None, dryRun=False, approvals={"cutover": False, "finalize": False}) == []


def test_a_dry_run_needs_no_ticket_no_window_and_no_account_and_is_refused_for_the_rest() -> None:
    policy = Policy(needs_ticket=True, needs_window=True, needs_account=True, is_four_eyes=True)
    assert paths(policy, None, dryRun=True) == []
    assert paths(policy, None, dryRun=False) == ["", "cutoverWindow", "changeTicket", "accountId"]
    assert paths(STRICT, dryRun=True, approvals={"cutover": False}) == ["approvals.cutover"]


def test_the_account_is_said_by_the_conf_or_by_the_installation() -> None:
    policy = Policy(needs_account=True)
    assert paths(policy, dryRun=False) == ["accountId"]
    assert paths(policy, dryRun=False, accountId="111122223333") == []
    assert paths(Policy(needs_account=True, account_ids=("111122223333",)), dryRun=False) == []


def test_the_connections_region_counts_where_the_conf_names_none() -> None:
    policy = Policy(regions=("eu-*",))
    assert paths(policy, region="us-east-1") == ["region"]
    assert paths(policy, region="eu-west-1") == []
    assert paths(policy, region="us-east-1", dryRun=True) == ["region"]


@pytest.mark.parametrize(
    ("named", "by_policy", "may"),
    [
        ([], (), []),
        (["alice", "mallory"], (), ["alice"]),
        (["alice", "mallory", "zoe"], ("alice", "mallory"), ["alice"]),
        ([], ("alice", "mallory"), ["alice"]),
        ([], ("head-*",), []),
        (["head-1", "zoe"], ("head-*",), ["head-1"]),
    ],
)
def test_who_is_asked(named: list[str], by_policy: tuple[str, ...], may: list[str]) -> None:
    assert assigned_users(Policy(approvers=by_policy, is_four_eyes=True), named, "mallory") == may


@pytest.mark.parametrize(
    ("named", "by_policy"), [(["mallory"], ()), (["mallory", "zoe"], ("mallory",)), ([], ("mallory",))]
)
def test_a_wave_that_only_its_requester_could_approve_is_refused(named: list[str], by_policy: tuple[str, ...]) -> None:
    policy = Policy(approvers=by_policy, is_four_eyes=True)
    assert paths(policy, dryRun=False, approvals={"approvers": named}) == ["approvals.approvers"]
    assert paths(policy, "alice", dryRun=False, approvals={"approvers": named}) == []


def test_an_answer_is_judged_whatever_airflow_let_through() -> None:
    assert may_not_answer(Policy(), [], "mallory", "mallory", "mallory") is None
    assert may_not_answer(STRICT, [], "mallory", "7", "head-2") is None
    assert "MIGRATION_OPS_APPROVERS" in str(may_not_answer(STRICT, [], "mallory", "7", "zoe"))
    assert "the conf" in str(may_not_answer(STRICT, ["head-1"], "mallory", "7", "head-2"))
    assert "MIGRATION_OPS_FOUR_EYES" in str(may_not_answer(STRICT, [], "head-2", "7", "head-2"))
    assert "nobody knows" in str(may_not_answer(STRICT, [], None, "7", "head-2"))


def rollback(**more: Any) -> RollbackConf:
    return parse_rollback_conf({"wave": "w", "reason": "r", "dryRun": False, **more})


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"awsConnId": "prod_db"}, "awsConnId"),
        ({"accountId": "999999999999"}, "accountId"),
        ({"region": "us-east-1"}, "region"),
        ({"approvers": ["mallory"]}, "approvers"),
    ],
)
def test_a_rollback_is_held_to_the_same(change: dict[str, Any], path: str) -> None:
    good = {"accountId": "111122223333", "region": "eu-central-1", "approvers": ["alice"]}
    assert rollback_problems(STRICT, rollback(**good), "mallory") == []
    assert [one.path for one in rollback_problems(STRICT, rollback(**good | change), "mallory")] == [path]


def test_a_wave_that_asks_nobody_needs_no_approver() -> None:
    policy = Policy(approvers=("alice",), is_four_eyes=True)
    nobody = {"cutover": False, "finalize": False, "approvers": ["zoe"]}
    assert paths(policy, None, dryRun=False, approvals=nobody) == []
    assert paths(policy, None, dryRun=False, approvals=nobody | {"finalize": True}) == ["", "approvals.approvers"]


def test_approvers_who_may_not_approve_here_are_named_in_a_dry_run_too() -> None:
    policy = Policy(approvers=("alice",))
    assert paths(policy, dryRun=True, approvals={"approvers": ["zoe"]}) == ["approvals.approvers"]
    assert paths(policy, dryRun=True, approvals={"approvers": ["zoe", "alice"]}) == []


@pytest.mark.parametrize(
    ("named", "is_allowed"),
    [
        ("AWS-RunShellScript", True),
        ("Own-Stop", False),
        ({server_id(1): "AWS-RunShellScript"}, True),
        ({server_id(1): "Own-Stop"}, False),
        ({server_id(1): "AWS-RunShellScript", server_id(2): "Own-Stop"}, False),
    ],
    ids=str,
)
def test_every_document_must_be_allowed(named: Any, is_allowed: bool) -> None:
    servers = {server_id(one): f"mi-0123456789abcdef{one}" for one in (1, 2)}
    quiesce = QUIESCE | {"documentName": named, "instanceIds": servers}
    wave = conf(application("billing", servers=(1, 2)), quiesce=quiesce)
    found = [one.path for one in problems(Policy(ssm_documents=("AWS-RunShellScript",)), wave, "mallory")]
    assert found == ([] if is_allowed else ["quiesce.documentName"])


def test_a_rollback_says_its_account_unless_it_is_a_dry_run() -> None:
    policy = Policy(needs_account=True)
    assert [one.path for one in rollback_problems(policy, rollback(), "mallory")] == ["accountId"]
    assert rollback_problems(policy, rollback(dryRun=True), "mallory") == []
