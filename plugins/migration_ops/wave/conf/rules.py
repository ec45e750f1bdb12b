"""The rules about more than one field of a conf. They read the raw document, so that all findings come at once.

A part of the wrong type is skipped here: the model reports it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from graphlib import CycleError, TopologicalSorter
from typing import Any
from urllib.parse import SplitResult, urlsplit

from pydantic import TypeAdapter, ValidationError

from migration_ops.core.documents import migration_id_for
from migration_ops.wave.conf import limits, names
from migration_ops.wave.conf.commands import stopping_commands
from migration_ops.wave.conf.http_target import problems_of
from migration_ops.wave.conf.parts import UtcMoment
from migration_ops.wave.conf.problems import KEY_LENGTH, Finding, path_of

_SAMPLING = {"samples": 3, "pollSeconds": 60, "timeoutMinutes": 1_440}


def validate(document: dict[str, Any], now: datetime) -> list[Finding]:
    """Everything that is wrong with a conf beyond the types of its fields."""
    window = _part(document, "cutoverWindow")
    return [
        *_contents(document),
        *_names(document),
        *_duplicates(document),
        *_dependencies(document),
        *_window(window, now),
        *limits.of_wave(document, now, _time(window.get("opens")), _time(window.get("closes"))),
        *_samples(_part(document, "replication")),
        *_quiesce(document),
        *_windows_commands(_part(document, "quiesce")),
        *stopping_commands(document),
        *_urls(document),
    ]


def _part(document: dict[str, Any], key: str) -> dict[str, Any]:
    value = document.get(key)
    return value if isinstance(value, dict) else {}


def _items(document: dict[str, Any], key: str) -> list[Any]:
    value = document.get(key)
    return value if isinstance(value, list) else []


def _applications(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for index, one in enumerate(_items(document, "applications")):
        if isinstance(one, dict):
            yield f"applications[{index}]", one


def _servers(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, application in _applications(document):
        for index, one in enumerate(_items(application, "servers")):
            if isinstance(one, dict):
                yield f"{path}.servers[{index}]", one


def _contents(document: dict[str, Any]) -> Iterator[Finding]:
    from_mgn, listed = document.get("mgnWaveId"), document.get("applications")
    if from_mgn and listed:
        yield Finding("mgnWaveId", "both_given", "give applications or mgnWaveId, not both")
    if not from_mgn and not listed:
        yield Finding("applications", "empty_wave", "a wave needs applications or mgnWaveId")


def _names(document: dict[str, Any]) -> Iterator[Finding]:
    yield from names.of_name("wave", document.get("wave"))
    for path, application in _applications(document):
        yield from names.of_name(f"{path}.appName", application.get("appName"))
        for index, one in enumerate(_items(application, "dependsOn")):
            yield from names.of_name(f"{path}.dependsOn[{index}]", one)
    yield from names.of_text("changeTicket", document.get("changeTicket"))
    for index, one in enumerate(_items(_part(document, "approvals"), "approvers")):
        yield from names.of_user(f"approvals.approvers[{index}]", one)


def _repeated(values: Iterator[tuple[str, Any]], what: str) -> Iterator[Finding]:
    first: dict[str, str] = {}
    for path, value in values:
        if not isinstance(value, str):
            continue
        if value in first:
            yield Finding(path, "duplicate", f"{what} {value[:KEY_LENGTH]!r} is already at {first[value]}")
        first.setdefault(value, path)


def _migration_ids(document: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    wave = document.get("wave")
    for path, server in _servers(document):
        given, source = server.get("migrationId"), server.get("sourceServerId")
        if given is None and isinstance(wave, str) and isinstance(source, str):
            # A derived id may equal one that is given elsewhere. The same server twice is reported by its own finding.
            given = migration_id_for(wave, source)
        yield f"{path}.migrationId", given


def _duplicates(document: dict[str, Any]) -> Iterator[Finding]:
    yield from _repeated(((f"{path}.appName", one.get("appName")) for path, one in _applications(document)), "name")
    servers = ((f"{path}.sourceServerId", one.get("sourceServerId")) for path, one in _servers(document))
    twice = list(_repeated(servers, "server"))
    yield from twice
    same_server = {finding.path.removesuffix(".sourceServerId") for finding in twice}
    for finding in _repeated(_migration_ids(document), "migration id"):
        if finding.path.removesuffix(".migrationId") not in same_server:
            yield finding
    yield from _repeated(((f"{path}.cmdbId", one.get("cmdbId")) for path, one in _servers(document)), "CMDB id")
    for part, key in (("approvals", "approvers"), ("cutoverWindow", "changeCalendars")):
        values = enumerate(_items(_part(document, part), key))
        yield from _repeated(((f"{part}.{key}[{index}]", value) for index, value in values), "entry")
    for path, one in _applications(document):
        values = enumerate(_items(one, "dependsOn"))
        yield from _repeated(((f"{path}.dependsOn[{index}]", value) for index, value in values), "dependency")


def _dependencies(document: dict[str, Any]) -> Iterator[Finding]:
    names = {one.get("appName") for _, one in _applications(document) if isinstance(one.get("appName"), str)}
    graph: dict[str, list[str]] = {}
    for path, one in _applications(document):
        for index, needed in enumerate(_items(one, "dependsOn")):
            if not isinstance(needed, str):
                continue
            if needed not in names:
                message = f"no application of this wave is named {needed[:KEY_LENGTH]!r}"
                yield Finding(f"{path}.dependsOn[{index}]", "unknown_dependency", message)
            elif isinstance(one.get("appName"), str):
                graph.setdefault(one["appName"], []).append(needed)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        # graphlib lists the cycle against the arrows of dependsOn.
        cycle = " → ".join(name[:KEY_LENGTH] for name in reversed(error.args[1]))
        yield Finding("applications", "dependency_cycle", f"applications depend on each other: {cycle}")


def _time(value: Any) -> datetime | None:
    """Parsed as the model parses it: another parser could read another time from the same text."""
    if not isinstance(value, str):
        return None
    try:
        return _moments().validate_json(json.dumps(value))
    except ValidationError:
        return None


@cache
def _moments() -> TypeAdapter[datetime]:
    return TypeAdapter(UtcMoment)


_ISO = re.compile(r"\d{4}-\d{2}-\d{2}[Tt _]\d{2}")


def _window(window: dict[str, Any], now: datetime) -> Iterator[Finding]:
    opens, closes = _time(window.get("opens")), _time(window.get("closes"))
    for key, moment in (("opens", opens), ("closes", closes)):
        if moment and not _ISO.match(window[key]):
            # The model also takes seconds since 1970, which no approver would read as a time.
            yield Finding(f"cutoverWindow.{key}", "not_iso_8601", "must be an ISO 8601 time with an offset")
    if closes and closes <= now:
        yield Finding("cutoverWindow.closes", "window_closed", f"the window closed at {closes.isoformat()}")
    if opens and closes and opens >= closes:
        yield Finding("cutoverWindow.opens", "opens_after_closes", "the window must open before it closes")


def _samples(replication: dict[str, Any]) -> Iterator[Finding]:
    values = [replication.get(key, default) for key, default in _SAMPLING.items()]
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in values):
        return
    samples, poll_seconds, timeout_minutes = values
    if (samples - 1) * poll_seconds >= timeout_minutes * 60:
        message = "this many samples, so far apart, cannot be taken before the time-out"
        yield Finding("replication.timeoutMinutes", "cannot_be_met", message)


def _quiesce(document: dict[str, Any]) -> Iterator[Finding]:
    ids = _part(document, "quiesce").get("instanceIds")
    if not isinstance(ids, dict) or not _items(document, "applications"):
        return
    known = {one["sourceServerId"] for _, one in _servers(document) if isinstance(one.get("sourceServerId"), str)}
    documents = _part(_part(document, "quiesce"), "documentName")
    for key, named in (("instanceIds", ids), ("documentName", documents)):
        for server_id in sorted(set(named) - known):
            path = path_of(("quiesce", key, server_id))
            yield Finding(path, "unknown_server", "no server of this wave has this id")
    for server_id in sorted(known - set(ids)):
        # Quiesce must not leave one source writing while the others are stopped.
        message = f"names no managed instance for {server_id[:KEY_LENGTH]!r}"
        yield Finding("quiesce.instanceIds", "missing_instance", message)


def _windows_commands(quiesce: dict[str, Any]) -> Iterator[Finding]:
    pair = ("windowsCommands", "windowsUndoCommands")
    given = [key for key in pair if quiesce.get(key) is not None]
    if len(given) == 1:
        [missing] = set(pair) - set(given)
        yield Finding(f"quiesce.{missing}", "missing", f"{given[0]} needs the commands for the other way, too")


def _urls(document: dict[str, Any]) -> Iterator[Finding]:
    callback = document.get("callbackUrl")
    if isinstance(callback, str) and (problem := callback_problem(callback)):
        yield Finding("callbackUrl", *problem)
    for path, application in _applications(document):
        for index, check in enumerate(_items(application, "checks")):
            if isinstance(check, dict) and check.get("type") == "http":
                yield from (Finding(f"{path}.checks[{index}].{key}", *why) for key, *why in problems_of(check))


_UNSAFE = re.compile(r"[\s\x00-\x1f\x7f\\]")

Problem = tuple[str, str]


def callback_problem(url: str) -> Problem | None:
    """(code, message) when a callback URL is malformed or has a secret; whether it may be called is checked later."""
    parts, problem = _split(url)
    if problem or parts is None:
        return problem
    if parts.fragment:
        return "url_fragment", "must not have a fragment: it is never sent"
    return None


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
