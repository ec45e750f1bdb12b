"""Preflight reports everything together, and what cannot be read is UNKNOWN, never OK."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from botocore.stub import Stubber

from include.sandbox.cmf.seed import load
from include.sandbox.moto.ssm_nodes import Node, add_node, node_id_of, nodes_of
from migration_ops.core.errors import BlockedError
from migration_ops.core.states import Phase
from migration_ops.core.verdict import GateResult, Verdict
from migration_ops.ledger.protocol import Holder, LockHeldError
from migration_ops.wave.preflight import preflight, register
from migration_ops.wave.steps.close import GoalMissedError
from tests.wave.steps.wave_driver import FAST, Driver, MgnProxy, client_factory, kill_before, killed


def check(driver: Driver) -> list[GateResult]:
    return preflight(driver.services, driver.plan)


def bad(driver: Driver) -> dict[tuple[str, str], Verdict]:
    return {(one.name, one.subject): one.verdict for one in check(driver) if one.verdict is not Verdict.OK}


def verdicts(driver: Driver, name: str) -> set[Verdict]:
    return {one.verdict for one in check(driver) if one.name == name}


def test_all_is_well(wave: Any) -> None:
    driver = wave({"appName": "app", "servers": 2}, accountId="123456789012")
    checks = check(driver)
    assert {one.verdict for one in checks} == {Verdict.OK}
    assert {one.name for one in checks} >= {
        "caller account",
        "present",
        "lifecycle",
        "replication",
        "no active job",
        "not locked",
        "free quota",
        "launch template",
        "subnet",
        "security group",
        "cutover_window",
    }


def test_nothing_is_changed(wave: Any, box: Any) -> None:
    driver = wave({"appName": "app", "servers": 2})
    box.client.reset_calls()
    check(driver)
    assert all(
        one["operation"].startswith(("Describe", "Get", "List", "BatchGetItem")) for one in box.client.calls()
    ), box.client.calls()


def test_all_findings_together(wave: Any, box: Any) -> None:
    specs = [
        {"isArchived": True, "state": "CUTOVER"},
        {"state": "CUTOVER"},
        {"state": "DISCONNECTED"},
        {"state": "CUTTING_OVER"},
        {"replicationState": "STALLED"},
        {},  # in somebody's job
        {},  # without a template
        {},  # without a subnet
        {},  # in a subnet that does not exist
        {},  # absent
        {},  # well
    ]
    driver = wave({"appName": "app", "servers": specs}, accountId="999999999999")
    archived, cut, gone, cutting, stalled, busy, bare, subnetless, lost, absent, well = driver.servers("app")
    box.client.set_speed(0)
    driver.services.mgn.start_test([busy], {})
    account, ec2 = box.mgn.own.account, box.boto("ec2")
    with account.lock:
        del account.servers[absent]
        for server in (bare, subnetless, lost):
            account.servers[server].launch_configuration = dict(account.servers[server].launch_configuration)
        account.servers[bare].launch_configuration["ec2LaunchTemplateID"] = "lt-00000000000000000"
        for server, interfaces in ((subnetless, []), (lost, [{"DeviceIndex": 0, "SubnetId": "subnet-00000000"}])):
            made = ec2.create_launch_template(
                LaunchTemplateName=f"test-{server}",
                LaunchTemplateData={"InstanceType": "t3.large", "NetworkInterfaces": interfaces},
            )
            account.servers[server].launch_configuration["ec2LaunchTemplateID"] = made["LaunchTemplate"][
                "LaunchTemplateId"
            ]
    found = bad(driver)
    blocked = Verdict.BLOCKED
    assert (
        found.items()
        >= {
            ("caller account", "sts"): blocked,
            ("present", archived): blocked,
            ("present", absent): blocked,
            ("lifecycle", archived): blocked,
            ("lifecycle", cut): blocked,
            ("lifecycle", gone): blocked,
            ("lifecycle", cutting): blocked,
            ("replication", gone): blocked,
            ("replication", stalled): blocked,
            ("no active job", busy): blocked,
            ("launch template", bare): blocked,
            ("launch template", subnetless): blocked,
            ("subnet", "subnet-00000000"): blocked,
        }.items()
    )
    assert not any(subject == well for _, subject in found)


@pytest.mark.parametrize(
    ("state", "error", "kind", "verdict"),
    [
        ("PENDING_SNAPSHOT_SHIPPING", None, "SNAPSHOT_SHIPPING", Verdict.BLOCKED),
        ("SHIPPING_SNAPSHOT", None, "SNAPSHOT_SHIPPING", Verdict.BLOCKED),
        ("PENDING_SNAPSHOT_SHIPPING", "LAST_SNAPSHOT_JOB_FAILED", "SNAPSHOT_SHIPPING", Verdict.BLOCKED),
        ("BACKLOG", "NOT_CONVERGING", "AGENT_BASED", Verdict.BLOCKED),
        ("SOMETHING_NEW", None, "AGENT_BASED", Verdict.UNKNOWN),
        ("INITIAL_SYNC", None, "AGENT_BASED", Verdict.OK),
    ],
)
def test_replication_that_never_becomes_continuous(
    wave: Any, state: str, error: str | None, kind: str, verdict: Verdict
) -> None:
    driver: Driver = wave()
    [server] = driver.servers("app")
    changes = {"replication_state": state, "replication_error": error, "replication_type": kind}
    views = {server: replace(driver.services.mgn.describe_servers([server])[server], **changes)}
    mgn = MgnProxy(driver.services.mgn, describe_servers=lambda ids: views)
    found = check(replace(driver, services=replace(driver.services, mgn=mgn)))
    [one] = [one for one in found if one.name == "replication"]
    assert one.verdict is verdict
    assert (error or "") in one.reason


READS = [
    ("mgn", "DescribeSourceServers", 4, "accessDenied"),
    ("mgn", "DescribeJobs", 2, "accessDenied"),
    ("mgn", "GetLaunchConfiguration", 1, "accessDenied"),
    ("sts", "GetCallerIdentity", 1, "error500"),
    ("ec2", "DescribeLaunchTemplateVersions", 1, "dropBefore"),
    ("ec2", "DescribeSubnets", 1, "throttle"),
    ("ec2", "DescribeSecurityGroups", 1, "accessDenied"),
    ("dynamodb", "BatchGetItem", 2, "accessDenied"),
]


def named_by_template(driver: Driver, box: Any, data: dict[str, Any], **configuration: Any) -> None:
    """Gives the wave's first server another launch template."""
    server, account = driver.servers("app")[0], box.mgn.own.account
    name = f"test-{server}-{len(data)}"
    made = box.boto("ec2").create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)
    with account.lock:
        changes = {"ec2LaunchTemplateID": made["LaunchTemplate"]["LaunchTemplateId"], **configuration}
        account.servers[server].launch_configuration = account.servers[server].launch_configuration | changes


