"""Where an http check goes: to the new instance, at the address that EC2 gives it, and nowhere else.

A check in the older form, a URL template, is split into the same parts. It is accepted only as
``scheme://{privateIp}`` or ``{publicIp}``, with an optional port and path.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from migration_ops.core.errors import InvalidInputError

PLACEHOLDERS = ("{privateIp}", "{publicIp}", "{instanceId}")
DEFAULT_PORTS = {"http": 80, "https": 443}
_BRACES = re.compile(r"\{[^{}]*\}|[{}]")
_UNSAFE = re.compile(r"[\s\x00-\x1f\x7f\\]")
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<rest>.*)", re.DOTALL)
_INSTANCE = re.compile(r"\{(?P<address>privateIp|publicIp)\}(?::(?P<port>[0-9]{1,5}))?")
_PATH = re.compile(r"/(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*")
# How many times a path is decoded at most: a chain of proxies may decode it more than once.
_MOST_DECODINGS = 5

Problem = tuple[str, str]


@dataclass(frozen=True)
class HttpTarget:
    """:param address: ``privateIp`` or ``publicIp``: which of EC2's addresses is asked.
    :param path: with its query; may hold the placeholders.
    :param host: for the Host header and the server name of TLS; None: the address itself.
    :param verify_tls: whether the certificate must be valid for ``host``.
    :param status: the HTTP status that must be answered.
    """

    scheme: str
    address: str
    port: int
    path: str
    host: str | None = None
    verify_tls: bool = False
    status: int = 200


def target_of(check: Mapping[str, Any]) -> HttpTarget:
    """The target of a check as the plan holds it, whichever form it has.

    :raises InvalidInputError: the check would not ask the new instance; a plan of an earlier version may hold one.
    """
    problem = next(problems_of(check), None)
    if problem is not None:
        raise InvalidInputError(f"the check {problem[2]}", path=problem[0], why=problem[1])
    status = int(check.get("status", 200))
    if check.get("url") is not None:
        scheme, address, port, path = _parts(str(check["url"]))
        return HttpTarget(scheme, address, port, path, status=status)
    scheme = str(check["scheme"])
    return HttpTarget(
        scheme,
        str(check.get("address", "privateIp")),
        int(check.get("port") or DEFAULT_PORTS[scheme]),
        str(check.get("path", "/")),
        check.get("host"),
        bool(check.get("verifyTls", False)),
        status,
    )


def problems_of(check: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(key, code, message) of all that is wrong with an http check beyond the types of its fields."""
    url, path = check.get("url"), check.get("path", "/")
    if url is not None:
        parts = sorted(set(check) & {"scheme", "address", "port", "path", "host", "verifyTls"})
        if parts:
            yield "url", "both_given", f"has a url and parts of one ({', '.join(parts)}): give one of them"
        elif isinstance(url, str) and (problem := check_url_problem(url)):
            yield "url", *problem
        return
    if check.get("scheme") is None:
        yield "scheme", "missing", "needs a scheme, http or https"
    if isinstance(path, str) and (problem := path_problem(path)):
        yield "path", *problem
    if check.get("verifyTls") is True and check.get("scheme") == "http":
        yield "verifyTls", "no_tls", "can verify no certificate without https"
    elif check.get("verifyTls") is True and check.get("host") is None:
        yield "host", "missing", "needs the host that the certificate is for"


def check_url_problem(template: str) -> Problem | None:
    """(code, message) when a check's URL template is malformed, or would not ask the new instance."""
    if any(found not in PLACEHOLDERS for found in _BRACES.findall(template)):
        return "unknown_placeholder", f"knows only {', '.join(PLACEHOLDERS)}"
    if _UNSAFE.search(template):
        return "bad_url", "must not contain blanks, control characters or backslashes"
    url = _URL.fullmatch(template)
    if url is None or url["scheme"].lower() not in DEFAULT_PORTS or not url["authority"]:
        return "bad_url", "must be http:// or https:// with a host"
    if "@" in url["authority"]:
        return "secret_in_url", "must not carry a user name or password: confs are shown and stored"
    instance = _INSTANCE.fullmatch(url["authority"])
    if instance is None:
        # Under a fixed name the source or an old instance may still answer, and any host could be asked.
        return "names_no_instance", "must have {privateIp} or {publicIp} as its host, and a port at most beside it"
    if instance["port"] and not 0 < int(instance["port"]) < 65_536:
        return "bad_url", "must have a port from 1 to 65535"
    return path_problem(_path_of(url["rest"]))


def path_problem(path: str) -> Problem | None:
    """(code, message) when a proxy or server could read the path as another path, or as another host."""
    if any(found not in PLACEHOLDERS for found in _BRACES.findall(path)):
        return "unknown_placeholder", f"knows only {', '.join(PLACEHOLDERS)}"
    plain = path
    for name in PLACEHOLDERS:
        plain = plain.replace(name, "i-0")
    if "#" in plain:
        return "url_fragment", "must not have a fragment: it is never sent"
    if not _PATH.fullmatch(plain):
        return "bad_url", "must begin with / and hold only the characters of a URL; others as %XX"
    decoded = _decoded(plain.split("?")[0])
    if decoded is None or "\\" in decoded or "\ufffd" in decoded or not decoded.isprintable():
        return "bad_url", "must not hide backslashes, control characters or broken text behind %XX"
    if decoded.startswith("//"):
        return "bad_url", "must not begin with //, which names a host"
    # What follows a semicolon is a parameter of the segment to some servers, so that "..;" is "..".
    if any(part.split(";")[0].strip() in {".", ".."} for part in decoded.split("/")):
        return "dot_segment", "must not have the segments . or .., however they are written"
    return None


def _decoded(path: str) -> str | None:
    """Without percent-encoding, and with look-alikes of ASCII as ASCII; None when it is encoded too many times over."""
    for _ in range(_MOST_DECODINGS):
        now = unquote(path)
        if now == path:
            return unicodedata.normalize("NFKC", path)
        path = now
    return None


def _parts(template: str) -> tuple[str, str, int, str]:
    url = _URL.fullmatch(template)
    instance = _INSTANCE.fullmatch(url["authority"]) if url else None
    if url is None or instance is None:
        raise InvalidInputError("the check's url is malformed", path="url")
    scheme = url["scheme"].lower()
    port = int(instance["port"]) if instance["port"] else DEFAULT_PORTS[scheme]
    return scheme, instance["address"], port, _path_of(url["rest"])


def _path_of(rest: str) -> str:
    return rest if rest.startswith("/") else f"/{rest}"
