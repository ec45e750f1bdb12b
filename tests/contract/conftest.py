"""A sandbox with a standing clock, and an MGN client that holds every answer against botocore's model."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from include.sandbox.sandbox import Sandbox

_TYPES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "long": int,
    "boolean": bool,
    "structure": dict,
    "map": dict,
    "list": list,
}
# The service answers `+00:00` where the model's pattern wants `Z`.
_PATTERN_NOT_KEPT = "ISO8601DatetimeString"


def check_answer(shape: Any, value: Any, path: str = "answer") -> None:
    """Fails on members the model does not know, nulls, wrong types, lengths, patterns, enums and missing members."""
    assert isinstance(value, _TYPES[shape.type_name]), f"{path}: {value!r} is not a {shape.type_name}"
    size = value if isinstance(value, int) else len(value)
    assert shape.metadata.get("min", size) <= size <= shape.metadata.get("max", size), f"{path}: size {size}"
    if "enum" in shape.metadata:
        assert value in shape.metadata["enum"], f"{path}: {value}"
    if "pattern" in shape.metadata and shape.name != _PATTERN_NOT_KEPT:
        assert re.fullmatch(shape.metadata["pattern"], value), f"{path}: {value}"
    if shape.type_name == "structure":
        assert set(shape.required_members) <= set(value) <= set(shape.members), f"{path}: {sorted(value)}"
        for name, member in value.items():
            check_answer(shape.members[name], member, f"{path}.{name}")
    elif shape.type_name == "list":
        for index, item in enumerate(value):
            check_answer(shape.member, item, f"{path}[{index}]")


@pytest.fixture(scope="session")
def standing_box() -> Iterator[Sandbox]:
    """Its clock only moves when a test advances it."""
    with Sandbox(speed=0) as box:
        yield box


@pytest.fixture
def mgn_box(standing_box: Sandbox) -> Iterator[Sandbox]:
    """The same sandbox, with no jobs left over and no faults."""
    standing_box.clock.advance(7200)
    standing_box.run_due()
    standing_box.calls.clear()
    # All tests share the account; the quota has a test of its own.
    standing_box.mgn.own.account.quotas.replicating_servers = 10_000
    yield standing_box
    standing_box.faults.remove()


@pytest.fixture(scope="session")
def checked_answers() -> set[str]:
    """Operations whose answers were held against the model."""
    return set()


@pytest.fixture(scope="session")
def _checking_client(standing_box: Sandbox, checked_answers: set[str]) -> Any:

    def check(operation_model: Any, response_dict: dict[str, Any], **_: Any) -> None:
        if response_dict["status_code"] >= 300:
            return
        assert response_dict["status_code"] == operation_model.http.get("responseCode", 200)
        body = response_dict["body"]
        if operation_model.output_shape is None:
            assert body in (b"", b"{}")
        else:
            check_answer(operation_model.output_shape, json.loads(body or b"{}"), operation_model.name)
        checked_answers.add(operation_model.name)

    client = standing_box.boto("mgn", retries={"total_max_attempts": 1}, read_timeout=5, connect_timeout=2)
    client.meta.events.register("before-parse.mgn", check)
    return client


@pytest.fixture
def mgn(mgn_box: Sandbox, _checking_client: Any) -> Any:
    """boto3's MGN client, one attempt per call; each of its answers is held against the model."""
    return _checking_client


@pytest.fixture
def seed(mgn_box: Sandbox) -> Callable[..., str]:
    """Seeds one server outside of applications; returns its id."""

    def one(**spec: Any) -> str:
        return mgn_box.client.add_estate({"servers": [spec]})["serverIds"][0]

    return one


@pytest.fixture
def look(mgn: Any) -> Callable[[str], dict[str, Any]]:
    """One server as DescribeSourceServers shows it."""
    return lambda server_id: mgn.describe_source_servers(filters={"sourceServerIDs": [server_id]})["items"][0]


@pytest.fixture
def finish(mgn_box: Sandbox, mgn: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Advances the clock until a job is over; returns the job."""

    def advance(job: dict[str, Any]) -> dict[str, Any]:
        mgn_box.client.advance(900)
        over = mgn.describe_jobs(filters={"jobIDs": [job["jobID"]]})["items"][0]
        assert over["status"] == "COMPLETED"
        return over

    return advance


@pytest.fixture
def refusal() -> Callable[..., ClientError]:
    """The ClientError of a call that must be refused."""

    def of(call: Callable[..., Any], **arguments: Any) -> ClientError:
        with pytest.raises(ClientError) as caught:
            call(**arguments)
        return caught.value

    return of
