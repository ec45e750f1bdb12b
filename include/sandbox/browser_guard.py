"""Keeps pages in a developer's browser away from the sandbox's servers, which ask for no password.

A page reaches loopback in two ways: its own host name is made to resolve to 127.0.0.1 (DNS rebinding; then ``Host`` is
that name), or it sends a request to another origin (then ``Origin`` is the page's). Tools send neither.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any
from urllib.parse import urlsplit

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1")


def without_browsers(app: WsgiApp, names: Collection[str] = ()) -> WsgiApp:
    """
    The application, for requests to loopback or to one of ``names``; 403 for all others, and for foreign origins.

    :param names: by which other machines reach the sandbox. Names below them are theirs as well, as S3's buckets are.
    """
    allowed = (*LOOPBACK_NAMES, *(name.lower() for name in names))

    def guarded(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        origin = environ.get("HTTP_ORIGIN")
        if _is_ours(_host_of(f"//{environ.get('HTTP_HOST', '')}"), allowed) and (
            origin is None or _is_ours(_host_of(origin), allowed)
        ):
            return app(environ, start_response)
        start_response("403 Forbidden", [("Content-Type", "text/plain")])
        return [b"The sandbox answers under its own names only, and to no page of another origin."]

    return guarded


def _host_of(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_ours(host: str, allowed: Collection[str]) -> bool:
    return any(host == name or host.endswith(f".{name}") for name in allowed)
