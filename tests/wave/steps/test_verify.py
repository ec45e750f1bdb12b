"""A launched instance is verified: boot, status checks, the conf's checks; and what fails at once."""

from __future__ import annotations

import contextlib
import http.server
import threading
from dataclasses import replace
from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from include.sandbox.moto.ssm_nodes import kept, nodes_of
from migration_ops.core.errors import MigrationError, StepFailedError, StepTimedOutError
from migration_ops.integrations.instance_http import address_refusal
from migration_ops.wave.steps.app_checks import CheckRefusedError
from migration_ops.wave.waits.outcome import Reason, Resumed, Topic
from tests.wave.steps.wave_driver import FAST, Driver, client_factory
from tests.wave.steps.web_site import Site, at_home

READY = {"appName": "app", "servers": 1, "state": "READY_FOR_CUTOVER"}
IMPATIENT = replace(FAST, verify_timeout_minutes=0.006)


@pytest.fixture
def launched(wave: Any) -> Any:
    """Right before the verification of a cutover."""

    def make(*applications: dict[str, Any], before: Any = None, **conf: Any) -> Driver:
        driver = wave(*(applications or (READY,)), **conf)
        driver.register()
        driver.step("test_launch", "app")
        driver.pass_go_no_go()
        if before:
            before(driver)
        driver.step("cutover", "app")
        return driver

    return make


def impatient(driver: Driver) -> Driver:
    return replace(driver, services=replace(driver.services, settings=IMPATIENT))


def instance_of(driver: Driver) -> str:
    [[instance]] = driver.instances("app").values()
    return instance


def test_a_slow_boot_is_waited_for(launched: Any, box: Any) -> None:
    driver = launched()
    account = box.mgn.own.account
    with account.lock:
        now = box.clock.now()
        for server in driver.servers("app"):
            account.servers[server].launched.boots_at = now + 6000
    wait = driver.advance("cutover_verify", "app")
    assert (wait.topic, driver.phases("app")) == (Topic.BOOT, {"CUTOVER_LAUNCHED"})
    driver.step("cutover_verify", "app")
    assert driver.phases("app") == {"CUTOVER_VERIFIED"}
    assert driver.records("app")[0].facts["verifiedAt"]


def test_a_boot_that_fails_times_out_and_is_well_after_clearing(launched: Any, box: Any) -> None:
    driver = launched(before=lambda d: d.box.client.add_fault("bootFailure", times=1, serverIds=d.servers("app")))
    with pytest.raises(StepTimedOutError, match=r"impaired|first boot"):
        impatient(driver).step("cutover_verify", "app")
    assert driver.phases("app") == {"CUTOVER_LAUNCHED"}
    with pytest.raises(StepFailedError):
        driver.step("close", "app")
    assert driver.phases("app") == {"FROZEN"}
    box.client.patch_server(driver.servers("app")[0], bootFailure=False)
    driver.step("cutover_verify", "app")
    assert driver.phases("app") == {"CUTOVER_VERIFIED"}
    driver.assert_jobs("START_CUTOVER", "app")


def test_an_instance_that_somebody_terminated_fails_at_once(launched: Any, box: Any) -> None:
    driver = launched()
    box.boto("ec2").terminate_instances(InstanceIds=[instance_of(driver)])
    with pytest.raises(StepFailedError, match="terminated") as failure:
        driver.step("cutover_verify", "app")
    assert not isinstance(failure.value, StepTimedOutError)
    assert driver.phases("app") == {"CUTOVER_LAUNCHED"}


def test_an_instance_that_somebody_stopped_fails_at_once(launched: Any, box: Any) -> None:
    driver = launched()
    box.boto("ec2").stop_instances(InstanceIds=[instance_of(driver)])
    with pytest.raises(StepFailedError, match="stopped"):
        driver.step("cutover_verify", "app")


def test_an_instance_that_is_to_be_left_stopped_is_well(launched: Any, box: Any) -> None:
    def stopped(driver: Driver) -> None:
        for server in driver.servers("app")[:1]:
            box.boto("mgn").update_launch_configuration(sourceServerID=server, launchDisposition="STOPPED")

    driver = launched(READY | {"servers": 2}, before=stopped)
    account = box.mgn.own.account
    with account.lock:
        account.servers[driver.servers("app")[1]].launched.boots_at = box.clock.now() + 4000
    driver.step("cutover_verify", "app")
    assert driver.phases("app") == {"CUTOVER_VERIFIED"}


