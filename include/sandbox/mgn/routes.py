"""The WSGI application: model-driven dispatch of MGN's protocol to the registered operations."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from include.sandbox.mgn import operations
from include.sandbox.mgn.errors import (
    AccessDeniedError,
    MgnError,
    NotSimulatedError,
    UninitializedError,
    UnknownOperationError,
    UnsignedError,
)
from include.sandbox.mgn.model import find_route, parse_request
from include.sandbox.mgn.service import OPERATIONS, Mgn
from include.sandbox.naming import CallName, json_body, read_body, server_ids_in, signing_scope

Environ = dict[str, Any]
SIMULATED = operations.__all__
# These work before InitializeService; the tag operations do not list UninitializedAccountException.
_BEFORE_INITIALIZATION = frozenset({"InitializeService", "ListTagsForResource", "TagResource", "UntagResource"})
_CACHED_CALL = "sandbox.mgn.call"


def mgn_call_name(environ: Environ) -> CallName:
    """The operation of a request as faults and the ledger of calls know it."""
    if _CACHED_CALL not in environ:
        try:
            name = find_route(environ["REQUEST_METHOD"], environ.get("PATH_INFO", "/"))[0].operation.name
        except UnknownOperationError:
            name = f"{environ['REQUEST_METHOD']} {environ.get('PATH_INFO', '/')}"
        region = (signing_scope(environ) or ("", "", ""))[1]
        environ[_CACHED_CALL] = CallName("mgn", name, server_ids_in(json_body(environ)), region=region)
    found: CallName = environ[_CACHED_CALL]
    return found


def create_app(mgn: Mgn) -> Callable[[Environ, Callable[..., Any]], Iterable[bytes]]:
    """MGN as a WSGI application."""

    def app(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        headers = {"Content-Type": "application/json", "x-amzn-RequestId": str(uuid.uuid4())}
        try:
            status, document = _answer(mgn, environ)
        except MgnError as error:
            status, document = error.status, {"message": error.message} | error.members
            headers |= {"x-amzn-ErrorType": error.type_name} | error.headers
        payload = b"" if document is None else json.dumps(document, separators=(",", ":")).encode()
        headers["Content-Length"] = str(len(payload))
        start_response(f"{status} {HTTPStatus(status).phrase}", list(headers.items()))
        return [payload]

    return app


def _answer(mgn: Mgn, environ: Environ) -> tuple[int, dict[str, Any] | None]:
    body = read_body(environ)
    _check_signature(mgn, environ)
    # PATH_INFO is decoded already, which a path member with an ARN survives.
    route, bound = find_route(environ["REQUEST_METHOD"], environ.get("PATH_INFO", "/"))
    name = route.operation.name
    if name not in OPERATIONS:
        raise NotSimulatedError(f"{name} is an operation of MGN that the sandbox does not simulate")
    request = parse_request(route, bound, environ.get("QUERY_STRING", ""), body)
    context = mgn.context(request.pop("accountID", None))
    with context.account.lock:
        if name not in _BEFORE_INITIALIZATION:
            context.account.require_initialized()
        document = OPERATIONS[name](context, request)
    return route.status, document


def _check_signature(mgn: Mgn, environ: Environ) -> None:
    """The signature itself is not verified, but a request must be signed for MGN, and Regions are separate worlds."""
    scope = signing_scope(environ)
    if scope is None:
        raise UnsignedError("Missing Authentication Token")
    _, region, service = scope
    if service != "mgn":
        raise AccessDeniedError(f"Credential should be scoped to correct service: 'mgn', not '{service}'")
    if region != mgn.region:
        raise UninitializedError(f"This account is not initialized for Application Migration Service in {region}")
