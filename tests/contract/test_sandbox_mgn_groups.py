"""Waves, applications, tags, filters and pages."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

_numbers = itertools.count()


@pytest.fixture
def name() -> Callable[[], str]:
    """A name nobody has."""
    return lambda: f"group-{next(_numbers)}"


def _code(error: Any) -> str:
    return error.response["Error"]["Code"]


def test_a_wave_from_creation_to_archive(mgn: Any, seed: Any, name: Any, refusal: Any) -> None:
    created = mgn.create_wave(name=name(), description="first", tags={"a": "b"})
    assert created["ResponseMetadata"]["HTTPStatusCode"] == 201
    wave_id = created["waveID"]
    application_id = mgn.create_application(name=name())["applicationID"]
    servers = [seed(state="CUTOVER"), seed(state="READY_FOR_TEST")]
    mgn.associate_source_servers(applicationID=application_id, sourceServerIDs=servers)
    mgn.associate_applications(waveID=wave_id, applicationIDs=[application_id])

    wave = mgn.list_waves(filters={"waveIDs": [wave_id]})["items"][0]
    assert wave["waveAggregatedStatus"]["totalApplications"] == 1
    assert wave["waveAggregatedStatus"]["progressStatus"] == "IN_PROGRESS"
    found = mgn.list_applications(filters={"waveIDs": [wave_id]})["items"]
    assert [one["applicationID"] for one in found] == [application_id]
    assert found[0]["applicationAggregatedStatus"]["totalSourceServers"] == 2
    members = mgn.describe_source_servers(filters={"applicationIDs": [application_id], "isArchived": False})["items"]
    assert {one["sourceServerID"] for one in members} == set(servers)

    error = refusal(mgn.archive_wave, waveID=wave_id)
    assert (_code(error), error.response["errors"][0]["resourceId"]) == ("ConflictException", servers[1])
    mgn.disconnect_from_service(sourceServerID=servers[1])
    assert mgn.archive_wave(waveID=wave_id)["isArchived"] is True
    assert mgn.list_applications(filters={"applicationIDs": [application_id]})["items"][0]["isArchived"] is True
    members = mgn.describe_source_servers(filters={"sourceServerIDs": servers})["items"]
    assert [one["isArchived"] for one in members] == [True, True]
    assert _code(refusal(mgn.archive_wave, waveID=wave_id)) == "ConflictException"
    assert mgn.unarchive_wave(waveID=wave_id)["isArchived"] is False
    assert mgn.unarchive_application(applicationID=application_id)["isArchived"] is False


def test_names_are_unique_and_can_change(mgn: Any, name: Any, refusal: Any) -> None:
    one, other = name(), name()
    wave_id = mgn.create_wave(name=one)["waveID"]
    assert _code(refusal(mgn.create_wave, name=one)) == "ConflictException"
    assert mgn.update_wave(waveID=wave_id, name=other, description="d")["description"] == "d"
    application_id = mgn.create_application(name=one)["applicationID"]
    assert _code(refusal(mgn.create_application, name=one)) == "ConflictException"
    assert mgn.update_application(applicationID=application_id, name=other)["name"] == other


def test_what_is_used_is_not_deleted(mgn: Any, seed: Any, name: Any, refusal: Any) -> None:
    wave_id = mgn.create_wave(name=name())["waveID"]
    application_id = mgn.create_application(name=name())["applicationID"]
    server_id = seed()
    mgn.associate_source_servers(applicationID=application_id, sourceServerIDs=[server_id])
    mgn.associate_applications(waveID=wave_id, applicationIDs=[application_id])
    assert _code(refusal(mgn.delete_wave, waveID=wave_id)) == "ConflictException"
    assert _code(refusal(mgn.delete_application, applicationID=application_id)) == "ConflictException"
    assert _code(refusal(mgn.archive_application, applicationID=application_id)) == "ConflictException"
    mgn.disassociate_source_servers(applicationID=application_id, sourceServerIDs=[server_id])
    mgn.disassociate_applications(waveID=wave_id, applicationIDs=[application_id])
    error = refusal(mgn.disassociate_applications, waveID=wave_id, applicationIDs=[application_id])
    assert _code(error) == "ConflictException"
    mgn.archive_application(applicationID=application_id)
    mgn.delete_application(applicationID=application_id)
    mgn.delete_wave(waveID=wave_id)
    assert _code(refusal(mgn.delete_wave, waveID=wave_id)) == "ResourceNotFoundException"


def test_a_server_belongs_to_one_application_an_application_to_one_wave(
    mgn: Any, seed: Any, name: Any, refusal: Any
) -> None:
    applications = [mgn.create_application(name=name())["applicationID"] for _ in range(2)]
    waves = [mgn.create_wave(name=name())["waveID"] for _ in range(2)]
    server_id = seed()
    for _ in range(2):
        mgn.associate_source_servers(applicationID=applications[0], sourceServerIDs=[server_id])
        mgn.associate_applications(waveID=waves[0], applicationIDs=[applications[0]])
    error = refusal(mgn.associate_source_servers, applicationID=applications[1], sourceServerIDs=[server_id])
    assert _code(error) == "ConflictException"
    error = refusal(mgn.associate_applications, waveID=waves[1], applicationIDs=[applications[0]])
    assert _code(error) == "ConflictException"


def test_fifty_per_association(mgn_box: Any, refusal: Any) -> None:
    client = mgn_box.boto("mgn", parameter_validation=False)
    ids = [f"s-{number:017d}" for number in range(51)]
    error = refusal(client.associate_source_servers, applicationID="app-00000000000000001", sourceServerIDs=ids)
    assert _code(error) == "ValidationException"
    error = refusal(client.associate_source_servers, applicationID="app-00000000000000001", sourceServerIDs=ids[:50])
    assert _code(error) == "ResourceNotFoundException"


@pytest.mark.parametrize(
    ("quota", "call"), [("active_waves", "create_wave"), ("active_applications", "create_application")]
)
def test_quotas_of_groups(mgn_box: Any, mgn: Any, name: Any, refusal: Any, quota: str, call: str) -> None:
    usual = mgn_box.client.set_quotas()[quota]
    assert usual == 200
    mgn_box.client.set_quotas(**{quota: 0})
    try:
        assert _code(refusal(getattr(mgn, call), name=name())) == "ServiceQuotaExceededException"
    finally:
        mgn_box.client.set_quotas(**{quota: usual})


@pytest.mark.parametrize("kind", ["wave", "application"])
def test_quotas_of_archived_groups(mgn_box: Any, mgn: Any, name: Any, refusal: Any, kind: str) -> None:
    group_id = getattr(mgn, f"create_{kind}")(name=name())[f"{kind}ID"]
    mgn_box.client.set_quotas(**{f"archived_{kind}s": 0})
    try:
        error = refusal(getattr(mgn, f"archive_{kind}"), **{f"{kind}ID": group_id})
        assert _code(error) == "ServiceQuotaExceededException"
    finally:
        mgn_box.client.set_quotas(**{f"archived_{kind}s": 10_000})


def test_tags(mgn: Any, seed: Any, look: Any, refusal: Any) -> None:
    server_id = seed(tags={"keep": "1", "drop": "2"})
    arn = look(server_id)["arn"]
    mgn.tag_resource(resourceArn=arn, tags={"new": "3"})
    mgn.untag_resource(resourceArn=arn, tagKeys=["drop", "Name"])
    assert mgn.list_tags_for_resource(resourceArn=arn)["tags"] == {"keep": "1", "new": "3"}
    assert look(server_id)["tags"] == {"keep": "1", "new": "3"}
    error = refusal(mgn.tag_resource, resourceArn=arn, tags={f"k{n}": "v" for n in range(49)})
    assert _code(error) == "ValidationException"
    other = arn.replace("source-server/", "job/")
    assert _code(refusal(mgn.list_tags_for_resource, resourceArn=other)) == "ResourceNotFoundException"


def test_filters_of_servers(mgn_box: Any, mgn: Any, seed: Any) -> None:
    ready, archived = seed(state="READY_FOR_CUTOVER"), seed(state="DISCONNECTED", isArchived=True)
    ids = [ready, archived, "s-ffffffffffffffff0"]

    def found(**filters: Any) -> list[str]:
        return [
            one["sourceServerID"]
            for one in mgn.describe_source_servers(filters={"sourceServerIDs": ids} | filters)["items"]
        ]

    # Archived ones are in an unfiltered answer, unknown ones are simply absent.
    assert found() == [ready, archived]
    assert found(isArchived=False) == [ready]
    assert found(isArchived=True) == [archived]
    assert found(lifeCycleStates=["READY_FOR_CUTOVER", "TESTING"]) == [ready]
    assert found(replicationTypes=["SNAPSHOT_SHIPPING"]) == []
    assert len(mgn.describe_source_servers(filters={"sourceServerIDs": []})["items"]) > 2


def test_pages(mgn_box: Any, mgn: Any, refusal: Any) -> None:
    seeded = mgn_box.client.add_estate({"wave": "paged", "applications": [{"appName": "paged", "servers": 7}]})
    application_id = seeded["applicationIds"]["paged"]
    pages = list(
        mgn.get_paginator("describe_source_servers").paginate(
            filters={"applicationIDs": [application_id]}, PaginationConfig={"PageSize": 3}
        )
    )
    assert [len(page["items"]) for page in pages] == [3, 3, 1]
    assert "nextToken" not in pages[-1]
    assert [one["sourceServerID"] for page in pages for one in page["items"]] == seeded["serverIds"]
    token = pages[0]["nextToken"]
    for request in (
        {"nextToken": "rubbish"},
        {"nextToken": token},
        {"nextToken": token, "filters": {"isArchived": True}},
    ):
        assert _code(refusal(mgn.describe_source_servers, **request)) == "ValidationException"
    for operation in ("list_waves", "list_applications", "describe_jobs", "list_managed_accounts"):
        items = [one for page in mgn.get_paginator(operation).paginate() for one in page["items"]]
        assert len(items) == len({str(one) for one in items})


def test_a_page_by_default_is_not_everything(mgn_box: Any, mgn: Any) -> None:
    mgn_box.client.add_estate({"applications": [{"appName": "many", "servers": 101}]})
    answer = mgn.describe_source_servers()
    assert len(answer["items"]) == 100
    assert answer["nextToken"]


def test_the_estate_comes_back_as_a_conf_takes_it(mgn_box: Any, mgn: Any) -> None:
    seeded = mgn_box.client.add_estate(
        {
            "wave": "conf-wave",
            "applications": [
                {"appName": "conf-db", "servers": [{"hostname": "db", "cmdbId": "7", "migrationId": "mig-db"}]},
                {"appName": "conf-web", "servers": 2, "dependsOn": ["conf-db"], "impact": "critical"},
            ],
        }
    )
    db, web = seeded["applications"]
    assert db == {
        "appName": "conf-db",
        "servers": [{"cmdbId": "7", "migrationId": "mig-db", "sourceServerId": seeded["serverIds"][0]}],
    }
    assert (web["dependsOn"], web["impact"], len(web["servers"])) == (["conf-db"], "critical", 2)
    applications = mgn.list_applications(filters={"waveIDs": [seeded["mgnWaveId"]]})["items"]
    assert {one["name"]: one["applicationID"] for one in applications} == seeded["applicationIds"]