def test_a_left_over_test_instance_is_not_the_cutover_instance(launched: Any, box: Any) -> None:
    """MGN names another instance than the one our job launched."""
    driver = launched()
    account = box.mgn.own.account
    with account.lock:
        server = account.servers[driver.servers("app")[0]]
        server.launched.instance_id = "i-00000000000000000"
    with pytest.raises(StepTimedOutError, match="which our job did not launch"):
        impatient(driver).step("cutover_verify", "app")
    assert driver.phases("app") == {"CUTOVER_LAUNCHED"}


@pytest.mark.parametrize(
    ("service", "operation"), [("mgn", "DescribeSourceServers"), ("ec2", "DescribeInstanceStatus")]
)
def test_what_cannot_be_read_is_not_verified(launched: Any, box: Any, service: str, operation: str) -> None:
    driver = launched()
    box.client.add_fault("accessDenied", service=service, operation=operation)
    with pytest.raises(MigrationError, match="not authorized"):
        impatient(driver).step("cutover_verify", "app")
    assert driver.phases("app") == {"CUTOVER_LAUNCHED"}


# The conf's checks


def test_http_and_tcp(launched: Any, site: Any) -> None:
    port = site.server_address[1]
    checks = [
        {"type": "http", "url": f"http://{{privateIp}}:{port}/health", "status": 200},
        {"type": "tcp", "port": port},
    ]
    driver = at_home(launched(READY | {"checks": checks}))
    Site.status = 503
    with pytest.raises(StepTimedOutError, match="answered 503"):
        impatient(driver).step("cutover_verify", "app")
    assert driver.phases("app") == {"CUTOVER_LAUNCHED"}
    # Who is asked what to do next reads it in the question, not in a log.
    assert all("answered 503" in one.error_message for one in driver.records("app"))
    Site.status = 200
    evidence = driver.step("cutover_verify", "app")["checks"]
    assert [one["name"] for one in evidence] == ["boot", "only instance", "http", "tcp"]


def test_a_port_that_is_closed(launched: Any, site: Any) -> None:
    port = site.server_address[1]
    site.shutdown()
    site.server_close()
    driver = at_home(launched(READY | {"checks": [{"type": "tcp", "port": port}]}))
    with pytest.raises(StepTimedOutError, match="not reachable"):
        impatient(driver).step("cutover_verify", "app")


def with_ssm(driver: Driver, *statuses: str) -> tuple[Driver, Stubber]:
    """moto never ends a command by itself: answers validated by botocore's model, one command per status."""
    client, real = driver.box.boto("ssm"), client_factory(driver.box)
    stub = Stubber(client)
    for number, status in enumerate(statuses):
        command = f"{number:08d}-0000-4000-8000-000000000000"
        stub.add_response("send_command", {"Command": {"CommandId": command}}, ANY_COMMAND)
        stub.add_client_error("get_command_invocation", "InvocationDoesNotExist")
        answer = {"CommandId": command, "Status": status, "StandardErrorContent": "" if status == "Success" else "down"}
        stub.add_response(
            "get_command_invocation",
            answer,
            {"CommandId": command, "InstanceId": ANY},
        )
    stub.activate()
    services = replace(driver.services, client=lambda name: client if name == "ssm" else real(name))
    return replace(driver, services=services), stub


ANY_COMMAND = {
    "InstanceIds": ANY,
    "DocumentName": "AWS-RunShellScript",
    "Comment": ANY,
    "TimeoutSeconds": ANY,
    "Parameters": {"commands": ["systemctl is-active app"]},
}


def test_an_ssm_check_that_fails_is_sent_anew_until_it_is_good(launched: Any) -> None:
    checks = [{"type": "ssm", "commands": ["systemctl is-active app"]}]
    driver, stub = with_ssm(launched(READY | {"checks": checks}), "Failed", "Failed", "Success")
    driver.step("cutover_verify", "app")
    stub.assert_no_pending_responses()
    assert driver.phases("app") == {"CUTOVER_VERIFIED"}


