"""IAM Access Analyzer, which moto lacks: analyzers, and findings that were planted.

AWS finds by analysing resource policies; here a finding is one that ``history.py`` was told of. The rest follows the
API reference: one analyzer of a kind in an account and Region, findings only of an analyzer that exists, pages.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

from include.sandbox.call_log import WsgiApp
from include.sandbox.naming import json_body, signing_scope

SERVICE = "access-analyzer"
NAME = re.compile(r"^[A-Za-z][A-Za-z0-9_.-]{0,254}$")
KINDS = frozenset(
    f"{scope}{kind}" for scope in ("ACCOUNT", "ORGANIZATION") for kind in ("", "_UNUSED_ACCESS", "_INTERNAL_ACCESS")
)
PAGE = 100


class _Refused(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass
class Analyzer:
    """One analyzer with its findings as ListFindingsV2 shows them."""

    document: dict[str, Any]
    findings: list[dict[str, Any]] = field(default_factory=list)


_analyzers: dict[str, Analyzer] = {}
_lock = threading.Lock()


def forget_all() -> None:
    with _lock:
        _analyzers.clear()


def add_finding(analyzer_name: str, *, resource: str, resource_type: str, account_id: str) -> None:
    """An active finding of external access.

    :raises KeyError: there is no such analyzer.
    """
    with _lock:
        analyzer = next(one for one in _analyzers.values() if one.document["name"] == analyzer_name)
        analyzer.findings.append(
            {
                "id": str(uuid4()),
                "resource": resource,
                "resourceType": resource_type,
                "resourceOwnerAccount": account_id,
                "findingType": "ExternalAccess",
                "status": "ACTIVE",
                **dict.fromkeys(("analyzedAt", "createdAt", "updatedAt"), _now()),
            }
        )


def with_access_analyzer(app: WsgiApp, account_id: Callable[[], str]) -> WsgiApp:
    """Answers what is signed for Access Analyzer; everything else goes to ``app``."""

    def answering(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        scope = signing_scope(environ)
        if scope is None or scope[2] != SERVICE:
            return app(environ, start_response)
        headers: list[tuple[str, str]] = []
        try:
            with _lock:
                status, document = 200, _answer(environ, scope[1], account_id())
        except _Refused as error:
            status, document = error.status, {"message": str(error)}
            headers.append(("x-amzn-ErrorType", error.code))
        body = json.dumps(document).encode()
        headers += [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response(f"{status} Answer", headers)
        return [body]

    return answering


def _answer(environ: dict[str, Any], region: str, account_id: str) -> dict[str, Any]:
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"].rstrip("/")
    if (method, path) == ("PUT", "/analyzer"):
        return _create(json_body(environ), region, account_id)
    if (method, path) == ("GET", "/analyzer"):
        return _list(parse_qs(environ.get("QUERY_STRING", "")), region)
    if (method, path) == ("POST", "/findingv2"):
        return _findings(json_body(environ))
    raise _Refused(501, "NotImplementedException", f"the sandbox has no {method} {path} of Access Analyzer")


def _create(wanted: dict[str, Any], region: str, account_id: str) -> dict[str, Any]:
    name, kind = wanted["analyzerName"], wanted["type"]
    if not NAME.match(name) or kind not in KINDS:
        raise _Refused(400, "ValidationException", "analyzerName or type is not valid")
    arn = f"arn:aws:{SERVICE}:{region}:{account_id}:analyzer/{name}"
    if arn in _analyzers:
        raise _Refused(409, "ConflictException", f"there is an analyzer {name}")
    if any(one.document["type"] == kind for one in _in(region)):
        raise _Refused(402, "ServiceQuotaExceededException", f"there is an analyzer of type {kind} in this Region")
    facts = {"arn": arn, "name": name, "type": kind, "status": "ACTIVE", "createdAt": _now()}
    _analyzers[arn] = Analyzer(facts)
    return {"arn": arn}


def _list(query: dict[str, list[str]], region: str) -> dict[str, Any]:
    kind = query.get("type", [None])[0]
    found = [one.document for one in _in(region) if kind in (None, one.document["type"])]
    return _page("analyzers", found, query.get("nextToken", [None])[0], query.get("maxResults", [PAGE])[0])


def _findings(wanted: dict[str, Any]) -> dict[str, Any]:
    analyzer = _analyzers.get(wanted["analyzerArn"])
    if analyzer is None:
        raise _Refused(404, "ResourceNotFoundException", "there is no such analyzer")
    found = [one for one in analyzer.findings if _meets(one, wanted.get("filter") or {})]
    return _page("findings", found, wanted.get("nextToken"), wanted.get("maxResults", PAGE))


def _meets(finding: dict[str, Any], criteria: dict[str, Any]) -> bool:
    """``eq`` and ``neq`` of each named member; nothing else is asked here."""
    for name, criterion in criteria.items():
        if "eq" in criterion and finding.get(name) not in criterion["eq"]:
            return False
        if "neq" in criterion and finding.get(name) in criterion["neq"]:
            return False
    return True


def _page(key: str, found: list[dict[str, Any]], token: str | None, size: Any) -> dict[str, Any]:
    start, end = int(token or 0), int(token or 0) + int(size)
    return {key: found[start:end]} | ({"nextToken": str(end)} if end < len(found) else {})


def _in(region: str) -> list[Analyzer]:
    return [one for arn, one in _analyzers.items() if arn.split(":")[3] == region]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
