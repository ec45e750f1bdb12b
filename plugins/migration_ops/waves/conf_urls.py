"""What can be said of a URL in a conf without asking the network. Messages never repeat the URL."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

_PLACEHOLDERS = {"{privateIp}": "192.0.2.1", "{publicIp}": "192.0.2.2", "{instanceId}": "i-0"}
_BRACES = re.compile(r"\{[^{}]*\}|[{}]")
_UNSAFE = re.compile(r"[\s\x00-\x1f\x7f\\]")

Problem = tuple[str, str]


def callback_problem(url: str) -> Problem | None:
    """(code, message) when a callback URL cannot be one or carries a secret; if it may be called is asked later."""
    parts, problem = _split(url)
    if problem or parts is None:
        return problem
    if parts.fragment:
        return "url_fragment", "must not have a fragment: it is never sent"
    return None


def check_url_problem(template: str) -> Problem | None:
    """(code, message) when a check's URL template is not one, or would not ask the new instance."""
    unknown = [found for found in _BRACES.findall(template) if found not in _PLACEHOLDERS]
    if unknown:
        return "unknown_placeholder", f"knows only {', '.join(_PLACEHOLDERS)}"
    if not any(name in re.split(r"[?#]", template)[0] for name in _PLACEHOLDERS):
        # The source, or a left-over instance, may still answer under a fixed name, and ignore a query.
        names = ", ".join(_PLACEHOLDERS)
        return "names_no_instance", f"must have one of {names} in its host or path, so that the new instance is asked"
    for name, value in _PLACEHOLDERS.items():
        template = template.replace(name, value)
    return _split(template)[1]


def _split(url: str) -> tuple[SplitResult | None, Problem | None]:
    if _UNSAFE.search(url):
        return None, ("bad_url", "must not contain blanks, control characters or backslashes")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None, ("bad_url", "is not a URL")
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        return None, ("bad_url", "must be http:// or https:// with a host")
    if "@" in parts.netloc:
        return None, ("secret_in_url", "must not carry a user name or password: confs are shown and stored")
    return parts, None
