"""Decides whether a URL from a conf may be called, and to which addresses its name is pinned (SSRF guard).

A URL is approved when it is ``https``, on port 443, and *every* address of its host is public. An allow-list entry
allows more: ``host`` or a CIDR allows private addresses; ``host:port`` also plain http and that port; a single address
also plain http and any port. Loopback addresses are allowed only by an entry that is such an address, or ``localhost``.
Link-local, metadata, multicast and reserved addresses are always refused.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from migration_ops.core.errors import InstallationError
from migration_ops.integrations.callback.addresses import Address, Network, Reach, plain, reach_of
from migration_ops.integrations.errors import ForbiddenUrlError, NameNotResolvedError

DEFAULT_PORTS = {"https": 443, "http": 80}
MAX_URL_CHARS = 2048
LOCALHOST = "localhost"
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
# The last label begins with a letter: names that a resolver would read as a number (0x7f.1, 2130706433) are refused.
_NAME = re.compile(rf"^(?:{_LABEL}\.)*[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?$")
_NOT_IN_A_URL = re.compile(r"[^\x21-\x7e]|[\\\"<>^`{|}]")

Resolver = Callable[[str, int], Sequence[str]]


@dataclass(frozen=True)
class ApprovedUrl:
    """A URL that may be called, and the only addresses at which it may be called.

    :param addresses: at least one; all have been checked.
    """

    url: str = field(repr=False)  # its query may carry a token
    scheme: str
    host: str
    port: int
    addresses: tuple[str, ...]

    @property
    def host_header(self) -> str:
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == DEFAULT_PORTS[self.scheme] else f"{name}:{self.port}"


@dataclass(frozen=True)
class _Allowed:
    """One parsed allow-list entry: a name or a network, and perhaps a port."""

    host: str | None = None
    network: Network | None = None
    port: int | None = None

    @property
    def is_address(self) -> bool:
        """One address, not a range."""
        return self.network is not None and self.network.num_addresses == 1

    def covers(self, scheme: str, host: str, port: int, address: Address) -> bool:
        """Whether this entry lets the host be called at that address."""
        if self.port is None and not self.is_address and (scheme, port) != ("https", DEFAULT_PORTS["https"]):
            return False
        if self.port not in (None, port):
            return False
        if plain(address).is_loopback and not (self.is_address or self.host == LOCALHOST):
            return False
        if self.network is not None:
            return plain(address) in self.network or address in self.network
        return self.host == host


def resolve(host: str, port: int) -> Sequence[str]:
    """All addresses of a host.

    :raises NameNotResolvedError: it has none at the moment.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NameNotResolvedError("the host has no address", host=host, cause=str(error)) from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def check_url(
    url: str, allowed_hosts: Sequence[str] = (), *, path: str = "callbackUrl", resolver: Resolver = resolve
) -> ApprovedUrl:
    """The URL, approved and pinned; nothing is sent to it.

    :param allowed_hosts: entries ``host``, ``host:port``, an address, ``[v6]:port`` or a CIDR; no wildcards.
    :param path: where the URL stands in the conf, for the error.
    :raises ForbiddenUrlError: it may not be called; the error names ``path`` and host, never the whole URL.
    :raises NameNotResolvedError: its host has no address now, so it cannot be checked.
    :raises InstallationError: an entry of the allow-list is malformed.
    """
    allowed = [_parse_entry(entry, number) for number, entry in enumerate(allowed_hosts)]
    scheme, host, port = _parse(url, path)
    literal = _literal(host)
    found = [str(literal)] if literal is not None else list(resolver(host, port))
    if not found:
        raise NameNotResolvedError("the host has no address", host=host)
    for text in found:
        _judge(text, scheme, host, port, allowed, path)
    return ApprovedUrl(url, scheme, host, port, tuple(found))


