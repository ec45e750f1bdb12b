"""Customer keys: state, rotation, policy. Not AWS's own keys: nobody here can change those."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.reader import Reader
from migration_ops.core.errors import Unknown
from migration_ops.core.facts import is_failed

ROTATION = "kms:get_key_rotation_status"


def read(reader: Reader) -> dict[str, Any]:
    """
    ``keys``: ``name`` (its first alias, or its id), ``id, arn, state, spec, origin, rotation {applies, why | enabled},
    policy``. ``resources.yaml`` names keys by alias; one without an alias by its id.
    """
    names = reader.config.resources.keys
    if names.are_none:
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
        if any(names.takes(name) for name in called.get(one["KeyId"], [one["KeyId"]]))
    }
    keys = reader.each(ours, lambda key_id: _key(reader, key_id, ours[key_id][0]))
    return {"keys": [one for one in keys if one.get("manager") != "AWS"]}


def _key(reader: Reader, key_id: str, name: str) -> dict[str, Any]:
    key: dict[str, Any] = {"name": name, "id": key_id}
    facts = reader.attempt("kms:describe_key", lambda: _facts(reader, key_id))
    if is_failed(facts):
        return key | dict.fromkeys(("state", "rotation", "policy"), facts)
    if facts["manager"] == "AWS":
        return key | facts
    policy = reader.call("kms", "get_key_policy", KeyId=key_id, PolicyName="default")
    return (
        key
        | facts
        | {"rotation": _rotation(reader, facts), "policy": policy if is_failed(policy) else policy.get("Policy")}
    )


def _facts(reader: Reader, key_id: str) -> dict[str, Any]:
    found = reader.of("kms").describe_key(KeyId=key_id)["KeyMetadata"]
    family = found.get("MultiRegionConfiguration") or {}
    return {
        "arn": found["Arn"],
        "manager": found["KeyManager"],
        "state": found["KeyState"],
        "spec": found["KeySpec"],
        "origin": found["Origin"],
        "deletionAt": found.get("DeletionDate"),
        # Of a replica: rotation is set on the primary key alone.
        "primary": family["PrimaryKey"] if family.get("MultiRegionKeyType") == "REPLICA" else None,
    }


def _rotation(reader: Reader, facts: dict[str, Any]) -> Any:
    """Asked only where KMS can rotate: elsewhere the question itself is an UnsupportedOperationException."""
    if facts["spec"] != "SYMMETRIC_DEFAULT":
        return {"applies": False, "why": f"KMS rotates no {facts['spec']} keys"}
    if facts["origin"] != "AWS_KMS":
        return {"applies": False, "why": f"its material is {facts['origin']}: who made it rotates it"}
    if facts["state"] != "Enabled":
        return {"applies": False, "why": f"it is {facts['state']}"}
    answer = reader.attempt(ROTATION, lambda: _status(reader, facts))
    return answer if is_failed(answer) else {"applies": True, "enabled": answer.get("KeyRotationEnabled")}


def _status(reader: Reader, facts: dict[str, Any]) -> Any:
    primary = facts["primary"]
    if primary is None:
        return reader.of("kms").get_key_rotation_status(KeyId=facts["arn"])
    if reader.in_region is None:
        raise Unknown(f"its primary key is in {primary['Region']}, which cannot be asked here")
    return reader.in_region("kms", primary["Region"]).get_key_rotation_status(KeyId=primary["Arn"])
