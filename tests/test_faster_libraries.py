"""What tests/faster_*.py leave out makes no difference."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from moto.core.serialize import AttributePickerContext, XFormedAttributePicker, get_serializer_class
from moto.core.utils import get_service_model

from tests import faster_moto


class DBInstance:
    """Keeps members by every kind of name that moto knows."""

    class Meta:
        serialization_aliases = {"Engine": "engine_of_it"}

    engine_of_it, identifier, db_instance_class, StorageType = "mysql", "db-1", "db.t3", "gp3"
    port = None


def _both(service: str, operation: str, path: tuple[str, ...], value: Any, changes: Any = None) -> list[Any]:
    """Each member as moto finds it and as the faster one does, once before its names are known and once after."""
    model = get_service_model(service).operation_model(operation)
    shape = model.output_shape
    for name in path:
        shape = shape.member if name == "[]" else shape.members[name]
    picker = XFormedAttributePicker(response_transformers=changes)
    serializer = get_serializer_class(service, model.service_model.metadata["protocol"])(model, value_picker=picker)
    found = []
    for key, member in shape.members.items():
        member.parent = shape
        context = AttributePickerContext(value, key, member, model, model.service_model, ".".join(serializer.path))
        for _ in range(2):
            found.append((key, picker(context), faster_moto.picked(serializer, value, key, member)))
    return found


@pytest.mark.parametrize("value", [DBInstance(), {"Engine": "x", "db_instance_status": "ok", "Identifier": "db-2"}, {}])
def test_members_are_found_by_the_same_names(value: Any) -> None:
    found = _both("rds", "DescribeDBInstances", ("DBInstances", "[]"), value)
    assert [(key, slow) for key, slow, _ in found] == [(key, fast) for key, _, fast in found]
    assert bool(value) == any(fast is not None for _, _, fast in found)


def test_members_are_changed_by_the_same_path() -> None:
    changes = {"DescribeDBInstances.Marker": lambda _: "changed"}
    found = _both("rds", "DescribeDBInstances", (), {"Marker": "m", "DBInstances": []}, changes)
    assert ("Marker", "changed", "changed") in found
    assert ("DBInstances", [], []) in found


def _client(service: str) -> Any:
    session: Any = boto3.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1")
    return session.client(service)


def test_clients_share_what_was_read_and_nothing_else() -> None:
    first, second = _client("s3"), _client("s3")
    assert type(first) is not type(second)
    assert type(first).list_buckets is type(second).list_buckets
    assert callable(second.upload_file)
    seen: list[str] = []
    first.meta.events.register("only-here.s3", lambda **_: seen.append("first"))
    second.meta.events.emit("only-here.s3")
    assert seen == []
    first.meta.events.emit("only-here.s3")
    assert seen == ["first"]
