"""Which addresses may be called: public ones always, private ones when allow-listed, the rest never.

Explicit tables rather than ``ipaddress``'s own properties, which changed between Python 3.11 and 3.13.
"""

from __future__ import annotations

import ipaddress
from enum import StrEnum

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Reach(StrEnum):
    """PUBLIC may be called; PRIVATE only when it is on an allow-list; NEVER not even then."""

    PUBLIC = "public"
    PRIVATE = "private"
    NEVER = "never"


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


_PRIVATE = _networks(
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "127.0.0.0/8",
    "100.64.0.0/10",  # carrier-grade NAT; also used inside VPCs and by overlay networks
    "198.18.0.0/15",
    "::1/128",
    "fc00::/7",
)
_NEVER = _networks(
    "0.0.0.0/8",
    "169.254.0.0/16",  # link-local: metadata of EC2 and others (.169.254), ECS (.170.2) and EKS (.170.23) credentials
    "100.100.100.200/32",  # metadata of Alibaba Cloud
    "168.63.129.16/32",  # the host of Azure VMs, a public address
    "192.0.0.0/24",  # protocol assignments; .192 is metadata of Oracle Cloud
    "192.0.2.0/24",
    "192.88.99.0/24",  # 6to4 relays
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "fd00:ec2::/32",  # link-local services of EC2, metadata among them
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
    "::/96",  # unspecified, and IPv4-compatible; ::1 is decided before
    "64:ff9b:1::/48",  # local NAT64: the place of the IPv4 address differs by site
    "100::/64",
    "2001::/23",  # Teredo, ORCHID and other assignments with an unknown target
    "2001:db8::/32",
    "2002::/16",  # 6to4: can lead to any IPv4 address
    "3fff::/20",
    "5f00::/16",
)
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Interface identifiers of ISATAP: the last 32 bits are an IPv4 address.
_ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})
_SEVERITY = {Reach.PUBLIC: 0, Reach.PRIVATE: 1, Reach.NEVER: 2}


def plain(address: Address) -> Address:
    """The IPv4 address in an IPv4-mapped or NAT64 address, else the address itself."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return address.ipv4_mapped
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def reach_of(address: Address) -> Reach:
    """Whether this address may be called; for an ISATAP address with an IPv4 address in it the stricter of both."""
    address = plain(address)
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id:
            return Reach.NEVER
        if int(address) >> 32 & 0xFFFF_FFFF in _ISATAP:
            inner = reach_of(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
            return max(_own_reach(address), inner, key=_SEVERITY.__getitem__)
    return _own_reach(address)


def _own_reach(address: Address) -> Reach:
    if address == ipaddress.IPv6Address(1):
        return Reach.PRIVATE
    if any(address in network for network in _NEVER):
        return Reach.NEVER
    if any(address in network for network in _PRIVATE):
        return Reach.PRIVATE
    if isinstance(address, ipaddress.IPv6Address) and address not in _GLOBAL_V6:
        return Reach.NEVER
    return Reach.PUBLIC
