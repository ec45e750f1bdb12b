"""Would EC2 take the launch of a server, as its launch template and launch configuration ask for it?

Everything that a launch asks for must be there, be of one VPC and zone, and be free, for all servers of the wave at
once. (EC2 API reference, RunInstances; MGN user guide, key considerations: "Private IP and Subnet", "Private IP and
ENI")
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import ip_address, ip_network
from typing import Any

from migration_ops.core.errors import MigrationError
from migration_ops.core.verdict import Fact, GateResult, Verdict, blocked, combine, unknown

# By id what EC2 says of it; None: it does not exist; an error: it could not be read.
Found = Mapping[str, dict[str, Any] | MigrationError | None]
# EC2 keeps the first four addresses of a subnet and the last one.
_FIRST_KEPT = 4


@dataclass(frozen=True)
class LaunchSetup:
    """What the next launch of one server asks for.

    :param data: LaunchTemplateData of the template's default version.
    :param copied_ip: the source's address that the launch is to have (``copyPrivateIp``); empty: MGN does not say it;
        None: it has any.
    :param replaced_instance: the instance that the next launch ends first, so that its interface is free then.
    :param names_type: the launch has the template's instance type; else MGN chooses one.
    """

    server: str
    template: str
    data: dict[str, Any]
    copied_ip: str | None = None
    replaced_instance: str | None = None
    names_type: bool = True

    @cached_property
    def interfaces(self) -> list[dict[str, Any]]:
        return list(self.data.get("NetworkInterfaces") or [])

    @cached_property
    def interface_ids(self) -> list[str]:
        return [one["NetworkInterfaceId"] for one in self.interfaces if one.get("NetworkInterfaceId")]

    @cached_property
    def group_ids(self) -> set[str]:
        mine = {group for one in self.interfaces for group in one.get("Groups") or []}
        return mine | set(self.data.get("SecurityGroupIds") or [])

    @cached_property
    def profile(self) -> str | None:
        named = self.data.get("IamInstanceProfile") or {}
        return named.get("Name") or (str(named["Arn"]).rsplit("/", 1)[-1] if named.get("Arn") else None)

    def addresses_of(self, interface: dict[str, Any]) -> list[str]:
        """The addresses that the launch wants for an interface, none for any address."""
        listed = [one.get("PrivateIpAddress") for one in interface.get("PrivateIpAddresses") or []]
        copied = self.copied_ip if interface.get("DeviceIndex", 0) == 0 else None
        return [one for one in dict.fromkeys([copied, interface.get("PrivateIpAddress"), *listed]) if one]

    def addresses_needed(self, interface: dict[str, Any]) -> int:
        extra = interface.get("SecondaryPrivateIpAddressCount") or 0
        return max(1, len(self.addresses_of(interface))) + int(extra)


@dataclass(frozen=True)
class Account:
    """What EC2 and IAM say of everything that the wave's launches name.

    :param taken: interfaces by ``subnet/address`` of wanted addresses that something has already.
    :param offered: ``type/zone`` of the instance types that are offered.
    """

    subnets: Found = field(default_factory=dict)
    groups: Found = field(default_factory=dict)
    interfaces: Found = field(default_factory=dict)
    profiles: Found = field(default_factory=dict)
    keys: Found = field(default_factory=dict)
    taken: Mapping[str, dict[str, Any]] | MigrationError = field(default_factory=dict)
    offered: frozenset[str] | MigrationError = frozenset()


def judge_launch_setups(setups: list[LaunchSetup], account: Account) -> list[GateResult]:
    """One result for each server, and one for each thing that the launches name together."""
    wanted = Counter(one for setup in setups for one in {*setup.interface_ids, *_places(setup)})
    results = []
    for setup in setups:
        facts = [*_combination(setup), *_network(setup, account, wanted), *_type(setup, account)]
        subnets = sorted({one for _, one in _subnets_of(setup, account)})
        value = {"template": setup.template, "subnet": ", ".join(subnets)}
        results.append(combine("launch template", setup.server, facts, value=value, limit=None, ok=""))
    return results + _shared(setups, account)


def _combination(setup: LaunchSetup) -> Iterator[Fact]:
    """What EC2 refuses whatever the account holds."""
    if not setup.interfaces or not all(
        one.get("SubnetId") or one.get("NetworkInterfaceId") for one in setup.interfaces
    ):
        yield blocked(f"the default version of {setup.template} names no subnet")
    if setup.interfaces and (setup.data.get("SecurityGroupIds") or setup.data.get("SecurityGroups")):
        yield blocked("the template has network interfaces and security groups beside them: EC2 takes them inside only")
    for one in setup.interfaces:
        named = one.get("NetworkInterfaceId")
        if named and any(one.get(key) for key in ("SubnetId", "Groups", "PrivateIpAddress", "PrivateIpAddresses")):
            yield blocked(f"{named} has its own subnet, groups and addresses: the template may name no others")
        if named and setup.copied_ip is not None and one.get("DeviceIndex", 0) == 0:
            yield blocked(f"copyPrivateIp is on, and {named} has an address of its own: MGN takes one of both only")
    if setup.copied_ip == "":
        yield unknown("copyPrivateIp is on, and MGN does not say the source's address")


def _network(setup: LaunchSetup, account: Account, wanted: Counter[str]) -> Iterator[Fact]:
    zones: dict[str, str] = {}
    vpcs: dict[str, str] = {}
    for interface, name in _subnets_of(setup, account):
        subnet = account.subnets.get(name)
        if isinstance(subnet, MigrationError) or subnet is None:
            continue  # Said of the subnet itself.
        zones[name], vpcs[name] = str(subnet.get("AvailabilityZone")), str(subnet.get("VpcId"))
        yield from _groups(setup, interface, name, subnet, account)
        for address in setup.addresses_of(interface):
            yield from _address(setup, address, name, subnet, account)
            if wanted[f"{name}/{address}"] > 1:
                yield blocked(f"{address} is asked for by {wanted[f'{name}/{address}']} servers of the wave")
    zone = (setup.data.get("Placement") or {}).get("AvailabilityZone")
    if zone:
        zones["the placement"] = zone
    for what, where in (("zone", zones), ("VPC", vpcs)):
        if len(set(where.values())) > 1:
            yield blocked(f"not of one {what}: {', '.join(f'{name} in {one}' for name, one in where.items())}")
    for one in setup.interface_ids:
        if wanted[one] > 1:
            yield blocked(f"{one} is asked for by {wanted[one]} servers of the wave")
        yield from _is_free(setup, one, account)


def _is_free(setup: LaunchSetup, name: str, account: Account) -> Iterator[Fact]:
    seen = account.interfaces.get(name)
    if seen is None or isinstance(seen, MigrationError) or seen.get("Status") == "available":
        return
    user = (seen.get("Attachment") or {}).get("InstanceId")
    if not user or user != setup.replaced_instance:
        yield blocked(f"{name} is {seen.get('Status') or 'in an unknown state'}{f' by {user}' if user else ''}")


def _groups(
    setup: LaunchSetup, interface: dict[str, Any], name: str, subnet: dict[str, Any], account: Account
) -> Iterator[Fact]:
    for group in sorted({*(interface.get("Groups") or []), *(setup.data.get("SecurityGroupIds") or [])}):
        seen = account.groups.get(group)
        if isinstance(seen, dict) and seen.get("VpcId") != subnet.get("VpcId"):
            yield blocked(f"{group} is of {seen.get('VpcId')}, and {name} of {subnet.get('VpcId')}")


def _address(setup: LaunchSetup, address: str, name: str, subnet: dict[str, Any], account: Account) -> Iterator[Fact]:
    try:
        network, wanted = ip_network(str(subnet.get("CidrBlock"))), ip_address(address)
    except ValueError:
        yield unknown(f"whether {address} is in {name} ({subnet.get('CidrBlock')}) is not known")
        return
    if wanted not in network:
        yield blocked(f"{address} is not in {name} ({network})")
        return
    place = int(wanted) - int(network.network_address)
    if place < _FIRST_KEPT or wanted == network[-1]:
        yield blocked(f"{address} is an address that EC2 keeps for itself in {name} ({network})")
    if isinstance(account.taken, MigrationError):
        yield unknown(f"whether {address} is free in {name} is not known: {account.taken}")
        return
    taken = account.taken.get(f"{name}/{address}")
    user = ((taken or {}).get("Attachment") or {}).get("InstanceId")
    if taken is not None and not (user and user == setup.replaced_instance):
        yield blocked(f"{address} is taken in {name} by {user or taken.get('NetworkInterfaceId')}")


def _type(setup: LaunchSetup, account: Account) -> Iterator[Fact]:
    named = setup.data.get("InstanceType")
    if not named or not setup.names_type:
        return
    for _, name in _subnets_of(setup, account):
        subnet = account.subnets.get(name)
        zone = subnet.get("AvailabilityZone") if isinstance(subnet, dict) else None
        if isinstance(account.offered, MigrationError):
            yield unknown(f"whether {named} is offered is not known: {account.offered}")
            return
        if zone and f"{named}/{zone}" not in account.offered:
            yield blocked(f"{named} is not offered in {zone}")


def _shared(setups: list[LaunchSetup], account: Account) -> list[GateResult]:
    needed: Counter[str] = Counter()
    users: dict[tuple[str, str], list[str]] = {}
    for setup in setups:
        for interface, subnet in _subnets_of(setup, account):
            users.setdefault(("subnet", subnet), []).append(setup.server)
            if not interface.get("NetworkInterfaceId") and not setup.replaced_instance:
                needed[subnet] += setup.addresses_needed(interface)
        named = [("security group", one) for one in sorted(setup.group_ids)]
        named += [("network interface", one) for one in setup.interface_ids]
        named += [("instance profile", setup.profile)] if setup.profile else []
        named += [("key pair", str(setup.data["KeyName"]))] if setup.data.get("KeyName") else []
        for one in named:
            users.setdefault(one, []).append(setup.server)
    return [_exists(kind, one, servers, account, needed) for (kind, one), servers in sorted(users.items())]


def _exists(kind: str, name: str, servers: list[str], account: Account, needed: Counter[str]) -> GateResult:
    where: dict[str, Found] = {
        "subnet": account.subnets,
        "security group": account.groups,
        "network interface": account.interfaces,
        "instance profile": account.profiles,
        "key pair": account.keys,
    }
    seen = where[kind].get(name)
    by = ", ".join(dict.fromkeys(servers[:5]))
    if isinstance(seen, MigrationError):
        return GateResult(kind, name, Verdict.UNKNOWN, reason=f"{seen}; needed by {by}")
    if seen is None:
        return GateResult(kind, name, Verdict.BLOCKED, reason=f"{name} does not exist; needed by {by}")
    if kind != "subnet" or not needed[name]:
        return GateResult(kind, name, Verdict.OK)
    return combine(kind, name, _room(name, seen, needed[name]), value=None, limit=None, ok="")


def _room(name: str, subnet: dict[str, Any], needed: int) -> Iterable[Fact]:
    free = subnet.get("AvailableIpAddressCount")
    if subnet.get("State", "available") != "available":
        yield unknown(f"{name} is {subnet['State']}")
    if not isinstance(free, int):
        yield unknown(f"EC2 does not say how many addresses are free in {name}")
    elif free < needed:
        yield blocked(f"{name} has {free} free addresses, and the launches of this wave need {needed}")


def _subnets_of(setup: LaunchSetup, account: Account) -> list[tuple[dict[str, Any], str]]:
    """Each interface of the template with its subnet; one of which the subnet is not known is left out."""
    found = []
    for one in setup.interfaces:
        given = account.interfaces.get(str(one.get("NetworkInterfaceId")))
        subnet = one.get("SubnetId") or (given.get("SubnetId") if isinstance(given, dict) else None)
        if subnet:
            found.append((one, str(subnet)))
    return found


def _places(setup: LaunchSetup) -> set[str]:
    return {
        f"{one['SubnetId']}/{address}"
        for one in setup.interfaces
        if one.get("SubnetId")
        for address in setup.addresses_of(one)
    }
