"""Checks of roles, analyzers, keys and secrets over documents as their readers answer them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from migration_ops.core.errors import UnknownError
from migration_ops.core.facts import Snapshot, failed
from migration_ops.core.finding import FindingStatus, Route
from migration_ops.core.thresholds import Audit, Thresholds
from migration_ops.runbook.checks.check import Check

OK, WARNING, CRITICAL, UNKNOWN = (
    FindingStatus.OK,
    FindingStatus.WARNING,
    FindingStatus.CRITICAL,
    FindingStatus.UNKNOWN,
)
NOW, OWN = "2026-11-25T12:00:00Z", "111122223333"
REFUSED = failed("some:call", UnknownError("refused"))
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
LITTLE = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def role(**members: Any) -> dict[str, Any]:
    """A role with nothing wrong."""
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": OWN}},
    }
    return {
        "name": "worker",
        "arn": f"arn:aws:iam::{OWN}:role/worker",
        "accountId": OWN,
        "createdAt": "2025-01-01T00:00:00Z",
        "trust": document(trust),
        "inline": [{"name": "own", "document": document(LITTLE)}],
        "attached": [],
        "boundary": None,
        "lastAccessed": {"services": [{"namespace": "s3", "lastUsedAt": "2026-11-24T00:00:00Z"}]},
        **members,
    }


def inline(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"inline": [{"name": "own", "document": document(*statements)}]}


def attached(*statements: dict[str, Any], by_aws: bool = False) -> dict[str, Any]:
    return {"attached": [{"name": "shared", "byAws": by_aws, "document": document(*statements)}]}


def key(**members: Any) -> dict[str, Any]:
    own = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{OWN}:root"}, "Action": "kms:*", "Resource": "*"}
    rotation = {"applies": True, "enabled": True}
    return {
        "name": "alias/data",
        "state": "Enabled",
        "rotation": rotation,
        "policy": json.dumps(document(own)),
        **members,
    }


def secret(**members: Any) -> dict[str, Any]:
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "secretsmanager:*",
        "Resource": "*",
        "Condition": {"StringNotEquals": {"aws:PrincipalAccount": OWN}},
    }
    return {
        "name": "cmf",
        "accountId": OWN,
        "createdAt": "2025-01-01T00:00:00Z",
        "rotates": True,
        "everyDays": 30,
        "rotatedAt": "2026-11-10T00:00:00Z",
        "changedAt": "2026-11-10T00:00:00Z",
        "accessedAt": "2026-11-25T00:00:00Z",
        "primaryRegion": None,
        "policy": {"document": json.dumps(document(deny))},
        **members,
    }


def guarded_by(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"policy": {"document": json.dumps(document(*statements))}}


def reads_secret(principal: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": "secretsmanager:GetSecretValue", "Resource": "*"}


def run(check_id: str, thing: dict[str, Any]) -> list[tuple[FindingStatus, str]]:
    check = Check("audit", check_id)
    reader, things = check.metadata.about.split(".")
    estate = Snapshot({reader: {"readAt": NOW, things: [thing]}})
    return [(one.verdict, one.reason) for one in check.run(estate, Thresholds(audit=Audit()))]


def verdict(check_id: str, thing: dict[str, Any]) -> FindingStatus:
    found = run(check_id, thing)
    assert len(found) == 1, found
    return found[0][0]


INLINE_ADMIN = "iam_inline_policy_no_administrative_privileges"
ATTACHED_ADMIN = "iam_customer_attached_policy_no_administrative_privileges"
AWS_ADMIN = "iam_role_administratoraccess_policy"
ESCALATION = "iam_role_no_privilege_escalation"
ASSUME = "iam_policy_no_permissive_role_assumption"
KMS = "iam_policy_no_full_access_to_kms"
CHANGES = "iam_policy_no_wildcard_resource_on_changes"
UNUSED = "iam_role_no_unused_permissions"
TRUST = "iam_role_trust_not_permissive"
DEPUTY = "iam_role_cross_service_confused_deputy_prevention"
OF_ROLES = (INLINE_ADMIN, ATTACHED_ADMIN, AWS_ADMIN, ESCALATION, ASSUME, KMS, CHANGES, UNUSED, TRUST, DEPUTY)
OF_POLICIES = (INLINE_ADMIN, ESCALATION, ASSUME, KMS, CHANGES)


def allow(action: str, resource: str = "*", **condition: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource} | ({"Condition": condition} if condition else {})


WORKER = f"arn:aws:iam::{OWN}:role/worker"
DENY_STS = allow("sts:*") | {"Effect": "Deny"}


def bounded(*statements: dict[str, Any]) -> dict[str, Any]:
    limit = f"arn:aws:iam::{OWN}:policy/limit"
    return {"boundary": {"name": "limit", "arn": limit, "byAws": False, "document": document(*statements)}}


@pytest.mark.parametrize("check_id", OF_ROLES)
def test_a_plain_role_is_well(check_id: str) -> None:
    assert verdict(check_id, role()) is OK


@pytest.mark.parametrize(
    ("check_id", "members", "expected"),
    [
        (INLINE_ADMIN, inline(LITTLE, EVERYTHING), CRITICAL),
        (INLINE_ADMIN, attached(EVERYTHING), OK),
        (ATTACHED_ADMIN, attached(EVERYTHING), CRITICAL),
        (ATTACHED_ADMIN, attached(EVERYTHING, by_aws=True), OK),
        (AWS_ADMIN, attached(EVERYTHING, by_aws=True), CRITICAL),
        (INLINE_ADMIN, inline(EVERYTHING) | {"boundary": {"name": "limit", "document": document(LITTLE)}}, WARNING),
        (INLINE_ADMIN, inline(EVERYTHING) | {"boundary": {"name": "all", "document": document(EVERYTHING)}}, CRITICAL),
        (ESCALATION, inline(allow("iam:AttachRolePolicy")), CRITICAL),
        (ESCALATION, attached(allow("ssm:SendCommand"), by_aws=True), CRITICAL),
        (
            ESCALATION,
            inline(allow("iam:AttachRolePolicy")) | {"boundary": {"name": "limit", "document": document(LITTLE)}},
            OK,
        ),
        (ASSUME, inline(allow("sts:AssumeRole")), CRITICAL),
        (ASSUME, inline(allow("sts:AssumeRole", f"arn:aws:iam::{OWN}:role/other")), OK),
        (ASSUME, inline(allow("sts:*", StringEquals={"aws:ResourceOrgID": "o-a1b2c3d4e5"})), OK),
        (ASSUME, inline(EVERYTHING), OK),
        # Conditions that bind neither who nor what, and resources of another spelling.
        (ASSUME, inline(allow("sts:AssumeRole", Bool={"aws:SecureTransport": "true"})), CRITICAL),
        (ASSUME, inline(allow("sts:AssumeRole", StringEquals={"aws:RequestedRegion": "eu-west-1"})), CRITICAL),
        (ASSUME, inline(allow("sts:AssumeRole", "arn:aws:iam::*:role/?*")), CRITICAL),
        (ASSUME, inline(allow("sts:AssumeRole", StringEquals={"iam:ResourceTag/wave": "3"})), OK),
        (ASSUME, inline(allow("sts:AssumeRole"), DENY_STS), OK),
        (CHANGES, inline(allow("s3:DeleteBucket", Bool={"aws:SecureTransport": "true"})), WARNING),
        (CHANGES, inline(allow("s3:DeleteBucket", StringEquals={"aws:ResourceTag/wave": "3"})), OK),
        (CHANGES, inline(allow("kms:CreateGrant", Bool={"kms:GrantIsForAWSResource": "true"})), OK),
        (CHANGES, inline(allow("ec2:CreateTags", StringEquals={"ec2:CreateAction": "RunInstances"})), OK),
        (INLINE_ADMIN, inline(EVERYTHING) | bounded(allow("iam:*")), CRITICAL),
        (INLINE_ADMIN, inline(EVERYTHING) | bounded(allow("s3:*")), WARNING),
        (ESCALATION, inline(EVERYTHING) | bounded(allow("iam:*")), CRITICAL),
        (ESCALATION, inline(EVERYTHING) | bounded(allow("s3:*")), OK),
        (ESCALATION, inline(allow("iam:PutRolePolicy", WORKER)), CRITICAL),
        (KMS, inline(allow("kms:*", f"arn:aws:kms:us-east-1:{OWN}:key/*")), WARNING),
        (KMS, attached(allow("KMS:*")), WARNING),
        (KMS, inline(allow("kms:Decrypt")), OK),
        (KMS, inline(allow("kms:*", f"arn:aws:kms:us-east-1:{OWN}:key/1234")), OK),
        (CHANGES, inline(allow("sqs:DeleteQueue")), WARNING),
        (CHANGES, inline(allow("sqs:Get*")), OK),
        (CHANGES, attached(allow("sqs:DeleteQueue"), by_aws=True), OK),
    ],
)
def test_policies_of_a_role(check_id: str, members: dict[str, Any], expected: FindingStatus) -> None:
    assert verdict(check_id, role(**members)) is expected


def test_an_administrator_is_reported_once() -> None:
    assert run(ESCALATION, role(**inline(EVERYTHING))) == [(OK, "applies to none of the 1 iam.roles")]


@pytest.mark.parametrize("check_id", OF_POLICIES)
@pytest.mark.parametrize(
    "broken", [REFUSED, None, "no policy", {"Statement": []}], ids=["refused", "absent", "text", "empty"]
)
def test_a_policy_that_was_not_read_is_unknown(check_id: str, broken: Any) -> None:
    assert verdict(check_id, role(inline=[{"name": "own", "document": broken}])) is UNKNOWN


@pytest.mark.parametrize("check_id", [INLINE_ADMIN, ESCALATION])
def test_a_boundary_that_was_not_read_holds_nothing_back(check_id: str) -> None:
    powers = EVERYTHING if check_id == INLINE_ADMIN else allow("iam:AttachRolePolicy")
    assert verdict(check_id, role(**inline(powers), boundary={"name": "limit", "document": REFUSED})) is UNKNOWN


@pytest.mark.parametrize("check_id", [TRUST, DEPUTY])
def test_trust_that_was_not_read_is_unknown(check_id: str) -> None:
    assert verdict(check_id, role(trust=REFUSED)) is UNKNOWN


def test_who_may_take_it_on() -> None:
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}
    service = everybody | {"Principal": {"Service": "states.amazonaws.com"}}
    assert verdict(TRUST, role(trust=document(everybody))) is CRITICAL
    assert verdict(DEPUTY, role(trust=document(everybody))) is OK
    assert verdict(DEPUTY, role(trust=document(service))) is CRITICAL
    assert verdict(TRUST, role(trust=document(service))) is OK


@pytest.mark.parametrize(
    ("used_at", "created_at", "expected"),
    [
        ("2026-11-01T00:00:00Z", "2025-01-01T00:00:00Z", OK),
        ("2026-01-01T00:00:00Z", "2025-01-01T00:00:00Z", WARNING),
        (None, "2025-01-01T00:00:00Z", WARNING),
        (None, "2026-11-01T00:00:00Z", OK),
    ],
    ids=["used", "long ago", "never", "a young role"],
)
def test_unused_services(used_at: str | None, created_at: str, expected: FindingStatus) -> None:
    services = [{"namespace": "s3", "lastUsedAt": used_at}]
    assert verdict(UNUSED, role(createdAt=created_at, lastAccessed={"services": services})) is expected


def test_last_use_that_was_not_told_is_unknown() -> None:
    assert verdict(UNUSED, role(lastAccessed=REFUSED)) is UNKNOWN


ANALYZER = "accessanalyzer_enabled_without_findings"


@pytest.mark.parametrize(
    ("analyzers", "expected"),
    [
        ([], WARNING),
        ([{"name": "a", "status": "DISABLED", "findings": []}], WARNING),
        ([{"name": "a", "status": "ACTIVE", "findings": []}], OK),
        ([{"name": "a", "status": "ACTIVE", "findings": [{"id": "1", "type": "AWS::S3::Bucket"}]}], WARNING),
        ([{"name": "a", "status": "ACTIVE", "findings": REFUSED}], UNKNOWN),
        (REFUSED, UNKNOWN),
    ],
    ids=["none", "disabled", "quiet", "a finding", "findings refused", "refused"],
)
def test_analyzers(analyzers: Any, expected: FindingStatus) -> None:
    assert verdict(ANALYZER, {"name": "us-east-1", "analyzers": analyzers}) is expected


def test_one_analyzer_that_was_not_read_is_no_quiet_one() -> None:
    quiet = {"name": "a", "status": "ACTIVE", "findings": []}
    region = {"name": "us-east-1", "analyzers": [quiet, quiet | {"name": "b", "findings": REFUSED}]}
    assert verdict(ANALYZER, region) is UNKNOWN


def logs_key(group: str, principal: Any) -> dict[str, Any]:
    """A key policy as AWS documents it for CloudWatch Logs, which sends no source account."""
    context = {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": group}}
    allowed = {"Effect": "Allow", "Principal": principal, "Action": "kms:Decrypt", "Resource": "*"}
    return {"policy": json.dumps(document(allowed | {"Condition": context}))}


LOGS = {"Service": "logs.us-east-1.amazonaws.com"}
GROUP = f"arn:aws:logs:us-east-1:{OWN}:log-group:/migration/*"


@pytest.mark.parametrize(
    ("group", "principal", "expected"),
    [
        (GROUP, LOGS, OK),
        ("arn:aws:logs:us-east-1:*:log-group:/migration/*", LOGS, WARNING),
        # Whoever calls KMS directly writes into the context what he likes.
        (GROUP, "*", CRITICAL),
    ],
)
def test_the_log_service_is_bound_by_the_group_that_it_names(group: str, principal: Any, expected: Any) -> None:
    assert verdict(OPEN_KEY, key(**logs_key(group, principal))) is expected


ROTATION, DELETION, OPEN_KEY = (
    "kms_key_rotation_enabled",
    "kms_key_not_pending_deletion",
    "kms_key_not_publicly_accessible",
)


@pytest.mark.parametrize(
    ("check_id", "members", "expected"),
    [
        (ROTATION, {}, OK),
        (ROTATION, {"rotation": {"applies": True, "enabled": False}}, WARNING),
        (ROTATION, {"rotation": {"applies": True, "enabled": None}}, UNKNOWN),
        (ROTATION, {"rotation": {"applies": False, "why": "KMS rotates no RSA_2048 keys"}}, OK),
        (ROTATION, {"rotation": REFUSED}, UNKNOWN),
        (DELETION, {}, OK),
        (DELETION, {"state": "Disabled"}, OK),
        (DELETION, {"state": "PendingDeletion", "deletionAt": "2026-12-01T00:00:00Z"}, CRITICAL),
        (DELETION, {"state": "PendingReplicaDeletion"}, CRITICAL),
        (DELETION, {"state": REFUSED}, UNKNOWN),
        (OPEN_KEY, {}, OK),
        (OPEN_KEY, {"policy": json.dumps(document(EVERYTHING | {"Principal": "*"}))}, CRITICAL),
        (
            OPEN_KEY,
            {
                "policy": json.dumps(
                    document(allow("kms:*", StringEquals={"kms:CallerAccount": OWN}) | {"Principal": "*"})
                )
            },
            OK,
        ),
        (OPEN_KEY, {"policy": REFUSED}, UNKNOWN),
        (OPEN_KEY, {"policy": None}, UNKNOWN),
    ],
)
def test_keys(check_id: str, members: dict[str, Any], expected: FindingStatus) -> None:
    assert verdict(check_id, key(**members)) is expected


ROTATES, AGE, USE, OPEN_SECRET, GUARDED = (
    "secretsmanager_secret_automatic_rotation",
    "secretsmanager_secret_rotated_periodically",
    "secretsmanager_secret_unused",
    "secretsmanager_secret_not_publicly_accessible",
    "secretsmanager_secret_restrictive_resource_policy",
)
OF_ANOTHER = {"AWS": "arn:aws:iam::444455556666:root"}
# Nothing of it is left but the sentence that the check applies to none.
NOT_APPLIED = OK
OF_SERVICE = {"name": "events!connection/api/0a1b", "owner": "events", "rotates": False}
KEEPS_OUT = json.loads(secret()["policy"]["document"])["Statement"][0]


@pytest.mark.parametrize(
    ("check_id", "members", "expected"),
    [
        (ROTATES, {}, OK),
        (ROTATES, {"rotates": False}, WARNING),
        (ROTATES, {"rotates": False, "primaryRegion": "eu-west-1"}, OK),
        # Set up is not working: overdue by its interval, its schedule or AWS' own date, and not only by an hour.
        (ROTATES, {"rotatedAt": "2026-10-24T00:00:00Z"}, CRITICAL),
        (ROTATES, {"rotatedAt": "2026-10-25T13:00:00Z"}, OK),
        (ROTATES, {"nextRotationAt": "2026-11-24T06:00:00Z"}, CRITICAL),
        (ROTATES, {"nextRotationAt": "2026-11-25T00:00:00Z"}, OK),
        (ROTATES, {"everyDays": None, "schedule": "rate(4 hours)", "rotatedAt": "2026-11-24T07:00:00Z"}, CRITICAL),
        (ROTATES, {"everyDays": None, "schedule": "rate(10 days)", "rotatedAt": "2026-11-20T00:00:00Z"}, OK),
        (ROTATES, {"everyDays": None, "schedule": "cron(0 8 1 * ? *)", "rotatedAt": "2026-11-01T08:00:00Z"}, OK),
        # Never rotated: at first there was no time for it.
        (ROTATES, {"rotatedAt": None}, CRITICAL),
        (ROTATES, {"rotatedAt": None, "createdAt": "2026-11-20T00:00:00Z"}, OK),
        (ROTATES, {"rotatedAt": None, "createdAt": None}, UNKNOWN),
        # Begun and not ended; a rotation takes minutes.
        (ROTATES, {"isPending": True, "changedAt": "2026-11-25T09:00:00Z"}, CRITICAL),
        (ROTATES, {"isPending": True, "changedAt": "2026-11-25T11:50:00Z"}, OK),
        (ROTATES, {"rotationFunction": {"arn": "a", "exists": False, "state": None}}, CRITICAL),
        (ROTATES, {"rotationFunction": {"arn": "a", "exists": True, "state": "Failed"}}, CRITICAL),
        (ROTATES, {"rotationFunction": {"arn": "a", "exists": True, "state": "Inactive"}}, OK),
        (ROTATES, {"rotationFunction": REFUSED}, UNKNOWN),
        (ROTATES, {"rotationFunction": REFUSED, "rotatedAt": "2026-08-01T00:00:00Z"}, CRITICAL),
        # Of a service: nobody here can change it; what the service rotates is judged all the same.
        (ROTATES, OF_SERVICE, NOT_APPLIED),
        (ROTATES, OF_SERVICE | {"rotates": True}, OK),
        (ROTATES, OF_SERVICE | {"rotates": True, "rotatedAt": "2026-08-01T00:00:00Z"}, CRITICAL),
        (AGE, OF_SERVICE | {"rotatedAt": None}, NOT_APPLIED),
        (AGE, OF_SERVICE | {"rotates": True, "rotatedAt": "2026-08-01T00:00:00Z"}, WARNING),
        (AGE, {"rotates": False, "primaryRegion": "eu-west-1", "rotatedAt": None}, NOT_APPLIED),
        (USE, OF_SERVICE | {"accessedAt": None}, NOT_APPLIED),
        (GUARDED, OF_SERVICE | {"policy": {"document": None}}, NOT_APPLIED),
        (OPEN_SECRET, OF_SERVICE | guarded_by(reads_secret("*")), CRITICAL),
        (AGE, {}, OK),
        (AGE, {"rotatedAt": "2026-08-01T00:00:00Z"}, WARNING),
        (AGE, {"rotatedAt": None}, WARNING),
        (AGE, {"rotatedAt": None, "createdAt": "2026-11-01T00:00:00Z"}, OK),
        (AGE, {"rotatedAt": None, "createdAt": None}, UNKNOWN),
        (USE, {}, OK),
        (USE, {"accessedAt": "2026-08-01T00:00:00Z"}, WARNING),
        (USE, {"accessedAt": None}, WARNING),
        (USE, {"accessedAt": None, "createdAt": "2026-11-01T00:00:00Z"}, OK),
        (USE, {"accessedAt": None, "createdAt": None}, UNKNOWN),
        (OPEN_SECRET, {}, OK),
        (OPEN_SECRET, {"policy": {"document": None}}, OK),
        (OPEN_SECRET, guarded_by(reads_secret("*")), CRITICAL),
        (OPEN_SECRET, guarded_by(reads_secret(OF_ANOTHER)), OK),
        (OPEN_SECRET, {"policy": REFUSED}, UNKNOWN),
        (OPEN_SECRET, {"policy": {"document": "no policy"}}, UNKNOWN),
        (GUARDED, {}, OK),
        (GUARDED, {"policy": {"document": None}}, WARNING),
        (GUARDED, guarded_by(reads_secret({"AWS": f"arn:aws:iam::{OWN}:root"})), WARNING),
        (GUARDED, guarded_by(KEEPS_OUT, reads_secret(OF_ANOTHER)), WARNING),
        (GUARDED, guarded_by(KEEPS_OUT | {"Condition": {}}), WARNING),
        (GUARDED, guarded_by(KEEPS_OUT | {"Action": "secretsmanager:PutSecretValue"}), WARNING),
        (GUARDED, {"policy": REFUSED}, UNKNOWN),
    ],
)
def test_secrets(check_id: str, members: dict[str, Any], expected: FindingStatus) -> None:
    assert verdict(check_id, secret(**members)) is expected


MINE = (*OF_ROLES, ANALYZER, ROTATION, DELETION, OPEN_KEY, ROTATES, AGE, USE, OPEN_SECRET, GUARDED)


@pytest.mark.parametrize("check_id", MINE)
def test_only_what_is_public_or_an_administrator_wakes_somebody(check_id: str) -> None:
    meta = Check("audit", check_id).metadata
    pages = {INLINE_ADMIN, ATTACHED_ADMIN, AWS_ADMIN, TRUST, OPEN_KEY, OPEN_SECRET}
    assert meta.route is (Route.PAGE if check_id in pages else Route.WARN)
    assert meta.severity in {"critical", "high", "medium", "low"}


BAD = {
    INLINE_ADMIN: role(**inline(EVERYTHING)),
    ATTACHED_ADMIN: role(**attached(EVERYTHING)),
    AWS_ADMIN: role(**attached(EVERYTHING, by_aws=True)),
    ESCALATION: role(**inline(allow("iam:AttachRolePolicy"))),
    ASSUME: role(**inline(allow("sts:AssumeRole"))),
    KMS: role(**inline(allow("kms:*"))),
    CHANGES: role(**inline(allow("sqs:DeleteQueue"))),
    UNUSED: role(lastAccessed={"services": [{"namespace": "s3", "lastUsedAt": None}]}),
    TRUST: role(trust=document({"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"})),
    DEPUTY: role(
        trust=document(
            {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
        )
    ),
    ANALYZER: {"name": "us-east-1", "analyzers": []},
    ROTATION: key(rotation={"applies": True, "enabled": False}),
    DELETION: key(state="PendingDeletion"),
    OPEN_KEY: key(policy=json.dumps(document(EVERYTHING | {"Principal": "*"}))),
    ROTATES: secret(rotates=False),
    AGE: secret(rotatedAt=None),
    USE: secret(accessedAt=None),
    OPEN_SECRET: secret(**guarded_by(reads_secret("*"))),
    GUARDED: secret(policy={"document": None}),
}


@pytest.mark.parametrize("check_id", MINE)
def test_the_verdict_is_as_bad_as_the_metadata_says(check_id: str) -> None:
    severe = Check("audit", check_id).metadata.severity in {"critical", "high"}
    assert verdict(check_id, BAD[check_id]) is (CRITICAL if severe else WARNING)