def test_a_launch_setup_is_read_as_a_whole(wave: Any, box: Any) -> None:
    driver, ec2 = wave(), box.boto("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.77.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.77.1.0/24")["Subnet"]["SubnetId"]
    interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    named_by_template(driver, box, {"NetworkInterfaces": [{"DeviceIndex": 0, "NetworkInterfaceId": interface}]})
    assert bad(driver) == {}
    assert ("network interface", interface) in {(one.name, one.subject) for one in check(driver)}
    other = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["default"]}])["SecurityGroups"]
    group = next(one["GroupId"] for one in other if one["VpcId"] != vpc)
    wanted = {
        "InstanceType": "p9.made-up",
        "IamInstanceProfile": {"Name": "deleted-last-week"},
        "KeyName": "lost",
        "NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": subnet, "Groups": [group]}],
    }
    named_by_template(driver, box, wanted, copyPrivateIp=True, targetInstanceTypeRightSizingMethod="NONE")
    [found] = [one for one in check(driver) if one.name == "launch template"]
    assert found.verdict is Verdict.BLOCKED
    for words in ("not in", "not offered", f"{group} is of"):
        assert words in found.reason
    found_bad, blocked = bad(driver), Verdict.BLOCKED
    assert found_bad[("instance profile", "deleted-last-week")] is found_bad[("key pair", "lost")] is blocked
    box.client.add_fault("accessDenied", service="iam", operation="GetInstanceProfile")
    assert bad(driver)[("instance profile", "deleted-last-week")] is Verdict.UNKNOWN


