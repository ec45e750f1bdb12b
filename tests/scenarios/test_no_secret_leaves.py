"""No secret of a connection is found anywhere that a wave writes to, whether it goes well or fails on all sides."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from include.local import resources
from tests.scenarios.lab import Lab, servers_of
from tests.scenarios.stories import story

LEAST_CHARACTERS = 12
SETTINGS = ("AIRFLOW__API__SECRET_KEY", "AIRFLOW__API_AUTH__JWT_SECRET", "AIRFLOW__CORE__FERNET_KEY")


def secrets_of(environment: dict[str, str]) -> dict[str, str]:
    """Every secret that the components know, by where it stands."""
    found = {name: environment[name] for name in SETTINGS if environment.get(name)}
    for name, text in environment.items():
        if not name.startswith("AIRFLOW_CONN_"):
            continue
        connection = json.loads(text)
        members = {"password": connection.get("password"), **(connection.get("extra") or {})}
        for member, value in members.items():
            is_secret = any(word in member.lower() for word in ("password", "secret", "token"))
            if is_secret and isinstance(value, str) and len(value) >= LEAST_CHARACTERS:
                found[f"{name}.{member}"] = value
    return found


@story
def with_secrets(lab: Lab) -> SimpleNamespace:
    """One wave that goes well with CMDB and callback; one whose launch, callback and CMDB all fail."""
    good = lab.seed({"appName": "canary-a", "servers": 1})
    bad = lab.seed({"appName": "canary-b", "servers": 1})
    lab.seed_cmdb(7_700, good)
    lab.seed_cmdb(7_800, bad)
    lab.order_answer(status=410, path="/canary-gone", times=None)
    lab.sandbox.add_fault("launchFailure", serverIds=servers_of(bad), times=1)
    cmdb, url = {"enabled": True}, lab.airflow.callback_url
    runs = [
        lab.wave("canary-good", good, cmdb=cmdb, callbackUrl=f"{url}/canary-good"),
        lab.wave("canary-bad", bad, testLaunch=False, onFailure="rollback", callbackUrl=f"{url}/canary-gone"),
    ]
    return SimpleNamespace(runs=runs, states=[lab.end(run) for run in runs])


def written(lab: Lab) -> Iterator[tuple[str, bytes]]:
    """Everything that a wave writes to: logs, Airflow's own database, ledger, bucket, log group, callbacks."""
    home = Path(lab.airflow.stack.home)
    files = [one for one in (home / "logs").rglob("*") if one.is_file()]
    # XComs, rendered fields, notes, questions and the audit log are tables of it.
    files += [one for one in home.rglob("*.db*") if one.is_file()]
    assert len(files) > 20
    yield from ((str(one.relative_to(home)), one.read_bytes()) for one in files)
    endpoints, environment = lab.airflow.stack.endpoints, lab.airflow.stack.environment
    dynamodb = resources.client("dynamodb", endpoints)
    for page in dynamodb.get_paginator("scan").paginate(TableName=environment["MIGRATION_OPS_TABLE_NAME"]):
        yield "ledger", json.dumps(page["Items"], default=str).encode()
    s3, bucket = resources.client("s3", endpoints), environment["MIGRATION_OPS_EVIDENCE_BUCKET"]
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for one in page.get("Contents", []):
            yield f"evidence {one['Key']}", s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read()
    logs = resources.client("logs", endpoints)
    for page in logs.get_paginator("filter_log_events").paginate(logGroupName=environment["MIGRATION_OPS_LOG_GROUP"]):
        yield "log group", json.dumps(page["events"]).encode()
    for path in ("/canary-good", "/canary-gone"):
        bodies: list[Any] = [one.get("body") for one in lab.deliveries(path)]
        assert bodies
        yield f"callback {path}", json.dumps(bodies, default=str).encode()


@pytest.fixture(scope="module")
def places(with_secrets: SimpleNamespace, lab: Lab) -> list[tuple[str, bytes]]:
    """Read once, when both waves are over."""
    return list(written(lab))


def test_both_waves_ended_as_they_should(with_secrets: SimpleNamespace) -> None:
    assert with_secrets.states == ["success", "failed"]


def test_there_are_secrets_to_look_for(lab: Lab) -> None:
    found = secrets_of(dict(lab.airflow.stack.environment))
    assert {name.split(".")[0] for name in found} >= {
        "AIRFLOW_CONN_AWS_DEFAULT",
        "AIRFLOW_CONN_CMF_API",
        "AIRFLOW_CONN_MIGRATION_CALLBACK",
    }


def test_none_of_them_is_anywhere(places: list[tuple[str, bytes]], lab: Lab) -> None:
    secrets = {name: value.encode() for name, value in secrets_of(dict(lab.airflow.stack.environment)).items()}
    hits = [f"{name} in {place}" for place, content in places for name, value in secrets.items() if value in content]
    print(f"{len(secrets)} secrets, {len(places)} places, {len(hits)} hits")
    assert hits == []


@pytest.mark.parametrize("where", ["logs", "ledger", "evidence", "log group", "callback", ".db"])
def test_what_is_searched_holds_something_of_the_waves(places: list[tuple[str, bytes]], where: str) -> None:
    """A search in empty places would find nothing either."""
    assert any(where in place and b"canary-" in content for place, content in places)
