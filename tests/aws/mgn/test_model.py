"""Every request the hook can send is legal by the service model: also what botocore leaves to the service to check."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.model import Shape, StructureShape

from migration_ops.aws.mgn.hook import MgnHook
from migration_ops.aws.mgn.jobs import INTENT_TAG
from tests.aws.scripted_aws import ScriptedAws, job_id, server_id, source_server

WAVE, APPLICATION = "wave-0123456789abcdef0", "app-0123456789abcdef0"
MANY = [server_id(n) for n in range(450)]
CALLS: dict[str, Callable[[MgnHook], Any]] = {
    "describe_servers": lambda hook: hook.describe_servers(MANY),
    "servers_of_applications": lambda hook: hook.servers_of_applications([f"app-{n:017x}" for n in range(250)]),
    "applications_of_wave": lambda hook: hook.applications_of_wave(WAVE),
    "describe_jobs": lambda hook: hook.describe_jobs([job_id(n) for n in range(1500)]),
    "jobs_since": lambda hook: hook.jobs_since(datetime(2026, 1, 1, 1, 1, 1, 1, tzinfo=UTC)),
    "active_jobs": lambda hook: hook.active_jobs(),
    "job_log": lambda hook: hook.job_log(job_id(1)),
    "launch_configuration": lambda hook: hook.launch_configuration(server_id(1)),
    "start_test": lambda hook: hook.start_test(MANY[:200], {INTENT_TAG: "START_TEST-1-" + "a" * 20}),
    "start_cutover": lambda hook: hook.start_cutover(MANY[:200], {INTENT_TAG: "START_CUTOVER-1-" + "a" * 20}),
    "terminate_instances": lambda hook: hook.terminate_instances(MANY[:200], {INTENT_TAG: "TERMINATE-1-x"}),
    "change_lifecycle": lambda hook: hook.change_lifecycle(server_id(1), "READY_FOR_TEST"),
    "finalize_cutover": lambda hook: hook.finalize_cutover(server_id(1)),
}


def violations(shape: Shape, value: Any, path: str) -> list[str]:
    """What the model forbids: length, pattern, enum, range."""
    found: list[str] = []
    metadata = shape.metadata
    size = value if shape.type_name in {"integer", "long"} else len(value) if hasattr(value, "__len__") else None
    if size is not None and not metadata.get("min", 0) <= size <= metadata.get("max", float("inf")):
        found.append(f"{path}: size {size}")
    if "pattern" in metadata and not re.fullmatch(metadata["pattern"], value):
        found.append(f"{path}: {value!r} is not {metadata['pattern']}")
    if getattr(shape, "enum", None) and value not in shape.enum:  # type: ignore[attr-defined]
        found.append(f"{path}: {value!r} is not in the enum")
    if isinstance(shape, StructureShape):
        for name, one in value.items():
            found += violations(shape.members[name], one, f"{path}.{name}")
    elif shape.type_name == "list":
        for one in value:
            found += violations(shape.member, one, f"{path}[]")  # type: ignore[attr-defined]
    elif shape.type_name == "map":
        for key, one in value.items():
            found += violations(shape.key, key, f"{path}.key") + violations(shape.value, one, path)  # type: ignore[attr-defined]
    return found


@pytest.mark.parametrize("call", CALLS)
def test_requests_are_legal(aws: ScriptedAws, hook: MgnHook, call: str) -> None:
    aws.servers[server_id(1)] = source_server(server_id(1))
    aws.answers |= {
        "ListWaves": {"items": [{"waveID": WAVE, "isArchived": False}]},
        "ListApplications": {"items": [{"waveID": WAVE, "applicationID": APPLICATION, "name": "billing"}]},
        "DescribeJobLogItems": {"items": []},
        "GetLaunchConfiguration": {"sourceServerID": server_id(1)},
    }
    CALLS[call](hook)
    assert aws.requests
    model = hook.conn.meta.service_model
    for operation, request in aws.requests:
        assert violations(model.operation_model(operation).input_shape, request, operation) == []


def test_the_check_can_fail(hook: MgnHook) -> None:
    shape = hook.conn.meta.service_model.operation_model("StartTest").input_shape
    assert violations(shape, {"sourceServerIDs": ["s-1"], "tags": {"k": "v" * 257}}, "StartTest")
    assert violations(shape, {"sourceServerIDs": MANY[:201]}, "StartTest")


def test_every_public_method_is_checked() -> None:
    own = {name for name, value in vars(MgnHook).items() if callable(value) and not name.startswith("_")}
    # What makes clients sends nothing itself.
    assert own - {"client_for_reads"} == set(CALLS)
