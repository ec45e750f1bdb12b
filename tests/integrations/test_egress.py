"""What may be called: the table of refused forms, the allow-list, and addresses inside addresses."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration_ops.core.errors import InvalidInputError
from migration_ops.integrations.callback.addresses import Reach, reach_of
from migration_ops.integrations.callback.egress import check_url, resolve
from migration_ops.integrations.errors import ForbiddenUrlError, NameNotResolvedError

PUBLIC = "93.184.216.34"


def to(*addresses: str) -> Callable[[str, int], Sequence[str]]:
    return lambda host, port: addresses


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://hooks.example.com/a?b=c", "hooks.example.com", 443),
        ("https://HOOKS.Example.com:443/", "hooks.example.com", 443),
        ("HTTPS://hooks.example.com", "hooks.example.com", 443),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443),
        ("https://a_b.example.com/", "a_b.example.com", 443),
    ],
)
def test_public_https_is_approved_and_pinned(url: str, host: str, port: int) -> None:
    approved = check_url(url, resolver=to(PUBLIC, "2606:2800:220:1::1"))
    assert (approved.host, approved.port) == (host, port)
    assert approved.addresses == (PUBLIC, "2606:2800:220:1::1")
    assert "b=c" not in repr(approved)


@pytest.mark.parametrize("url", [f"https://{PUBLIC}/", "https://[2606:2800:220:1::1]/"])
def test_public_literals_need_no_resolver(url: str) -> None:
    def never(host: str, port: int) -> Sequence[str]:
        raise AssertionError("asked")

    assert len(check_url(url, resolver=never).addresses) == 1


FORBIDDEN_FORMS = [
    "http://hooks.example.com/",
    "https://hooks.example.com:8443/",
    "https://hooks.example.com:22/",
    "https://hooks.example.com:0/",
    "https://hooks.example.com:/",
    "https://hooks.example.com:99999/",
    "https://hooks.example.com:\uff14\uff14\uff13/",
    "https://user@hooks.example.com/",
    "https://user:secret@hooks.example.com/",
    "https://hooks.example.com@169.254.169.254/",
    "https://169.254.169.254#@hooks.example.com/",
    "https://hooks.example.com/#x",
    "https://hooks.example.com\\@169.254.169.254/",
    "https:\\\\hooks.example.com/",
    "https:/hooks.example.com/",
    "https:hooks.example.com",
    "//hooks.example.com/",
    "hooks.example.com",
    "",
    "ftp://hooks.example.com/",
    "file:///etc/passwd",
    "gopher://hooks.example.com/",
    "javascript:alert(1)",
    "https://",
    "https:///path",
    "https://hooks.example.com./",
    "https://.example.com/",
    "https://hooks..example.com/",
    "https://-x.example.com/",
    "https://hooks.example.com /",
    " https://hooks.example.com/",
    "https://hooks.exa\tmple.com/",
    "https://hooks.example.com/\r\nHost: x",
    "https://hooks.example.com\x00.evil.test/",
    "https://hooks%2eexample.com/",
    "https://127%2e0.0.1/",
    "https://bücher.example/",
    "https://ⓔxample.com/",
    "https://example。com/",
    "https://\uff11\uff12\uff17.0.0.1/",
    "https://hooks.example.com\u202e/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://017700000001/",
    "https://0177.0.0.1/",
    "https://127.1/",
    "https://127.0.1/",
    "https://127.0.0.1./",
    "https://1.2.3.4.5/",
    "https://256.1.1.1/",
    "https://[::1/",
    "https://::1/",
    "https://[93.184.216.34]/",
    "https://[fe80::1%25eth0]/",
    "https://[fe80::1%eth0]/",
    "https://[v1.x]/",
    f"https://{'a' * 64}.example.com/",
    f"https://hooks.example.com/{'a' * 2048}",
]


@pytest.mark.parametrize("url", FORBIDDEN_FORMS)
def test_forbidden_forms(url: str) -> None:
    with pytest.raises(ForbiddenUrlError) as caught:
        check_url(url, path="callbackUrl", resolver=to(PUBLIC))
    assert caught.value.context["path"] == "callbackUrl"
    assert "secret" not in str(caught.value)


PRIVATE = ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "127.0.0.1", "127.8.9.1", "100.64.0.1"]
PRIVATE += ["198.18.0.1", "::1", "fc00::1", "fd12:3456::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::10.0.0.1"]
PRIVATE += ["64:ff9b::7f00:1"]
NEVER = [
    "0.0.0.0",
    "0.1.2.3",
    "169.254.169.254",
    "169.254.170.2",
    "169.254.170.23",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::2",
    "::7f00:1",
    "::169.254.169.254",
    "::ffff:0.0.0.0",
    "::ffff:169.254.169.254",
    "::ffff:0:7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::7f00:1",
    "64:ff9b:1::808:808",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2002:808:808::",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "fd00:ec2::254",
    "fe80::1",
    "febf::1",
    "fec0::1",
    "ff02::1",
    "100::1",
    "4000::1",
    "2a00:1450::200:5efe:a9fe:a9fe",
    "2a00:1450::5efe:169.254.169.254",
]


def bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


@pytest.mark.parametrize("address", PRIVATE + NEVER)
@pytest.mark.parametrize("as_literal", [True, False])
def test_inner_addresses_are_refused(address: str, as_literal: bool) -> None:
    url = f"https://{bracketed(address)}/" if as_literal else "https://hooks.example.com/"
    with pytest.raises(ForbiddenUrlError):
        check_url(url, resolver=to(address))


@pytest.mark.parametrize("address", PRIVATE + NEVER)
def test_one_inner_address_among_public_ones_refuses_all(address: str) -> None:
    for answer in ((PUBLIC, address), (address, PUBLIC)):
        with pytest.raises(ForbiddenUrlError):
            check_url("https://hooks.example.com/", resolver=to(*answer))


OWN = [one for one in PRIVATE if "127." in one or one in ("::1", "64:ff9b::7f00:1")]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_listed_lifts_http_and_any_port(address: str) -> None:
    approved = check_url("http://inner.example.com:8080/x", [bracketed(address)], resolver=to(address))
    assert approved.addresses == (address,)
    assert approved.host_header == "inner.example.com:8080"


@pytest.mark.parametrize("address", [one for one in PRIVATE if one not in OWN])
@pytest.mark.parametrize(
    ("entry", "url"),
    [
        ("inner.example.com", "https://inner.example.com/x"),
        ("10.0.0.0/8", "https://10.0.0.9/x"),
        ("INNER.example.com:8080", "http://inner.example.com:8080/x"),
        ("INNER.example.com:8443", "https://inner.example.com:8443/x"),
    ],
)
def test_a_name_or_a_range_lifts_private_addresses_and_the_port_that_it_names(
    address: str, entry: str, url: str
) -> None:
    assert check_url(url, [entry], resolver=to(address)).addresses


@pytest.mark.parametrize(
    ("entry", "url", "address"),
    [
        ("hooks.corp", "http://hooks.corp/", "10.0.0.1"),
        ("hooks.corp", "https://hooks.corp:6379/", "10.0.0.1"),
        ("hooks.corp", "http://hooks.corp:80/", PUBLIC),
        ("10.0.0.0/8", "https://a.corp:22/", "10.0.0.1"),
        ("10.0.0.0/8", "http://a.corp/", "10.0.0.1"),
        ("hooks.corp:8080", "http://hooks.corp:8081/", "10.0.0.1"),
    ],
)
def test_no_entry_lifts_a_port_or_plain_http_that_it_does_not_name(entry: str, url: str, address: str) -> None:
    with pytest.raises(ForbiddenUrlError):
        check_url(url, [entry], resolver=to(address))


@pytest.mark.parametrize("address", OWN)
@pytest.mark.parametrize("entry", ["hooks.corp", "hooks.corp:443", "0.0.0.0/0", "::/0", "127.0.0.0/8"])
def test_this_machine_is_lifted_by_its_own_address_only(address: str, entry: str) -> None:
    with pytest.raises(ForbiddenUrlError):
        check_url("https://hooks.corp/", [entry], resolver=to(address))


def test_localhost_with_its_port_is_this_machine() -> None:
    assert check_url("http://localhost:8080/", ["localhost:8080"], resolver=to("127.0.0.1"))


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254"])
def test_an_error_does_not_say_what_the_resolver_answered(address: str) -> None:
    with pytest.raises(ForbiddenUrlError) as caught:
        check_url("https://hooks.corp/", resolver=to(address))
    assert address not in f"{caught.value} {caught.value.context}"


@pytest.mark.parametrize("address", PRIVATE)
@pytest.mark.parametrize("entry", ["{network}"])
def test_the_allow_list_lifts_http_ports_and_private_addresses(address: str, entry: str) -> None:
    entry = entry.format(network=bracketed(address))
    approved = check_url("http://inner.example.com:8080/x", [entry], resolver=to(address))
    assert approved.addresses == (address,)
    assert approved.host_header == "inner.example.com:8080"


@pytest.mark.parametrize("address", NEVER)
@pytest.mark.parametrize("entry", ["inner.example.com", "0.0.0.0/0", "::/0", "169.254.0.0/16", "{address}"])
def test_never_means_even_when_allow_listed(address: str, entry: str) -> None:
    entry = entry.format(address=bracketed(address))
    with pytest.raises(ForbiddenUrlError):
        check_url("https://inner.example.com/", [entry], resolver=to(address))


@pytest.mark.parametrize(
    ("url", "entries"),
    [
        ("http://inner.example.com:8080/", ["inner.example.com:8081"]),
        ("http://inner.example.com:8080/", ["other.example.com"]),
        ("http://inner.example.com:8080/", ["example.com"]),
        ("http://inner.example.com:8080/", ["10.1.0.0/16"]),
        ("http://inner.example.com:8080/", ["10.0.0.1:80"]),
        ("http://xinner.example.com/", ["inner.example.com"]),
    ],
)
def test_the_allow_list_is_exact(url: str, entries: list[str]) -> None:
    with pytest.raises(ForbiddenUrlError):
        check_url(url, entries, resolver=to("10.0.0.1"))


def test_a_cidr_must_cover_every_address() -> None:
    with pytest.raises(ForbiddenUrlError):
        check_url("https://inner.example.com/", ["10.0.0.0/24"], resolver=to("10.0.0.1", "10.0.1.1"))


@pytest.mark.parametrize(
    "entry", ["", "*", "*.example.com", "https://a.b", "a.b:0", "a.b:70000", "a b", "10.0.0.0/99", 5]
)
def test_malformed_allow_list(entry: object) -> None:
    with pytest.raises(InvalidInputError) as caught:
        check_url("https://hooks.example.com/", ["ok.example.com", entry], resolver=to(PUBLIC))  # type: ignore[list-item]
    assert caught.value.context["path"] == "allowedHosts[1]"
    assert "Correct the conf" not in caught.value.hint


def test_a_name_without_addresses_is_not_forbidden_but_unknown() -> None:
    for resolver in (resolve, to()):
        with pytest.raises(NameNotResolvedError) as caught:
            check_url("https://no-such-host.invalid/", resolver=resolver)
        assert caught.value.retryable


def test_the_systems_resolver_is_judged_too() -> None:
    with pytest.raises(ForbiddenUrlError):
        check_url("https://localhost/")


@given(st.ip_addresses(v=4))
def test_every_wrapping_of_an_inner_address_is_at_least_as_strict(address: ipaddress.IPv4Address) -> None:
    if reach_of(address) is Reach.PUBLIC:
        return
    for prefix in ("::ffff:0:0", "64:ff9b::", "2002::", "::", "2a00:1450::5efe:0:0", "2a00:1450::200:5efe:0:0"):
        base = int(ipaddress.IPv6Address(prefix))
        shift = 80 if prefix == "2002::" else 0
        wrapped = ipaddress.IPv6Address(base | int(address) << shift)
        assert reach_of(wrapped) is not Reach.PUBLIC, wrapped


@given(st.ip_addresses())
def test_nothing_that_python_calls_private_is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if reach_of(address) is Reach.PUBLIC and address not in ipaddress.ip_network("64:ff9b::/96"):
        assert address.is_global or getattr(address, "ipv4_mapped", None)
        assert not address.is_multicast