def test_an_ssm_check_that_does_not_end_is_named_when_the_time_is_over(launched: Any) -> None:
    checks = [{"type": "ssm", "commands": ["systemctl is-active app"]}]
    driver, _ = with_ssm(launched(READY | {"checks": checks}), *["InProgress"])
    with pytest.raises(StepTimedOutError) as failure:
        replace(driver, services=replace(driver.services, settings=replace(FAST, verify_timeout_minutes=0.0001))).step(
            "cutover_verify", "app"
        )
    [[name, why]] = failure.value.context["reasons"].items()
    assert name == f"ssm {instance_of(driver)}/0"
    assert "still runs" in why


def test_an_ssm_check_that_stays_bad_times_out(launched: Any) -> None:
    checks = [{"type": "ssm", "commands": ["systemctl is-active app"]}]
    driver, _ = with_ssm(launched(READY | {"checks": checks}), *["Failed"] * 60)
    with pytest.raises(StepTimedOutError, match=r"down|checks of app"):
        impatient(driver).step("cutover_verify", "app")
    assert driver.phases("app") == {"CUTOVER_LAUNCHED"}


def test_a_check_that_nobody_waits_for_any_more_is_cancelled(launched: Any) -> None:
    driver = launched(READY | {"checks": [{"type": "ssm", "commands": ["sleep 9999"]}]})
    [record] = driver.records("app")
    node = nodes_of(driver.box.account_id, driver.box.region)[str(record.instance_id)]
    node.seconds_to_run = 9_999
    with pytest.raises(StepTimedOutError):
        impatient(driver).step("cutover_verify", "app")
    assert [one.status for one in kept(driver.box.account_id, driver.box.region)[1].values() if one.node is node] == [
        "Cancelled"
    ]


@pytest.mark.parametrize(
    ("os_name", "named", "document"),
    [
        ("Microsoft Windows Server 2019", None, "AWS-RunPowerShellScript"),
        ("Ubuntu 22.04", None, "AWS-RunShellScript"),
        ("Ubuntu 22.04", "AWS-RunPowerShellScript", "AWS-RunPowerShellScript"),
    ],
)
def test_an_ssm_check_runs_in_the_document_of_its_instance(
    launched: Any, os_name: str, named: str | None, document: str
) -> None:
    spec = {"type": "ssm", "commands": ["hostname"]} | ({"documentName": named} if named else {})
    driver = launched(READY | {"servers": [{"os": os_name}], "checks": [spec]})
    driver.step("cutover_verify", "app")
    instance = str(driver.records("app")[0].instance_id)
    sent = kept(driver.box.account_id, driver.box.region)[1].values()
    assert [one.document for one in sent if one.node.instance_id == instance] == [document]


def test_an_ssm_check_in_a_document_that_is_not_allowed(launched: Any) -> None:
    checks = [{"type": "ssm", "commands": ["hostname"], "documentName": "AWS-RunDocument"}]
    with pytest.raises(CheckRefusedError, match="does not allow the document"):
        launched(READY | {"checks": checks}).step("cutover_verify", "app")


HOSTILE_URL = {"type": "http", "url": "http://169.254.169.254/latest/{instanceId}", "status": 200}


def of_an_older_version(driver: Driver) -> Driver:
    """Its plan holds a url that no conf may have today."""
    applications = tuple(replace(one, checks=(HOSTILE_URL,)) for one in driver.plan.applications)
    return replace(driver, plan=replace(driver.plan, applications=applications))


def test_a_url_that_is_refused_fails_before_the_boot_is_waited_for(launched: Any) -> None:
    """Waiting does not make it better."""
    with pytest.raises(CheckRefusedError, match="may not be asked") as refused:
        of_an_older_version(launched()).advance("cutover_verify", "app")
    [reason] = refused.value.context["reasons"].values()
    assert reason.startswith("not asked: the check")


def test_of_a_test_instance_too(wave: Any) -> None:
    driver = of_an_older_version(wave({"appName": "app", "servers": 1}))
    driver.register()
    driver.step("test_launch", "app")
    with pytest.raises(CheckRefusedError):
        driver.advance("test_verify", "app")
    assert driver.phases("app") == {"TEST_LAUNCHED"}