def test_what_cannot_be_read_is_unknown(wave: Any, box: Any) -> None:
    """Each read of preflight in turn."""
    driver = wave()
    box.client.reset_calls()
    check(driver)
    assert {(one["service"], one["operation"]) for one in box.client.calls()} == {one[:2] for one in READS}
    for service, operation, at_least, kind in READS:
        box.client.add_fault(kind, service=service, operation=operation)
        checks = check(driver)
        box.client.clear_faults()
        unknown = [one for one in checks if one.verdict is Verdict.UNKNOWN]
        assert len(unknown) >= at_least, operation
        assert all(one.reason for one in unknown), operation
        assert not any(one.verdict is Verdict.BLOCKED for one in checks), operation


def test_a_change_calendar_that_cannot_be_read_or_is_not_there(wave: Any, box: Any) -> None:
    """Answers validated by botocore's model: moto has no GetCalendarState."""
    driver = wave(cutoverWindow={"changeCalendars": ["open", "closed", "absent", "silent", "denied"]})
    client, real = box.boto("ssm"), client_factory(box)
    services = replace(driver.services, client=lambda name: client if name == "ssm" else real(name))
    stub = Stubber(client)
    for answer in ({"State": "OPEN"}, {"State": "CLOSED"}, "InvalidDocument", {}):
        if isinstance(answer, str):
            stub.add_client_error("get_calendar_state", answer)
        else:
            stub.add_response("get_calendar_state", answer)
    stub.add_client_error("get_calendar_state", "AccessDeniedException")
    with stub:
        checks = preflight(services, driver.plan)
    assert next(one for one in checks if one.verdict is not Verdict.OK).verdict is Verdict.UNKNOWN
    stub = Stubber(client)
    for answer in ({"State": "OPEN"}, {"State": "CLOSED"}, "InvalidDocument", {}, {"State": "OPEN"}):
        if isinstance(answer, str):
            stub.add_client_error("get_calendar_state", answer)
        else:
            stub.add_response("get_calendar_state", answer)
    with stub:
        found = {one.subject: one.verdict for one in preflight(services, driver.plan) if one.name == "change calendar"}
    assert found == {
        "open": Verdict.OK,
        "closed": Verdict.OK,
        "absent": Verdict.BLOCKED,
        "silent": Verdict.UNKNOWN,
        "denied": Verdict.OK,
    }


def test_the_callback_url_is_judged(wave: Any) -> None:
    def refuse(url: str) -> None:
        raise BlockedError("not allowed")

    driver = wave(callbackUrl="https://example.com/x", services={"check_callback_url": refuse})
    assert bad(driver) == {("callback", "callbackUrl"): Verdict.BLOCKED}


# Where quiesce sends its commands

SPEC = {"commands": ["stop"], "undoCommands": ["start"]}


def quieted(wave: Any, *servers: dict[str, Any], **spec: Any) -> tuple[Driver, dict[str, Node]]:
    """A wave with quiesce, and the managed node of each server."""
    driver = wave({"appName": "app", "servers": list(servers) or [{}, {}]})
    targets = {server: node_id_of(server) for server in driver.servers("app")}
    driver.change_conf(quiesce={**SPEC, "instanceIds": targets, **spec})
    nodes = nodes_of(driver.box.account_id, driver.box.region)
    return driver, {server: nodes[node] for server, node in targets.items()}


