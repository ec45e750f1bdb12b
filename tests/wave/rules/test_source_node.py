"""Which managed node is which source server: proven, contradicted or not known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from migration_ops.aws.managed_nodes import ManagedNode
from migration_ops.aws.mgn.servers import ServerView
from migration_ops.core.verdict import Verdict
from migration_ops.wave.rules.source_node import judge_node, platform_of
from tests.wave.builders import HEALTHY, server_id

MINE = "mi-0123456789abcdef0"
SOURCE = replace(
    HEALTHY,
    hostname="web01",
    fqdn="web01.corp.example.com",
    ip_addresses=("10.1.2.3", "fe80::1", "fd00::7"),
    os_name="Linux version 5.14.0-70.el9.x86_64 (Red Hat Enterprise Linux 9.0)",
)
NODE = ManagedNode(MINE, "web01.corp.example.com", "10.1.2.3", "Linux", "Online", "2026-01-01T00:00:00+00:00")
IN_EC2 = replace(SOURCE, source_instance_id="i-0123456789abcdef0")
ON_WINDOWS = replace(SOURCE, os_name="Microsoft Windows Server 2019 Standard")


def verdict(view: ServerView | None, node: ManagedNode | None, instance_id: str | None = None) -> Verdict:
    asked = instance_id or (node.instance_id if node else MINE)
    result = judge_node(server_id(1), asked, view, node)
    assert result.reason
    return result.verdict


@pytest.mark.parametrize(
    ("view", "node"),
    [
        (SOURCE, NODE),
        (SOURCE, replace(NODE, computer_name="WEB01")),
        (SOURCE, replace(NODE, computer_name="Web01.Corp.Example.com.")),
        (SOURCE, replace(NODE, ip_address="fd00:0::7")),
        (replace(SOURCE, fqdn=None), NODE),
        (replace(SOURCE, hostname=None), NODE),
        (replace(SOURCE, os_name=None), NODE),
        (SOURCE, replace(NODE, platform=None)),
        (IN_EC2, replace(NODE, instance_id="i-0123456789abcdef0", computer_name="ip-10-1-2-3", ip_address=None)),
        (IN_EC2, NODE),
        (SOURCE, replace(NODE, instance_id="i-0123456789abcdef0")),
        (
            replace(ON_WINDOWS, hostname="billing-frontend-01", fqdn=None),
            replace(NODE, computer_name="BILLING-FRONTEN", platform="Windows"),
        ),
    ],
)
def test_the_source_itself(view: ServerView, node: ManagedNode) -> None:
    assert verdict(view, node) is Verdict.OK


@pytest.mark.parametrize(
    ("view", "node"),
    [
        (SOURCE, replace(NODE, computer_name="web02.corp.example.com")),
        (SOURCE, replace(NODE, computer_name="web01.branch.example.com")),
        (SOURCE, replace(NODE, computer_name="web011")),
        (SOURCE, replace(NODE, ip_address="10.1.2.4")),
        (SOURCE, replace(NODE, platform="Windows")),
        (ON_WINDOWS, NODE),
        (SOURCE, replace(NODE, platform="MacOS")),
        (replace(SOURCE, os_name=None), replace(NODE, platform="MacOS")),
        (SOURCE, replace(NODE, ping_status="ConnectionLost")),
        (SOURCE, replace(NODE, ping_status="Inactive")),
        (IN_EC2, replace(NODE, instance_id="i-00000000000000009")),
        (
            replace(SOURCE, launched_instance_id="i-0123456789abcdef0"),
            replace(NODE, instance_id="i-0123456789abcdef0"),
        ),
        (
            replace(SOURCE, hostname="app-server-prod2", fqdn=None),
            replace(NODE, computer_name="app-server-prod"),
        ),
    ],
)
def test_something_else(view: ServerView, node: ManagedNode) -> None:
    assert verdict(view, node) is Verdict.BLOCKED


@pytest.mark.parametrize(
    ("view", "node"),
    [
        (None, NODE),
        (SOURCE, None),
        (SOURCE, replace(NODE, computer_name=None)),
        (SOURCE, replace(NODE, computer_name="localhost")),
        (SOURCE, replace(NODE, computer_name="10.1.2.3")),
        (SOURCE, replace(NODE, ip_address=None)),
        (SOURCE, replace(NODE, ip_address="fe80::1")),
        (SOURCE, replace(NODE, ping_status=None)),
        (replace(SOURCE, hostname=None, fqdn=None), NODE),
        (replace(SOURCE, hostname="localhost", fqdn=None), NODE),
        (replace(SOURCE, ip_addresses=()), NODE),
        (replace(SOURCE, ip_addresses=("127.0.0.1",)), replace(NODE, ip_address="127.0.0.1")),
        (replace(SOURCE, os_name=None), replace(NODE, platform=None)),
    ],
)
def test_what_nobody_says(view: ServerView | None, node: ManagedNode | None) -> None:
    assert verdict(view, node) is Verdict.UNKNOWN


@pytest.mark.parametrize(
    "name", ["", " ", "localhost", "LOCALHOST.", "localhost.localdomain", "ip6-localhost", "unknown", "None", "fe80::1"]
)
def test_a_name_that_many_machines_have_proves_nothing(name: str) -> None:
    """Also when both sides show it."""
    view, node = replace(SOURCE, hostname=name, fqdn=None), replace(NODE, computer_name=name)
    assert verdict(view, node) is Verdict.UNKNOWN


def test_the_result_shows_what_ssm_says() -> None:
    found = judge_node(server_id(1), MINE, SOURCE, NODE).value
    names = {"computerName": NODE.computer_name, "ipAddress": NODE.ip_address, "platform": NODE.platform}
    assert found == {"instanceId": MINE, **names}
    assert judge_node(server_id(1), MINE, SOURCE, None).value == {"instanceId": MINE}


@pytest.mark.parametrize(("last_ping", "words"), [("2026-01-01", "2026-01-01"), (None, "an unknown time")])
def test_a_silent_agent_is_named_with_its_last_ping(last_ping: str | None, words: str) -> None:
    node = replace(NODE, ping_status="Inactive", last_ping_at=last_ping)
    assert judge_node(server_id(1), MINE, SOURCE, node).reason == f"its agent does not answer: Inactive since {words}"


def test_without_a_view_only_ssm_says_the_platform() -> None:
    assert platform_of(None, replace(NODE, platform=None)) is None
    assert platform_of(SOURCE, None) == "Linux"
    assert platform_of(None, None) is None


@pytest.mark.parametrize(
    ("os_name", "by_ssm", "platform"),
    [
        ("Microsoft Windows Server 2016", None, "Windows"),
        ("Ubuntu 22.04", None, "Linux"),
        ("Ubuntu 22.04", "Linux", "Linux"),
        ("", None, None),
        (None, "Windows", "Windows"),
        ("Ubuntu 22.04", "MacOS", None),
    ],
)
def test_the_platform_is_what_ssm_says_else_mgn(os_name: Any, by_ssm: Any, platform: Any) -> None:
    assert platform_of(replace(SOURCE, os_name=os_name), replace(NODE, platform=by_ssm)) == platform


def test_what_mgn_says_of_a_source_server() -> None:
    view = ServerView.from_api(
        {
            "sourceServerID": server_id(1),
            "sourceProperties": {
                "identificationHints": {"hostname": "web01", "awsInstanceID": "i-0123456789abcdef0"},
                "networkInterfaces": [{"ips": ["10.1.2.3"]}, {"ips": ["fd00::7"]}, {}],
                "os": {"fullString": "Ubuntu"},
            },
        }
    )
    assert (view.hostname, view.fqdn, view.source_instance_id) == ("web01", None, "i-0123456789abcdef0")
    assert (view.ip_addresses, view.os_name) == (("10.1.2.3", "fd00::7"), "Ubuntu")
    assert ServerView.from_document({**view.as_document(), "ip_addresses": ["10.1.2.3", "fd00::7"]}) == view