def test_an_address_that_may_not_be_asked_fails_at_once(launched: Any, site: Any) -> None:
    checks = [{"type": "tcp", "port": site.server_address[1]}, {"type": "ssm", "commands": ["hostname"]}]
    driver = at_home(launched(READY | {"checks": checks}))
    driver = replace(driver, services=replace(driver.services, address_refusal=address_refusal))
    nodes_of(driver.box.account_id, driver.box.region)[instance_of(driver)].seconds_to_run = 9_999
    with pytest.raises(CheckRefusedError, match="own address"):
        driver.step("cutover_verify", "app")
    assert driver.records("app")[0].error_code == "CHECK_REFUSED"
    sent = kept(driver.box.account_id, driver.box.region)[1].values()
    assert [one.status for one in sent if one.node.instance_id == instance_of(driver)] == ["Cancelled"]


def test_an_ssm_check_that_passed_is_not_run_again_while_another_runs(launched: Any) -> None:
    """Else a quick and a slow one would hardly ever be good in the same round."""
    quick, slow = (f"{number:08d}-0000-4000-8000-000000000000" for number in (1, 2))
    checks = [{"type": "ssm", "commands": [name]} for name in ("quick", "slow")]
    driver = launched(READY | {"checks": checks})
    client, real = driver.box.boto("ssm"), client_factory(driver.box)
    stub = Stubber(client)
    for command, name in ((quick, "quick"), (slow, "slow")):
        request = ANY_COMMAND | {"Parameters": {"commands": [name]}}
        stub.add_response("send_command", {"Command": {"CommandId": command}}, request)
    for command, status in ((quick, "Success"), (slow, "InProgress"), (slow, "InProgress"), (slow, "Success")):
        asked = {"CommandId": command, "InstanceId": ANY}
        stub.add_response("get_command_invocation", {"CommandId": command, "Status": status}, asked)
    stub.activate()
    services = replace(driver.services, client=lambda name: client if name == "ssm" else real(name))
    evidence = replace(driver, services=services).step("cutover_verify", "app")["checks"]
    stub.assert_no_pending_responses()
    assert [(one["name"], one["verdict"]) for one in evidence] == [
        ("boot", "OK"),
        ("only instance", "OK"),
        ("ssm", "OK"),
        ("ssm", "OK"),
    ]


def test_commands_that_run_are_kept_while_the_instance_is_looked_at_again(launched: Any, box: Any) -> None:
    """One status check that was not OK in between: else all would be sent again, and what ran never cancelled."""
    driver = launched(READY | {"checks": [{"type": "ssm", "commands": ["hostname"]}]})
    nodes_of(driver.box.account_id, driver.box.region)[instance_of(driver)].seconds_to_run = 9_999
    boot = driver.advance("cutover_verify", "app")
    running = driver.advance("cutover_verify", "app", driver.wait(boot))
    assert running.carry["ssm"]
    [server] = driver.servers("app")
    box.client.patch_server(server, bootFailure=True)
    again = driver.advance("cutover_verify", "app", Resumed(Reason.MET, {}, running.carry))
    assert (again.topic, again.carry["ssm"]) == (Topic.BOOT, running.carry["ssm"])
    box.client.patch_server(server, bootFailure=False)


def test_an_instance_without_the_address_that_a_check_needs_is_unknown(launched: Any) -> None:
    checks = [{"type": "http", "url": "http://{publicIp}:8080/health"}]
    driver = launched(READY | {"checks": checks})
    real = client_factory(driver.box)

    class Ec2:
        """The instance is there, but its details are not (yet)."""

        def __getattr__(self, name: str) -> Any:
            return getattr(real("ec2"), name)

        def get_paginator(self, name: str) -> Any:
            class Empty:
                def paginate(self, **_: Any) -> Any:
                    return [{"Reservations": []}]

            return Empty() if name == "describe_instances" else real("ec2").get_paginator(name)

    services = replace(driver.services, client=lambda name: Ec2() if name == "ec2" else real(name))
    with pytest.raises(StepTimedOutError, match="EC2 shows no publicIp"):
        impatient(replace(driver, services=services)).step("cutover_verify", "app")


class Endless(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        with contextlib.suppress(OSError):
            while True:
                self.wfile.write(b"x" * 65_536)

    def log_message(self, *_: Any) -> None:
        """Silent."""


def test_an_answer_without_end_does_not_hold_the_task(launched: Any) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endless)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    checks = [{"type": "http", "url": f"http://{{privateIp}}:{server.server_address[1]}/"}]
    try:
        at_home(launched(READY | {"checks": checks})).step("cutover_verify", "app")
    finally:
        server.shutdown()
        server.server_close()