def test_quiesce_needs_a_target_for_every_server(wave: Any) -> None:
    driver = wave({"appName": "app", "servers": 2})
    first, second = driver.servers("app")
    driver.change_conf(quiesce={**SPEC, "instanceIds": {first: node_id_of(first)}})
    assert bad(driver) == {("quiesce target", second): Verdict.BLOCKED}


def test_quiesce_targets_are_asked_for(wave: Any, box: Any) -> None:
    driver, nodes = quieted(wave, {}, {"os": "Microsoft Windows Server 2022 Datacenter"})
    box.client.reset_calls()
    checks = [one for one in check(driver) if one.name in ("quiesce target", "command document")]
    assert {one.verdict for one in checks} == {Verdict.OK}
    assert {one.subject for one in checks} == {*nodes, "AWS-RunShellScript", "AWS-RunPowerShellScript"}
    assert {one["operation"] for one in box.client.calls() if one["service"] == "ssm"} == {
        "DescribeInstanceInformation",
        "DescribeDocument",
    }


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({"computer_name": "payroll.corp.example.com"}, Verdict.BLOCKED),
        ({"ip_address": "10.99.0.1"}, Verdict.BLOCKED),
        ({"platform": "Windows"}, Verdict.BLOCKED),
        ({"platform": "MacOS"}, Verdict.BLOCKED),
        ({"ping_status": "ConnectionLost"}, Verdict.BLOCKED),
        ({"ping_status": "Inactive"}, Verdict.BLOCKED),
        ({"computer_name": ""}, Verdict.UNKNOWN),
        ({"computer_name": "localhost.localdomain"}, Verdict.UNKNOWN),
        ({"ip_address": ""}, Verdict.UNKNOWN),
        ({"ip_address": "127.0.0.1"}, Verdict.UNKNOWN),
        ({"instance_id": "mi-" + "0" * 17}, Verdict.UNKNOWN),
    ],
)
def test_a_quiesce_target_that_is_not_proven(wave: Any, change: dict[str, str], verdict: Verdict) -> None:
    driver, nodes = quieted(wave)
    server, node = next(iter(nodes.items()))
    for name, value in change.items():
        setattr(node, name, value)
    assert bad(driver) == {("quiesce target", server): verdict}


def test_commands_meant_for_two_servers_do_not_change_places(wave: Any) -> None:
    driver, nodes = quieted(wave)
    first, second = nodes
    swapped = {first: nodes[second].instance_id, second: nodes[first].instance_id}
    driver.change_conf(quiesce={**SPEC, "instanceIds": swapped})
    assert bad(driver) == {("quiesce target", one): Verdict.BLOCKED for one in nodes}


def test_a_host_outside_the_wave_is_no_target(wave: Any, box: Any) -> None:
    driver, nodes = quieted(wave, {})
    [server] = nodes
    driver.change_conf(quiesce={**SPEC, "instanceIds": {server: "i-0dc0dc0dc0dc0dc0d"}})
    assert bad(driver) == {("quiesce target", server): Verdict.UNKNOWN}
    add_node(Node("i-0dc0dc0dc0dc0dc0d", "ci.corp.example.com", "10.1.1.1"), box.account_id, box.region)
    # A node of no running instance is gone with the next answer, so the answer itself is replaced.
    assert bad(driver) == {("quiesce target", server): Verdict.UNKNOWN}


def test_an_ssm_that_lists_nothing_or_refuses_is_unknown(wave: Any, box: Any) -> None:
    driver, nodes = quieted(wave)
    listed = dict(nodes_of(box.account_id, box.region))
    nodes_of(box.account_id, box.region).clear()
    assert bad(driver) == {("quiesce target", one): Verdict.UNKNOWN for one in nodes}
    nodes_of(box.account_id, box.region).update(listed)
    box.client.add_fault("accessDenied", service="ssm", operation="DescribeInstanceInformation")
    assert bad(driver) == {("quiesce target", one): Verdict.UNKNOWN for one in nodes}
    box.faults.remove()
    box.client.add_fault("accessDenied", service="ssm", operation="DescribeDocument")
    assert bad(driver) == {("command document", "AWS-RunShellScript"): Verdict.UNKNOWN}


