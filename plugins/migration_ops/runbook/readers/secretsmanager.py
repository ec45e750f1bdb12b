"""Secrets: what is told about them and who may read them. Never a value: GetSecretValue is not called."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.reader import Reader, plain_json
from migration_ops.core.facts import is_failed


def read(reader: Reader) -> dict[str, Any]:
    """
    ``readAt``, and ``secrets``: ``name, arn, createdAt, rotates, everyDays, rotatedAt, changedAt, accessedAt`` (a day),
    ``primaryRegion`` (of a replica), ``policy {secret, document}`` (no document: there is none).
    """
    head = {"readAt": plain_json(reader.now)}
    names = reader.config.resources.secrets
    if names.are_none:
        return head | {"secrets": []}
    secrets = reader.attempt("secretsmanager:list_secrets", lambda: _listed(reader))
    if not is_failed(secrets):
        secrets = reader.each(
            [one for one in secrets if names.takes(one["name"])], lambda one: one | {"policy": _policy(reader, one)}
        )
    return head | {"secrets": secrets}


def _policy(reader: Reader, secret: dict[str, Any]) -> Any:
    def read() -> dict[str, Any]:
        answer = reader.of("secretsmanager").get_resource_policy(SecretId=secret["arn"])
        # An answer that does not even name the secret is no "there is none".
        return {"secret": answer["Name"], "document": answer.get("ResourcePolicy")}

    return reader.attempt("secretsmanager:get_resource_policy", read)


def _listed(reader: Reader) -> list[dict[str, Any]]:
    secretsmanager = reader.of("secretsmanager")
    pages = secretsmanager.get_paginator("list_secrets").paginate()
    return [_secret(one, secretsmanager.meta.region_name) for page in pages for one in page["SecretList"]]


def _secret(secret: dict[str, Any], region: str) -> dict[str, Any]:
    home = secret.get("PrimaryRegion")
    return {
        "name": secret["Name"],
        "arn": secret["ARN"],
        "accountId": secret["ARN"].split(":")[4],
        "createdAt": secret.get("CreatedDate"),
        # AWS leaves it out of a secret that never had rotation.
        "rotates": bool(secret.get("RotationEnabled")),
        "everyDays": (secret.get("RotationRules") or {}).get("AutomaticallyAfterDays"),
        "rotatedAt": secret.get("LastRotatedDate"),
        "changedAt": secret.get("LastChangedDate"),
        "accessedAt": secret.get("LastAccessedDate"),
        "primaryRegion": home if home != region else None,
    }
