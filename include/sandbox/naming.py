"""What a request is called: service, operation and the server ids it names. Faults and the call ledger match on it."""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from include.sandbox.rest_names import rest_operation

# MGN's own calls to EC2 carry this; like AWS's forward access they are neither counted nor faulted as the user's.
INTERNAL_AGENT = "sandbox-mgn-internal"
S3_CONTROL = "/v20180820/"
_CACHED_CALL = "sandbox.call"
_CACHED_BODY = "sandbox.body"
_CREDENTIAL = re.compile(r"Credential=([^/]+)/(\d+)/([^/]+)/([^/]+)/aws4_request")
_RPC_PATH = re.compile(r"^/service/[^/]+/operation/(\w+)$")
_SERVER_ID = re.compile(r"^s-[0-9a-zA-Z]{17}$")


@dataclass(frozen=True)
class CallName:
    """One call: ``service`` as in the SigV4 scope (``mgn``, ``ec2``, ``cmf``, ``callback``), ``operation`` of its API.

    ``protocol`` (``json``, ``query``, ``xml``) decides how a fault is written.
    """

    service: str
    operation: str
    server_ids: tuple[str, ...] = ()
    protocol: str = "json"
    region: str = ""


def read_body(environ: dict[str, Any]) -> bytes:
    """The request's body, left readable for the application behind."""
    if _CACHED_BODY in environ:
        return bytes(environ[_CACHED_BODY])
    length = environ.get("CONTENT_LENGTH")
    if length:
        body = environ["wsgi.input"].read(int(length))
    else:
        body = environ["wsgi.input"].read() if environ.get("wsgi.input_terminated") else b""
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    environ[_CACHED_BODY] = body
    return bytes(body)


def json_body(environ: dict[str, Any]) -> Any:
    """The body as JSON, ``{}`` when empty, None when it is not JSON."""
    body = read_body(environ)
    if not body:
        return {}
    try:
        return json.loads(body)
    except ValueError:
        return None


def is_internal(environ: dict[str, Any]) -> bool:
    return INTERNAL_AGENT in environ.get("HTTP_USER_AGENT", "")


def signing_scope(environ: dict[str, Any]) -> tuple[str, str, str] | None:
    """(access key, region, service) of the SigV4 credential scope, None for an unsigned request."""
    match = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    return (match[1], match[3], match[4]) if match else None


def aws_call_name(environ: dict[str, Any]) -> CallName:
    """The name of a call to moto: X-Amz-Target, Action, RPC path, or method and path for REST services."""
    if _CACHED_CALL in environ:
        found: CallName = environ[_CACHED_CALL]
        return found
    _, region, service = signing_scope(environ) or ("", "", "")
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    path = environ.get("PATH_INFO", "/")
    rpc = _RPC_PATH.match(path)
    if target:
        service = service or target.split(".")[0]
        named = CallName(service, target.rsplit(".", 1)[-1], region=region)
    elif rpc:
        named = CallName(service, rpc[1], region=region)
    elif environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        action = parse_qs(read_body(environ).decode("utf-8", "replace")).get("Action", [path])[0]
        named = CallName(service, action, protocol="query", region=region)
    else:
        protocol = "xml" if service in ("s3", "") else "json"
        named = CallName(service or "s3", _rest_operation(service, environ), protocol=protocol, region=region)
    environ[_CACHED_CALL] = named
    return named


def _rest_operation(service: str, environ: dict[str, Any]) -> str:
    method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "/")
    headers = {name[5:].replace("_", "-").lower() for name in environ if name.startswith("HTTP_")}
    if path.startswith(S3_CONTROL):
        # Signed as S3, but another API; the same name there would be that of a bucket's block.
        found = rest_operation("s3control", method, path, environ.get("QUERY_STRING", ""), headers)
        return found.replace("PublicAccessBlock", "AccountPublicAccessBlock") if found else f"{method} {path}"
    found = rest_operation(service or "s3", method, path, environ.get("QUERY_STRING", ""), headers)
    return found or f"{method} {path}"


def server_ids_in(document: Any) -> tuple[str, ...]:
    """All source server ids an MGN request names, in its members or its filters."""
    if not isinstance(document, dict):
        return ()
    filters = document.get("filters")
    nested = filters.get("sourceServerIDs") if isinstance(filters, dict) else None
    found: list[Any] = [document.get("sourceServerID")]
    for listed in (document.get("sourceServerIDs"), nested):
        found.extend(listed if isinstance(listed, list) else [])
    return tuple(one for one in found if isinstance(one, str) and _SERVER_ID.match(one))