@pytest.mark.parametrize(
    "name", ["No-Such-Document", "Our-Automation", "Without-Commands", "AWS-RunPowerShellScript-x"]
)
def test_a_document_that_takes_no_commands(wave: Any, box: Any, name: str) -> None:
    driver, _ = quieted(wave, documentName=name)
    driver = replace(driver, services=replace(driver.services, settings=replace(FAST, ssm_documents="*")))
    content = {"schemaVersion": "2.2", "description": "x", "mainSteps": []}
    if name == "Our-Automation":
        content = {"schemaVersion": "0.3", "description": "x", "mainSteps": []}
    if name in ("Our-Automation", "Without-Commands"):
        kind = "Automation" if name == "Our-Automation" else "Command"
        box.boto("ssm").create_document(Name=name, Content=json.dumps(content), DocumentType=kind)
    try:
        found = bad(driver)
    finally:
        if name in ("Our-Automation", "Without-Commands"):
            box.boto("ssm").delete_document(Name=name)
    assert found == {("command document", name): Verdict.BLOCKED}


def test_a_document_that_is_not_allowed_or_runs_elsewhere(wave: Any) -> None:
    driver, nodes = quieted(wave, documentName="AWS-RunDocument")
    assert bad(driver) == {("command document", "AWS-RunDocument"): Verdict.BLOCKED}
    driver, nodes = quieted(wave, {"os": "Microsoft Windows Server 2022"})
    [server] = nodes
    by_server = {server: "AWS-RunShellScript"}
    driver.change_conf(quiesce={**driver.plan.conf.quiesce.as_document(), "documentName": by_server})  # type: ignore[union-attr]
    assert bad(driver) == {("command document", "AWS-RunShellScript"): Verdict.BLOCKED}


def test_documents_that_checks_name_are_asked_for(wave: Any) -> None:
    checks = [{"type": "ssm", "commands": ["true"], "documentName": "No-Such"}, {"type": "ssm", "commands": ["true"]}]
    driver = wave({"appName": "app", "servers": 1, "checks": checks})
    assert bad(driver) == {("command document", "No-Such"): Verdict.BLOCKED}


# The CMDB


def test_the_cmdb_is_asked_for_every_server_that_names_an_id(wave: Any, box: Any) -> None:
    seed = {
        "waves": [{"wave_id": "900", "wave_name": "preflight", "wave_status": "In progress"}],
        "apps": [
            {
                "app_id": "900",
                "app_name": "preflight",
                "wave_id": "900",
                "aws_accountid": "123456789012",
                "aws_region": "us-east-1",
            }
        ],
        "servers": [
            {
                "server_id": "901",
                "app_id": "900",
                "server_name": "known",
                "server_fqdn": "known.example.com",
                "server_os_family": "linux",
                "server_os_version": "x",
                "r_type": "Rehost",
            }
        ],
    }
    load(box.cmf.store, seed)
    servers = [{"cmdbId": "901"}, {"cmdbId": "902"}, {}]
    driver = wave({"appName": "app", "servers": servers}, wave="preflight", cmdb={"enabled": True})
    unknown = driver.plan.application("app").servers[1]
    assert unknown.cmdb_id == "902"
    assert bad(driver) == {("CMDB record", unknown.migration_id): Verdict.BLOCKED}
    # A conf of another wave cannot name it, unless the host's name is the record's.
    other = replace(driver, plan=replace(driver.plan, wave="another"))
    known = driver.plan.application("app").servers[0]
    assert bad(other)["CMDB record", known.migration_id] is Verdict.BLOCKED
    box.client.add_fault("error500", service="cmf", operation="*")
    assert Verdict.UNKNOWN in set(bad(driver).values())


# Locks


def second_run(driver: Driver, **services: Any) -> Driver:
    holder = Holder("migration_wave", "second", driver.plan.wave)
    return replace(driver, services=replace(driver.services, holder=holder, **services), results={})


