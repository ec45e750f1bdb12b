"""Reads from EC2 and IAM what the wave's launches name: all of a kind in one call, and only what is named."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from migration_ops.aws.errors import NotFoundError, attempt
from migration_ops.aws.mgn.hook import chunks, classified
from migration_ops.core.errors import MigrationError
from migration_ops.wave.rules.launch_setup import Account, Found, LaunchSetup
from migration_ops.wave.services import Services
from migration_ops.wave.waits.feeds import MAX_FILTER_VALUES


def read_account(services: Services, setups: list[LaunchSetup]) -> Account:
    """What could not be read is an error in its place, so that only what needs it is not known."""
    ec2 = services.client("ec2")
    interfaces = _by_id(
        ec2, "describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId", "network-interface-id",
        [one for setup in setups for one in setup.interface_ids],
    )  # fmt: skip
    own = [one["SubnetId"] for one in interfaces.values() if isinstance(one, dict) and one.get("SubnetId")]
    named = [one["SubnetId"] for setup in setups for one in setup.interfaces if one.get("SubnetId")]
    subnets = _by_id(ec2, "describe_subnets", "Subnets", "SubnetId", "subnet-id", [*named, *own])
    groups = [one for setup in setups for one in setup.group_ids]
    keys = [str(setup.data["KeyName"]) for setup in setups if setup.data.get("KeyName")]
    types = {str(setup.data["InstanceType"]) for setup in setups if setup.names_type and setup.data.get("InstanceType")}
    return Account(
        subnets=subnets,
        groups=_by_id(ec2, "describe_security_groups", "SecurityGroups", "GroupId", "group-id", groups),
        interfaces=interfaces,
        profiles={one: _profile(services, one) for one in sorted({s.profile for s in setups if s.profile})},
        keys=_by_id(ec2, "describe_key_pairs", "KeyPairs", "KeyName", "key-name", keys),
        taken=attempt(lambda: _taken(ec2, setups)),
        offered=attempt(lambda: _offered(ec2, types)),
    )


def _by_id(ec2: Any, operation: str, member: str, id_key: str, filter_name: str, wanted: Iterable[str]) -> Found:
    names = sorted(set(wanted))

    def read() -> dict[str, dict[str, Any]]:
        return {one[id_key]: one for one in _listed(ec2, operation, member, {filter_name: names})}

    found = attempt(read) if names else {}
    return {one: found if isinstance(found, MigrationError) else found.get(one) for one in names}


def _listed(ec2: Any, operation: str, member: str, filters: dict[str, list[str]], **more: Any) -> list[dict[str, Any]]:
    """All items of all pages. Only the first filter may be long: it is asked for in parts."""
    (first, values), *others = filters.items()
    found: list[dict[str, Any]] = []
    for part in chunks(values, MAX_FILTER_VALUES):
        asked = [{"Name": first, "Values": part}, *({"Name": name, "Values": of} for name, of in others)]
        with classified(mutating=False):
            if ec2.can_paginate(operation):
                pages = ec2.get_paginator(operation).paginate(Filters=asked, **more)
            else:
                pages = [getattr(ec2, operation)(Filters=asked, **more)]
            for page in pages:
                found += page[member]
    return found


def _profile(services: Services, name: str) -> dict[str, Any] | MigrationError | None:
    found = attempt(lambda: services.client("iam").get_instance_profile(InstanceProfileName=name)["InstanceProfile"])
    return None if isinstance(found, NotFoundError) else found


def _taken(ec2: Any, setups: list[LaunchSetup]) -> dict[str, dict[str, Any]]:
    wanted = {
        (str(interface["SubnetId"]), address)
        for setup in setups
        for interface in setup.interfaces
        if interface.get("SubnetId")
        for address in setup.addresses_of(interface)
    }
    addresses = sorted({address for _, address in wanted})
    listed = _listed(
        ec2, "describe_network_interfaces", "NetworkInterfaces", {"addresses.private-ip-address": addresses}
    )
    return {
        f"{one.get('SubnetId')}/{address.get('PrivateIpAddress')}": one
        for one in listed
        for address in [{"PrivateIpAddress": one.get("PrivateIpAddress")}, *(one.get("PrivateIpAddresses") or [])]
    }


def _offered(ec2: Any, types: set[str]) -> frozenset[str]:
    listed = _listed(
        ec2,
        "describe_instance_type_offerings",
        "InstanceTypeOfferings",
        {"instance-type": sorted(types)},
        LocationType="availability-zone",
    )
    return frozenset(f"{one['InstanceType']}/{one['Location']}" for one in listed)
