"""Whether a managed node of Systems Manager is the source server that MGN knows. Pure.

It is proven in one of two ways:

- MGN says that the source is the EC2 instance ``awsInstanceID``, and the node has this id.
- The node's computer name is the source's hostname or FQDN, **and** its address is one of the source's addresses.
  Names are compared without case: in full when both are fully qualified, else by their first labels.

What contradicts MGN is BLOCKED: another instance id, name, address or platform, or the instance that was launched from
the source (it has the same name). A missing value proves nothing and is UNKNOWN; so are names such as ``localhost`` and
loopback or link-local addresses. A node that does not answer is BLOCKED.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address

from migration_ops.aws.managed_nodes import ONLINE, ManagedNode
from migration_ops.aws.mgn.servers import ServerView
from migration_ops.core.verdict import Fact, GateResult, blocked, combine, unknown

CHECK = "quiesce target"
_LIMIT = "the wave's source server, online"
_PLATFORMS = ("Linux", "Windows")
_NETBIOS_CHARACTERS = 15
_NO_NAMES = frozenset({"", "localhost", "ip6-localhost", "unknown", "none"})


def judge_node(server_id: str, instance_id: str, view: ServerView | None, node: ManagedNode | None) -> GateResult:
    """OK when the node is the source server, of a known platform, and online.

    :param view: None when MGN does not know the source server.
    :param node: None when SSM does not list it.
    """
    facts = list(_facts(instance_id, view, node))
    value: dict[str, str | None] = {"instanceId": instance_id}
    if node is not None:
        value |= {"computerName": node.computer_name, "ipAddress": node.ip_address, "platform": node.platform}
    said = f"{instance_id} is {server_id}"
    return combine(CHECK, server_id, facts, value=value, limit=_LIMIT, ok=said)


def platform_of(view: ServerView | None, node: ManagedNode | None) -> str | None:
    """``Linux`` or ``Windows``, by SSM, else by MGN; None when neither says it, or SSM says another one."""
    if node is not None and node.platform:
        return node.platform if node.platform in _PLATFORMS else None
    return _platform_by_name(view.os_name if view else None)


def _facts(instance_id: str, view: ServerView | None, node: ManagedNode | None) -> Iterator[Fact]:
    if view is None:
        yield unknown("MGN does not know this source server")
        return
    if instance_id == view.launched_instance_id:
        yield blocked(f"{instance_id} is the instance that was launched from it, not the source")
    if node is None:
        yield unknown(f"SSM lists no managed node {instance_id}")
        return
    yield from _identity(view, node)
    yield from _platform(view, node)
    if node.ping_status is None:
        yield unknown("SSM does not say whether its agent answers")
    elif node.ping_status != ONLINE:
        yield blocked(f"its agent does not answer: {node.ping_status} since {node.last_ping_at or 'an unknown time'}")


def _identity(view: ServerView, node: ManagedNode) -> Iterator[Fact]:
    if view.source_instance_id and node.instance_id.startswith("i-"):
        if node.instance_id != view.source_instance_id:
            yield blocked(f"MGN says that the source is {view.source_instance_id}, not {node.instance_id}")
        return
    names = [name for name in (view.hostname, view.fqdn) if name and _proves(name)]
    if not names or not _proves(node.computer_name):
        yield unknown(f"no names to compare: SSM says {node.computer_name!r}, MGN {view.hostname!r}, {view.fqdn!r}")
    elif not _is_one_of(str(node.computer_name), names, platform_of(view, node) == "Windows"):
        yield blocked(f"its name is {node.computer_name!r}, that of the source is {' or '.join(map(repr, names))}")
    mine, theirs = _addresses(view.ip_addresses), _addresses([node.ip_address or ""])
    if not mine or not theirs:
        yield unknown(f"no addresses to compare: SSM says {node.ip_address!r}, MGN {', '.join(view.ip_addresses)!r}")
    elif not mine & theirs:
        yield blocked(f"its address is {node.ip_address}, those of the source are {', '.join(view.ip_addresses)}")


def _platform(view: ServerView, node: ManagedNode) -> Iterator[Fact]:
    by_mgn = _platform_by_name(view.os_name)
    if node.platform and node.platform not in _PLATFORMS:
        yield blocked(f"no commands can be sent to its platform {node.platform}")
    elif node.platform and by_mgn and node.platform != by_mgn:
        yield blocked(f"SSM says that it is {node.platform}, MGN that the source is {by_mgn}")
    elif platform_of(view, node) is None:
        yield unknown("neither SSM nor MGN says its platform")


def _platform_by_name(os_name: str | None) -> str | None:
    """MGN says the operating system in words: ``Microsoft Windows Server 2019 Standard``, ``Linux version 5.14…``."""
    text = (os_name or "").strip()
    if not text:
        return None
    return "Windows" if re.search(r"\bwindows\b", text, re.IGNORECASE) else "Linux"


def _plain(name: str | None) -> str:
    return (name or "").strip().rstrip(".").casefold()


def _proves(name: str | None) -> bool:
    plain = _plain(name)
    return plain not in _NO_NAMES and not plain.startswith("localhost.") and not _addresses([plain], every=True)


def _is_one_of(name: str, names: list[str], is_windows: bool) -> bool:
    mine, theirs = _plain(name), [_plain(one) for one in names]
    qualified = [one for one in theirs if "." in one]
    if "." in mine and qualified:
        # The same short name in two domains is two machines.
        return mine in qualified
    return any(_same_label(mine.split(".")[0], one.split(".")[0], is_windows) for one in theirs)


def _same_label(one: str, other: str, is_windows: bool) -> bool:
    if is_windows and _NETBIOS_CHARACTERS in (len(one), len(other)):
        # A NetBIOS name has at most 15 characters, and either side may show it in place of the hostname.
        return one[:_NETBIOS_CHARACTERS] == other[:_NETBIOS_CHARACTERS]
    return one == other


def _addresses(texts: Iterable[str], every: bool = False) -> set[IPv4Address | IPv6Address]:
    """Addresses that identify one machine; with ``every`` loopback, link-local and unspecified ones as well."""
    found: set[IPv4Address | IPv6Address] = set()
    for text in texts:
        try:
            address = ip_address(text.strip().split("%")[0].split("/")[0])
        except ValueError:
            continue
        if every or not (address.is_loopback or address.is_link_local or address.is_unspecified):
            found.add(address)
    return found