@pytest.mark.parametrize(("ended", "verdict"), [(False, Verdict.BLOCKED), (None, Verdict.UNKNOWN), (True, Verdict.OK)])
def test_a_second_run_on_the_same_servers(wave: Any, ended: bool | None, verdict: Verdict) -> None:
    driver = wave()
    driver.start()
    second = second_run(driver, run_ended=lambda holder: ended)
    assert verdicts(second, "not locked") == {verdict}
    if ended is True:
        register(second.services, second.plan)
        assert {h.run_id for h in driver.services.ledger.locks(driver.servers("app")).values()} == {"second"}
        with pytest.raises(LockHeldError):
            driver.step("test_launch", "app")
        driver.assert_jobs("START_TEST", "app", 0)
    else:
        with pytest.raises(LockHeldError):
            register(second.services, second.plan)


@pytest.mark.parametrize("other", [{"nonce": "made later"}, {"airflow": "https://second.example"}])
def test_another_run_of_the_same_id_is_another_run(wave: Any, other: dict[str, str]) -> None:
    """Deleted and triggered again with its id, or of a second Airflow on the same table."""
    driver = wave()
    own = replace(driver.services.holder, nonce="made first", airflow="https://first.example")
    driver = replace(driver, services=replace(driver.services, holder=own))
    driver.start()
    services = replace(driver.services, holder=replace(own, **other), run_ended=lambda holder: None)
    second = replace(driver, services=services, results={})
    assert verdicts(second, "not locked") == {Verdict.UNKNOWN}
    with pytest.raises(LockHeldError):
        register(second.services, second.plan)
    with pytest.raises(LockHeldError):
        second.step("test_launch", "app")
    driver.assert_jobs("START_TEST", "app", 0)
    second = replace(second, services=replace(services, run_ended=lambda holder: True))
    register(second.services, second.plan)
    assert driver.services.ledger.locks(driver.servers("app"))[driver.servers("app")[0]].is_same_run(services.holder)


def test_the_same_run_may_look_again(wave: Any) -> None:
    driver = wave()
    driver.start()
    driver.start()
    assert driver.phases("app") == {"PLANNED"}


# Registering


def test_a_run_that_died_is_gone_on_with(wave: Any) -> None:
    driver = wave({"appName": "app", "servers": 2})
    driver.start()
    with killed():
        kill_before(driver, "describe_jobs").step("test_launch", "app")
    second = second_run(driver, run_ended=lambda holder: True)
    second.start()
    second.test("app")
    second.assert_jobs("START_TEST", "app", 1)
    assert second.phases("app") == {"READY"}


def test_an_own_job_of_a_migration_that_ended_is_in_the_way(wave: Any, box: Any) -> None:
    driver = wave({"appName": "app", "servers": 1})
    driver.start()
    box.client.set_speed(0)
    driver.advance("test_launch", "app")
    assert verdicts(driver, "no active job") == {Verdict.OK}
    with pytest.raises(GoalMissedError):
        driver.step("close", "app")
    assert verdicts(second_run(driver), "no active job") == {Verdict.BLOCKED}


def test_starting_anew_forgets_what_was_of_the_run_before(wave: Any) -> None:
    driver = wave()
    driver.start()
    driver.test("app")
    [record] = driver.records("app")
    assert record.facts["ready"] is True
    with pytest.raises(GoalMissedError):
        driver.step("close", "app")
    second = second_run(driver)
    second.start()
    [record] = second.records("app")
    assert record.phase is Phase.PLANNED
    assert not {"ready", "stoppedIn"} & set(record.facts)
    assert all(intent.outcome for intent in record.intents.values())


def test_a_migration_id_of_another_server_is_refused(wave: Any) -> None:
    driver = wave({"appName": "app", "servers": [{"migrationId": "mig-the-same"}]})
    driver.start()
    other = wave({"appName": "app", "servers": [{"migrationId": "mig-the-same"}]})
    with pytest.raises(BlockedError, match="another server"):
        register(other.services, other.plan)