def lists(entries: Sequence[str], url: str, *, path: str = "callbackUrl", resolver: Resolver = resolve) -> bool:
    """Whether an entry names the URL's host or contains all its addresses; :func:`check_url` says if it may be called.

    :raises ForbiddenUrlError: it is no URL that can be called.
    :raises NameNotResolvedError: its host has no address now.
    :raises InstallationError: an entry is malformed.
    """
    allowed = [_parse_entry(entry, number) for number, entry in enumerate(entries)]
    _, host, port = _parse(url, path)
    named = [one for one in allowed if one.port in (None, port)]
    if any(one.host == host for one in named):
        return True
    networks = [one.network for one in named if one.network is not None]
    literal = _literal(host)
    if not networks:
        return False
    found = [literal] if literal is not None else [ipaddress.ip_address(one) for one in resolver(host, port)]
    return bool(found) and all(any(plain(one) in network or one in network for network in networks) for one in found)


def _judge(text: str, scheme: str, host: str, port: int, allowed: list[_Allowed], path: str) -> None:
    """One forbidden address among several refuses the URL: the connection may use any of them."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        raise ForbiddenUrlError("the resolver's answer is no address", path=path, host=host) from error
    # Without the address: the reader of the error may not be allowed to see internal addresses.
    about = {"path": path, "host": host}
    reach = reach_of(address)
    if reach is Reach.NEVER:
        raise ForbiddenUrlError("the host leads to a link-local, metadata, multicast or reserved address", **about)
    if any(entry.covers(scheme, host, port, address) for entry in allowed):
        return
    if reach is Reach.PRIVATE:
        raise ForbiddenUrlError("the host leads to a private address", **about)
    if scheme != "https":
        raise ForbiddenUrlError("only https may be called", **about)
    if port != DEFAULT_PORTS["https"]:
        raise ForbiddenUrlError("only port 443 may be called", **about, port=port)


def _parse(url: str, path: str) -> tuple[str, str, int]:
    if not isinstance(url, str) or not url or len(url) > MAX_URL_CHARS:
        raise ForbiddenUrlError(f"must be a URL of at most {MAX_URL_CHARS} characters", path=path)
    # Parsers read blanks and backslashes differently; letters of other alphabets can look like another host.
    if _NOT_IN_A_URL.search(url):
        raise ForbiddenUrlError(
            "must be plain ASCII without blanks, quotes or backslashes (IDN: write xn--…)", path=path
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ForbiddenUrlError("is not a URL", path=path) from error
    if parts.scheme not in DEFAULT_PORTS or not url.lower().startswith(f"{parts.scheme}://"):
        raise ForbiddenUrlError("must begin with https://", path=path)
    if "@" in parts.netloc:
        raise ForbiddenUrlError("must not carry a user name or password", path=path)
    if parts.fragment or port == 0 or parts.netloc.endswith(":"):
        raise ForbiddenUrlError("must not have a fragment, an empty port or port 0", path=path)
    return parts.scheme, _host_of(parts, path), port or DEFAULT_PORTS[parts.scheme]


def _host_of(parts: SplitResult, path: str) -> str:
    host = (parts.hostname or "").lower()
    literal = _literal(host)
    if literal is not None:
        if ("[" in parts.netloc) != (literal.version == 6):
            raise ForbiddenUrlError("is not a URL", path=path)
        return str(literal)
    if "[" in parts.netloc or len(host) > 253 or not _NAME.match(host):
        # Also refuses 127.1, 0x7f000001, 017700000001, a zone (%25eth0), a trailing dot and percent-encoding.
        raise ForbiddenUrlError("has a host that is neither a plain DNS name nor a plain address", path=path)
    return host


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _parse_entry(entry: object, number: int) -> _Allowed:
    text = entry.strip().lower() if isinstance(entry, str) else ""
    try:
        return _Allowed(network=ipaddress.ip_network(text.strip("[]")))
    except ValueError:
        pass
    match = re.match(r"^(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[^:/\[\]]+))(?::(?P<port>\d{1,5}))?$", text)
    if match:
        port = int(match["port"]) if match["port"] else None
        host = match["v6"] or match["name"]
        literal = _literal(host)
        if port is None or 0 < port < 65_536:
            if literal is not None:
                return _Allowed(network=ipaddress.ip_network(str(literal)), port=port)
            if not match["v6"] and _NAME.match(host):
                return _Allowed(host=host, port=port)
    raise InstallationError(
        "an allow-list entry must be host, host:port, an address or a CIDR", path=f"allowedHosts[{number}]", value=text
    )
