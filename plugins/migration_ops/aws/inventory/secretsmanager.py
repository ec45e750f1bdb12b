"""Secrets: metadata, rotation and policies. Never a value: GetSecretValue is not called."""

from __future__ import annotations

import re
from typing import Any

from migration_ops.aws.inventory.iam_access_checks import AccessChecks
from migration_ops.aws.reader import AwsReader, plain_json
from migration_ops.core.facts import is_failed
from migration_ops.core.listing import Listing

OWNED_NAME = re.compile(r"([a-z][a-z0-9-]*)!")
ABSENT = ("ResourceNotFoundException",)


def read(reader: AwsReader) -> dict[str, Any]:
    """
    ``readAt``, and ``secrets``: ``name, arn, createdAt, rotates, everyDays, rotatedAt, changedAt, accessedAt`` (a day),
    ``nextRotationAt, schedule, isPending`` (a rotation began and did not end), ``primaryRegion`` (of a replica),
    ``owner`` (the service that owns it), ``rotationFunction {arn, exists, state}`` (None: there is none, or it is in
    another account), ``policy {secret, document, accessCheck}`` (no document: there is none).
    """
    head = {"readAt": plain_json(reader.now)}
    names = reader.config.resources.secrets
    if names.is_empty:
        return head | {"secrets": []}
    secrets = reader.guarded("secretsmanager:list_secrets", lambda: _listed(reader))
    checks = AccessChecks(reader)
    if not is_failed(secrets):
        secrets = reader.map(
            [one for one in secrets if names.matches(one["name"])],
            lambda one: one | {"policy": _policy(reader, one, checks), "rotationFunction": _function(reader, one)},
        )
    return head | {"secrets": secrets}


def _function(reader: AwsReader, secret: dict[str, Any]) -> Any:
    arn = secret["rotationFunctionArn"]
    if not arn or not secret["rotates"] or arn.split(":")[4:5] != [secret["accountId"]]:
        return None
    answer = reader.call_optional("lambda", "get_function_configuration", ABSENT, FunctionName=arn)
    if is_failed(answer):
        return answer
    return {"arn": arn, "exists": answer is not None, "state": (answer or {}).get("State")}


def _policy(reader: AwsReader, secret: dict[str, Any], checks: AccessChecks) -> Any:
    def read() -> dict[str, Any]:
        answer = reader.client("secretsmanager").get_resource_policy(SecretId=secret["arn"])
        # An answer without the secret's name does not prove that there is no policy.
        return {"secret": answer["Name"], "document": answer.get("ResourcePolicy")}

    found = reader.guarded("secretsmanager:get_resource_policy", read)
    if is_failed(found) or not found["document"]:
        return found
    return found | {"accessCheck": checks.no_public_access(found["document"], "AWS::SecretsManager::Secret")}


def _listed(reader: AwsReader) -> list[dict[str, Any]]:
    secretsmanager = reader.client("secretsmanager")
    pages = secretsmanager.get_paginator("list_secrets").paginate()
    return [_secret(one, secretsmanager.meta.region_name) for page in pages for one in page["SecretList"]]


def _secret(secret: dict[str, Any], region: str) -> dict[str, Any]:
    home = secret.get("PrimaryRegion")
    return {
        "name": secret["Name"],
        "arn": secret["ARN"],
        "accountId": secret["ARN"].split(":")[4],
        "createdAt": secret.get("CreatedDate"),
        # AWS leaves it out for a secret that never had rotation.
        "rotates": bool(secret.get("RotationEnabled")),
        "everyDays": (secret.get("RotationRules") or {}).get("AutomaticallyAfterDays"),
        "schedule": (secret.get("RotationRules") or {}).get("ScheduleExpression"),
        "rotationFunctionArn": secret.get("RotationLambdaARN"),
        "isPending": _is_pending(secret.get("SecretVersionsToStages") or {}),
        "rotatedAt": secret.get("LastRotatedDate"),
        "nextRotationAt": secret.get("NextRotationDate"),
        "changedAt": secret.get("LastChangedDate"),
        "accessedAt": secret.get("LastAccessedDate"),
        "primaryRegion": home if home != region else None,
        "owner": secret.get("OwningService") or _owner_by_name(secret["Name"]),
    }


def _is_pending(stages: dict[str, list[str]]) -> bool:
    """Whether a version is pending and not the current one."""
    return any("AWSPENDING" in some and "AWSCURRENT" not in some for some in stages.values())


def _owner_by_name(name: str) -> str | None:
    """The owning service: only services may create names with "!": ``rds!db-...``, ``events!connection/...``."""
    found = OWNED_NAME.match(name)
    return found[1] if found else None


# The lists that checks are about.
SECRETS = Listing("secretsmanager", "secrets", read)
