"""EC2 takes at most 200 values in a filter: more servers are more calls, and none is left out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from migration_ops.wave.launching.terminate import SERVER_TAG, instances_by_tag
from migration_ops.wave.preflight.launch_account import read_account
from migration_ops.wave.rules.launch_setup import LaunchSetup
from tests.wave.builders import server_id

# EC2 API reference, DescribeInstances and the like: "filters … up to 200 values".
MOST_VALUES = 200
MANY = 450


class Ec2:
    """Refuses what EC2 refuses, and answers each value of the first filter."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def can_paginate(self, operation: str) -> bool:
        return True

    def get_paginator(self, operation: str) -> Any:
        def paginate(Filters: list[dict[str, Any]], **_: Any) -> list[dict[str, Any]]:
            values = Filters[0]["Values"]
            self.asked.append(len(values))
            assert 0 < len(values) <= MOST_VALUES
            return [self._page(operation, values)]

        return SimpleNamespace(paginate=paginate)

    def _page(self, operation: str, values: list[str]) -> dict[str, Any]:
        if operation == "describe_instances":
            listed = [{"InstanceId": f"i-{one}", "Tags": [{"Key": SERVER_TAG, "Value": one}]} for one in values]
            return {"Reservations": [{"Instances": listed}]}
        member, key = {
            "describe_subnets": ("Subnets", "SubnetId"),
            "describe_security_groups": ("SecurityGroups", "GroupId"),
            "describe_network_interfaces": ("NetworkInterfaces", "NetworkInterfaceId"),
            "describe_instance_type_offerings": ("InstanceTypeOfferings", "InstanceType"),
        }[operation]
        return {member: [{key: one, "Location": "a"} for one in values]}


def services(ec2: Ec2) -> Any:
    return SimpleNamespace(client=lambda name: ec2)


def test_instances_of_many_servers() -> None:
    ec2 = Ec2()
    servers = [server_id(number) for number in range(MANY)]
    assert set(instances_by_tag(services(ec2), servers)) == set(servers)
    assert sum(ec2.asked) == MANY


def test_what_many_launches_name() -> None:
    ec2 = Ec2()
    setups = [
        LaunchSetup(server_id(number), "lt", {"NetworkInterfaces": [{"SubnetId": f"subnet-{number}", "Groups": ["g"]}]})
        for number in range(MANY)
    ]
    account = read_account(services(ec2), setups)
    assert len(account.subnets) == MANY
    assert all(isinstance(one, dict) for one in account.subnets.values())
