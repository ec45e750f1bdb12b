"""Customer managed KMS keys: state, rotation, policy. AWS managed keys are left out: nobody here can change them."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.inventory.iam_access_checks import AccessChecks
from migration_ops.aws.reader import AwsReader
from migration_ops.core.errors import UnknownError
from migration_ops.core.facts import is_failed
from migration_ops.core.listing import Listing

ROTATION = "kms:get_key_rotation_status"


def read(reader: AwsReader) -> dict[str, Any]:
    """
    ``keys``: ``name`` (its first alias, or its id), ``id, arn, state, spec, origin, deletionAt, rotation {applies,
    why | enabled}, policy, accessCheck``. ``resources.yaml`` names keys by alias; one without an alias by its id.
    """
    names = reader.config.resources.keys
    if names.is_empty:
        return {"keys": []}
    listed = reader.pages("kms", "list_keys", "Keys")
    aliases = reader.pages("kms", "list_aliases", "Aliases")
    unread = next((one for one in (listed, aliases) if is_failed(one)), None)
    if unread is not None:
        return {"keys": unread}
    called: dict[str, list[str]] = {}
    for one in aliases:
        called.setdefault(one.get("TargetKeyId"), []).append(one["AliasName"])
    ours = {
        one["KeyId"]: sorted(called.get(one["KeyId"], [])) or [one["KeyId"]]
        for one in listed
        if any(names.matches(name) for name in called.get(one["KeyId"], [one["KeyId"]]))
    }
    checks = AccessChecks(reader)
    keys = reader.map(ours, lambda key_id: _key(reader, key_id, ours[key_id][0], checks))
    return {"keys": [one for one in keys if one.get("manager") != "AWS"]}


def _key(reader: AwsReader, key_id: str, name: str, checks: AccessChecks) -> dict[str, Any]:
    key: dict[str, Any] = {"name": name, "id": key_id}
    facts = reader.guarded("kms:describe_key", lambda: _facts(reader, key_id))
    if is_failed(facts):
        return key | dict.fromkeys(("state", "rotation", "policy"), facts)
    if facts["manager"] == "AWS":
        return key | facts
    answer = reader.call("kms", "get_key_policy", KeyId=key_id, PolicyName="default")
    policy = answer if is_failed(answer) else answer.get("Policy")
    check = checks.no_public_access(policy, "AWS::KMS::Key") if isinstance(policy, str) else None
    return key | facts | {"rotation": _rotation(reader, facts), "policy": policy, "accessCheck": check}


def _facts(reader: AwsReader, key_id: str) -> dict[str, Any]:
    found = reader.client("kms").describe_key(KeyId=key_id)["KeyMetadata"]
    family = found.get("MultiRegionConfiguration") or {}
    return {
        "arn": found["Arn"],
        "manager": found["KeyManager"],
        "state": found["KeyState"],
        "spec": found["KeySpec"],
        "origin": found["Origin"],
        "deletionAt": found.get("DeletionDate"),
        # For a replica: rotation is set on the primary key only.
        "primary": family["PrimaryKey"] if family.get("MultiRegionKeyType") == "REPLICA" else None,
    }


def _rotation(reader: AwsReader, facts: dict[str, Any]) -> Any:
    """Asked only for keys that KMS can rotate: for others GetKeyRotationStatus is an UnsupportedOperationException."""
    if facts["spec"] != "SYMMETRIC_DEFAULT":
        return {"applies": False, "why": f"KMS rotates no {facts['spec']} keys"}
    if facts["origin"] != "AWS_KMS":
        return {"applies": False, "why": f"its material is {facts['origin']}: who made it rotates it"}
    if facts["state"] != "Enabled":
        return {"applies": False, "why": f"it is {facts['state']}"}
    answer = reader.guarded(ROTATION, lambda: _status(reader, facts))
    return answer if is_failed(answer) else {"applies": True, "enabled": answer.get("KeyRotationEnabled")}


def _status(reader: AwsReader, facts: dict[str, Any]) -> Any:
    primary = facts["primary"]
    if primary is None:
        return reader.client("kms").get_key_rotation_status(KeyId=facts["arn"])
    if reader.in_region is None:
        raise UnknownError(f"its primary key is in {primary['Region']}, which cannot be asked here")
    return reader.in_region("kms", primary["Region"]).get_key_rotation_status(KeyId=primary["Arn"])


# The lists that checks are about.
KEYS = Listing("kms", "keys", read)
