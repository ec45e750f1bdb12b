"""Hostile URLs of callbacks, counted at the socket: nothing is connected to but the receiver that was judged."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pytest

from migration_ops.core.errors import MigrationError
from migration_ops.integrations.callback.client import CallbackEvent, from_connection
from migration_ops.integrations.errors import CallbackRefusedError, ForbiddenUrlError
from tests.integrations.sites import SECRET, CallbackSite
from tests.integrations.test_egress import FORBIDDEN_FORMS, NEVER, PRIVATE, PUBLIC, bracketed
from tests.wave.steps.test_app_checks import connects

EVENT = CallbackEvent("mig-web01", "wave-3", "billing", "COMPLETED", "FINALIZED", "c-1")
INNER = ["127.0.0.1", "10.0.0.1", "169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16"]
# As wide as somebody could list them in the connection; a port of plain http too.
EVERYWHERE = ["0.0.0.0/0", "::/0", "hooks.corp", "hooks.corp:80"]
AROUND = ["{}", "user@{}", "user:pw@{}", "hooks.corp@{}", "{}#@hooks.corp", "{}\\@hooks.corp", "{}%00.hooks.corp"]


def notations(address: str) -> Iterator[str]:
    """How resolvers and libraries write an IPv4 address: decimal, octal, hexadecimal, short, inside IPv6."""
    whole = int(ipaddress.IPv4Address(address))
    parts = [int(one) for one in address.split(".")]
    yield from (address, f"{address}.", str(whole), hex(whole), f"0{whole:o}", f"{whole + 2**32}")
    yield from (f"{parts[0]}.{whole & 0xFFFFFF}", f"{parts[0]}.{parts[1]}.{whole & 0xFFFF}")
    yield from (".".join(f"0{one:o}" for one in parts), ".".join(map(hex, parts)))
    yield from (".".join(f"{one:03d}" for one in parts), f"[::ffff:{address}]", f"[::{address}]")
    yield from (f"[64:ff9b::{address}]", f"[2002:{whole >> 16:x}:{whole & 0xFFFF:x}::]", f"[::ffff:0:{address}]")
    yield from (address.replace(".", "\u3002"), address.replace(".", "\uff0e"), address.replace(".", "%2e"))
    yield "".join(chr(0xFF10 + int(one)) if one.isdigit() else one for one in address)


@dataclass(frozen=True)
class Case:
    """One URL, what its name resolves to, and what the connection lists."""

    url: str
    addresses: tuple[str, ...] = (PUBLIC,)
    allowed: tuple[str, ...] = ()


def cases() -> list[Case]:
    hosts = sorted({around.format(host) for one in INNER for host in notations(one) for around in AROUND})
    found = [Case(f"https://{host}/latest/meta-data/") for host in hosts]
    found += [Case(url) for url in FORBIDDEN_FORMS]
    found += [Case(f"https://{bracketed(one)}/") for one in PRIVATE + NEVER]
    for answer in PRIVATE + NEVER:
        found += [Case("https://hooks.corp/", given) for given in ((answer,), (PUBLIC, answer), (answer, PUBLIC))]
    wide = tuple(EVERYWHERE)
    for answer in NEVER:
        found += [Case("https://hooks.corp/", (answer,), wide), Case("http://hooks.corp:80/", (answer,), wide)]
        found += [Case(f"https://{bracketed(answer)}/", allowed=(*wide, bracketed(answer)))]
    return found


def resolves(answers: Sequence[str]) -> Callable[[str, int], Sequence[str]]:
    return lambda host, port: answers


def outcome(site: CallbackSite, case: Case) -> MigrationError | None:
    """The refusal; None when it was delivered."""
    resolver = resolves(case.addresses)
    client = site.client(url=case.url, allowed_hosts=list(case.allowed), resolver=resolver, attempts=2)
    try:
        client.send(EVENT)
    except MigrationError as error:
        return error
    return None


def test_the_hook_counts_the_connect_of_a_delivery(callback_site: CallbackSite) -> None:
    with connects() as seen:
        callback_site.client().send(EVENT)
    assert seen == [("127.0.0.1", callback_site.port)]


def test_no_hostile_url_is_connected_to(callback_site: CallbackSite) -> None:
    tried = cases()
    with connects() as seen:
        found = [outcome(callback_site, case) for case in tried]
        assert seen == []
    print(f"{len(tried)} hostile URLs of callbacks, {len(seen)} connects")
    assert [case for case, error in zip(tried, found, strict=True) if not isinstance(error, ForbiddenUrlError)] == []
    assert len(tried) >= 200


def test_a_host_that_the_connection_does_not_list_is_not_connected_to() -> None:
    with connects() as seen:
        for url in ("https://hooks.example.com/", f"https://{PUBLIC}/", "https://hooks.corp.example.com/"):
            with pytest.raises(ForbiddenUrlError):
                from_connection(url, SECRET, {"allowedHosts": ["hooks.corp"]}, resolver=resolves([PUBLIC])).send(EVENT)
    assert seen == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "location",
    [*(f"http://{one}/" for one in INNER), "//169.254.169.254/", "/\\169.254.169.254", "http://[::ffff:a9fe:a9fe]/"],
)
def test_a_redirect_is_connected_to_nowhere(callback_site: CallbackSite, status: int, location: str) -> None:
    callback_site.app.order(status=status, location=location, times=1)
    with connects() as seen, pytest.raises(CallbackRefusedError):
        callback_site.client().send(EVENT)
    assert seen == [("127.0.0.1", callback_site.port)]


@pytest.mark.parametrize("later", NEVER)
def test_a_name_that_leads_elsewhere_at_the_next_attempt_is_not_followed(
    callback_site: CallbackSite, later: str
) -> None:
    """DNS rebinding between two attempts of one delivery."""
    asked: list[str] = []

    def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else [later]

    callback_site.app.order(status=500, times=1)
    url = f"http://rebind.corp:{callback_site.port}/hook"
    client = callback_site.client(url=url, allowed_hosts=["127.0.0.1", *EVERYWHERE], resolver=rebinding)
    with connects() as seen, pytest.raises(ForbiddenUrlError):
        client.send(EVENT)
    assert (seen, len(asked)) == ([("127.0.0.1", callback_site.port)], 2)
