"""Carries HTTP faults out: WSGI middleware for MGN, moto, the CMF API and the callback receiver alike."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from include.sandbox.call_log import EXECUTED_KEY, FAULT_KEY, NameOfCall, WsgiApp
from include.sandbox.naming import CallName, is_internal, read_body

if TYPE_CHECKING:
    from include.sandbox.faults import Fault, FaultBook

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
# (status, code, message) by kind; EC2 and S3 name throttling differently.
_ANSWERS: dict[str, tuple[str, str, str]] = {
    "throttle": ("429 Too Many Requests", "ThrottlingException", "Rate exceeded"),
    "error500": ("500 Internal Server Error", "InternalServerException", "An unexpected error occurred."),
    "error500After": ("500 Internal Server Error", "InternalServerException", "An unexpected error occurred."),
    "error503": ("503 Service Unavailable", "ServiceUnavailableException", "The service is unavailable."),
    "conflict": ("409 Conflict", "ConflictException", "The request conflicts with the state of the resource."),
    "accessDenied": ("403 Forbidden", "AccessDeniedException", "User is not authorized to perform this action."),
}
_EC2_CODES = {"ThrottlingException": "RequestLimitExceeded", "AccessDeniedException": "UnauthorizedOperation"}
_QUERY_CODES = {"ThrottlingException": "Throttling", "AccessDeniedException": "AccessDenied"}
_S3_CODES = {"ThrottlingException": "SlowDown", "AccessDeniedException": "AccessDenied"}
_EFFECT_FIRST = frozenset({"dropAfter", "error500After", "timeoutAfter"})
# A client that never gives up must not hold the sandbox's shutdown.
LONGEST_HANG_SECONDS = 300.0


def with_faults(app: WsgiApp, book: FaultBook, name_of_call: NameOfCall) -> WsgiApp:
    """Wraps ``app``: each call asks the book first. Calls MGN itself makes to EC2 are not faulted."""

    def faulty(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        fault = None if is_internal(environ) else book.take(name_of_call(environ))
        if fault is None:
            return app(environ, start_response)
        # Read now and kept: once the application has consumed it, reading again would wait for ever.
        read_body(environ)
        environ[FAULT_KEY] = fault.kind
        environ[EXECUTED_KEY] = fault.kind in _EFFECT_FIRST or fault.kind == "delay"
        if fault.kind == "delay":
            time.sleep(float(fault.options.get("seconds", 1)))
            return app(environ, start_response)
        if fault.kind in _EFFECT_FIRST:
            _run_unheard(app, environ)
        if fault.kind.startswith("timeout"):
            _hang(environ, float(fault.options.get("seconds", LONGEST_HANG_SECONDS)))
        if fault.kind.startswith(("timeout", "drop")):
            _drop(environ)
        if fault.kind == "notJson":
            return _proxy_page(start_response)
        return _answer(fault, name_of_call(environ), environ, start_response)

    return faulty


def _run_unheard(app: WsgiApp, environ: Environ) -> None:
    body = app(environ, lambda *_: lambda _data: None)
    try:
        for _ in body:
            pass
    finally:
        close = getattr(body, "close", None)
        if close:
            close()


def _proxy_page(start_response: StartResponse) -> Iterable[bytes]:
    """Success without a document: boto3 parses it without an error and without ``items``."""
    start_response("200 OK", [("Content-Type", "text/html"), ("Content-Length", "28")])
    return [b"<html><body>OK</body></html>"]


def _hang(environ: Environ, seconds: float) -> None:
    """Waits until the client has closed its end, at most ``seconds``."""
    connection: socket.socket | None = environ.get("werkzeug.socket")
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if connection is None:
            time.sleep(min(0.05, seconds))
            continue
        readable, _, _ = select.select([connection], [], [], 0.1)
        if readable:
            with contextlib.suppress(OSError):
                if connection.recv(1, socket.MSG_PEEK):
                    time.sleep(0.05)
                    continue
            return


def _drop(environ: Environ) -> None:
    connection: socket.socket | None = environ.get("werkzeug.socket")
    if connection is not None:
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
    raise ConnectionResetError("the sandbox dropped this connection on request")


def _answer(fault: Fault, name: CallName, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    status, code, message = _ANSWERS[fault.kind]
    message = str(fault.options.get("message", message))
    code = str(fault.options.get("code", code))
    if fault.options.get("status"):
        status = f"{int(fault.options['status'])} Fault"
    headers = [("x-amzn-RequestId", "00000000-0000-4000-8000-00000000fa17")]
    if name.protocol == "query" and name.service == "ec2":
        code = _EC2_CODES.get(code, code)
        status = "503 Service Unavailable" if code == "RequestLimitExceeded" else status
        text = f"<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors></Response>"
    elif name.protocol == "query":
        code = _QUERY_CODES.get(code, code)
        status = "400 Bad Request" if code == "Throttling" else status
        text = f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
    elif name.protocol == "xml":
        code = _S3_CODES.get(code, code)
        status = "503 Slow Down" if code == "SlowDown" else status
        text = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    else:
        text = json.dumps({"__type": code, "message": message})
        headers.append(("x-amzn-ErrorType", code))
        if fault.options.get("retryAfterSeconds"):
            headers.append(("Retry-After", str(fault.options["retryAfterSeconds"])))
    headers.append(("Content-Type", "application/json" if name.protocol == "json" else "text/xml"))
    payload = text.encode()
    headers.append(("Content-Length", str(len(payload))))
    start_response(status, headers)
    return [payload]
