"""Roles, keys and secrets with one fault each, beside a finding of Access Analyzer."""

from __future__ import annotations

import json
from typing import Any

from include.sandbox.estates.account import Account
from include.sandbox.estates.clean.iam import ANALYZER, account_id, policy_of, service_role
from include.sandbox.estates.clean.kms import rotating_key
from include.sandbox.estates.clean.secretsmanager import no_other_account, restrict, rotated_secret
from include.sandbox.estates.estate import Expected

LAMBDA = "lambda.amazonaws.com"
STRANGER = "999999999999"


def plant(account: Account) -> Expected:
    return _roles(account) | _keys(account) | _secrets(account) | _outside(account)


def _roles(account: Account) -> Expected:
    iam = account.client("iam")
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    service_role(account, "inline-admin-role", LAMBDA, everything)
    service_role(account, "attached-admin-role", LAMBDA)
    policy = iam.create_policy(PolicyName="do-everything", PolicyDocument=json.dumps(policy_of(everything)))
    iam.attach_role_policy(RoleName="attached-admin-role", PolicyArn=policy["Policy"]["Arn"])
    service_role(account, "breakglass-role", LAMBDA)
    iam.attach_role_policy(RoleName="breakglass-role", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")

    own = account_id(account)
    service_role(
        account, "self-serving-role", LAMBDA, _allow("iam:CreatePolicyVersion", f"arn:aws:iam::{own}:policy/*")
    )
    service_role(account, "any-role-role", LAMBDA, _allow("sts:AssumeRole", "arn:aws:iam::*:role/*"))
    service_role(account, "key-owner-role", LAMBDA, _allow("kms:*", f"arn:aws:kms:us-east-1:{own}:key/*"))
    service_role(account, "queue-cleaner-role", LAMBDA, _allow("sqs:DeleteQueue", "*"))

    service_role(account, "deputy-role", "states.amazonaws.com")
    _trust(account, "deputy-role", {"Service": "states.amazonaws.com"})
    service_role(account, "partner-role", LAMBDA)
    _trust(account, "partner-role", {"AWS": f"arn:aws:iam::{STRANGER}:root"})

    queue = f"arn:aws:sqs:us-east-1:{own}:cutover-jobs"
    service_role(account, "hoarding-role", LAMBDA, _allow("sqs:SendMessage", queue))
    account.control.write_history(roles={"hoarding-role": {"usedDaysAgo": {"logs": 1}}})
    return {
        "iam_inline_policy_no_administrative_privileges": {"inline-admin-role"},
        "iam_customer_attached_policy_no_administrative_privileges": {"attached-admin-role"},
        "iam_role_administratoraccess_policy": {"breakglass-role"},
        "iam_role_no_privilege_escalation": {"self-serving-role"},
        "iam_policy_no_permissive_role_assumption": {"any-role-role"},
        "iam_policy_no_full_access_to_kms": {"key-owner-role"},
        "iam_policy_no_wildcard_resource_on_changes": {"queue-cleaner-role"},
        "iam_role_cross_service_confused_deputy_prevention": {"deputy-role"},
        "iam_role_trust_not_permissive": {"partner-role"},
        "iam_role_no_unused_permissions": {"hoarding-role"},
    }


def _keys(account: Account) -> Expected:
    kms = account.client("kms")
    kms.disable_key_rotation(KeyId=rotating_key(account, "alias/never-rotated"))
    kms.schedule_key_deletion(KeyId=rotating_key(account, "alias/going-away"), PendingWindowInDays=7)
    everybody = {"Sid": "Everybody", "Effect": "Allow", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"}
    rotating_key(account, "alias/open-to-all", everybody)
    return {
        "kms_key_rotation_enabled": {"alias/never-rotated"},
        "kms_key_not_pending_deletion": {"alias/going-away"},
        "kms_key_not_publicly_accessible": {"alias/open-to-all"},
    }


def _secrets(account: Account) -> Expected:
    secrets = account.client("secretsmanager")
    secrets.create_secret(Name="migration/by-hand", SecretString="made up for the sandbox")
    restrict(account, "migration/by-hand", no_other_account(account))

    for name in ("migration/old", "migration/forgotten"):
        rotated_secret(account, name)
    account.control.write_history(
        secrets={
            "migration/old": {"createdDaysAgo": 400, "rotatedDaysAgo": 120},
            "migration/forgotten": {"createdDaysAgo": 400, "accessedDaysAgo": 120},
        }
    )
    everybody = _allow("secretsmanager:GetSecretValue", "*") | {"Sid": "Everybody", "Principal": "*"}
    rotated_secret(account, "migration/open", everybody, no_other_account(account))

    rotated_secret(account, "migration/unguarded")
    reader = {"AWS": f"arn:aws:iam::{account_id(account)}:root"}
    restrict(account, "migration/unguarded", _allow("secretsmanager:GetSecretValue", "*") | {"Principal": reader})
    return {
        "secretsmanager_secret_automatic_rotation": {"migration/by-hand"},
        "secretsmanager_secret_rotated_periodically": {"migration/old"},
        "secretsmanager_secret_unused": {"migration/forgotten"},
        "secretsmanager_secret_not_publicly_accessible": {"migration/open"},
        "secretsmanager_secret_restrictive_resource_policy": {"migration/unguarded"},
    }


def _outside(account: Account) -> Expected:
    """As if the analyzer had looked at the partner's role."""
    role = account.client("iam").get_role(RoleName="partner-role")["Role"]["Arn"]
    finding = {"analyzer": ANALYZER, "resource": role, "resourceType": "AWS::IAM::Role"}
    account.control.write_history(accessAnalyzer=[finding])
    return {"accessanalyzer_enabled_without_findings": {account.client("accessanalyzer").meta.region_name}}


def _allow(action: str, resource: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def _trust(account: Account, role: str, principal: dict[str, str]) -> None:
    trust = policy_of({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})
    account.client("iam").update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(trust))
