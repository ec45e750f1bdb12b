"""The receiver: any POST is a delivery; what it shall answer can be ordered by path and count.

``GET /_sandbox/deliveries`` lists what came (with verdict, duplicate or not), ``DELETE`` forgets it;
``POST /_sandbox/callback/answers`` orders answers, ``DELETE`` cancels them: ``{"status", "times", "path", "retryAfter",
"location", "delaySeconds", "body"}``, ``times`` null = until cancelled; each delivery uses the first order that fits.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from werkzeug.wrappers import Request, Response

from include.sandbox.call_log import with_calls
from include.sandbox.callback.verify import BadSignature, verify
from include.sandbox.fault_middleware import with_faults
from include.sandbox.naming import CallName, read_body

DELIVERIES = "/_sandbox/deliveries"
ANSWERS = "/_sandbox/callback/answers"


@dataclass
class Order:
    """One ordered answer. ``path`` None fits every path, ``times`` None never ends."""

    status: int = 500
    times: int | None = 1
    path: str | None = None
    retry_after: str | None = None
    location: str | None = None
    delay_seconds: float = 0.0
    body: str = ""

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Order:
        return cls(
            status=int(document.get("status", 500)),
            times=document.get("times", 1),
            path=document.get("path"),
            retry_after=document.get("retryAfter"),
            location=document.get("location"),
            delay_seconds=float(document.get("delaySeconds", 0)),
            body=document.get("body", ""),
        )

    def response(self) -> Response:
        answer = Response(self.body, self.status)
        if self.retry_after is not None:
            answer.headers["Retry-After"] = self.retry_after
        if self.location is not None:
            answer.headers["Location"] = self.location
            answer.autocorrect_location_header = False
        return answer


class Receiver:
    """The WSGI application. ``secrets`` are the accepted signing secrets, the first one is for the connection."""

    def __init__(self, accepted: list[str]) -> None:
        self.secrets = accepted
        self.deliveries: list[dict[str, Any]] = []
        self.orders: list[Order] = []
        self._lock = threading.Lock()
        self._wsgi: Callable[..., Iterable[bytes]] = self._serve

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("PATH_INFO", "").startswith("/_sandbox/"):
            return self._control(Request(environ))(environ, start_response)
        # Read before a fault drops the connection: unread input would turn the drop into a wait.
        read_body(environ)
        return self._wsgi(environ, start_response)

    def wrap(self, middleware: Callable[[Any], Any]) -> None:
        """Puts a middleware around deliveries; the control routes stay outside."""
        self._wsgi = middleware(self._wsgi)

    def order(self, **document: Any) -> None:
        """Orders an answer, in the members of ``POST /_sandbox/callback/answers``."""
        with self._lock:
            self.orders.append(Order.from_document(document))

    def _serve(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        return self._received(Request(environ))(environ, start_response)

    def _received(self, request: Request) -> Response:
        if request.method != "POST":
            return Response("POST only", 405)
        body = request.get_data()
        refusal = None
        try:
            verify(dict(request.headers), body, self.secrets, time.time())
        except BadSignature as error:
            refusal = str(error)
        order = None if refusal else self._next_order(request.path)
        answer = Response(refusal, 401) if refusal else (order.response() if order else Response(status=204))
        # Kept before the delay: a sender that gives up has been heard all the same.
        self._keep(request, body, answer.status_code, refusal)
        if order:
            time.sleep(order.delay_seconds)
        return answer

    def _next_order(self, path: str) -> Order | None:
        with self._lock:
            for order in self.orders:
                if order.path in (None, path) and order.times != 0:
                    if order.times is not None:
                        order.times -= 1
                    return order
        return None

    def _keep(self, request: Request, body: bytes, status: int, refusal: str | None) -> None:
        message_id = request.headers.get("webhook-id")
        try:
            document = json.loads(body)
        except ValueError:
            document = None
        with self._lock:
            accepted = {one["webhookId"] for one in self.deliveries if one["accepted"]}
            self.deliveries.append(
                {
                    "webhookId": message_id,
                    "timestamp": request.headers.get("webhook-timestamp"),
                    "signatures": len(request.headers.get("webhook-signature", "").split()),
                    "path": request.path,
                    "host": request.host,
                    "headers": sorted(name.lower() for name in request.headers.keys()),  # noqa: SIM118
                    "receivedAt": time.time(),
                    "signatureValid": refusal is None,
                    "refusal": refusal,
                    "status": status,
                    "accepted": 200 <= status < 300,
                    # Seen and accepted before: a receiver that keeps ids would drop this one.
                    "duplicate": message_id in accepted,
                    "body": document,
                }
            )

    def _control(self, request: Request) -> Response:
        with self._lock:
            if request.path == DELIVERIES and request.method == "GET":
                return _json(self.deliveries)
            if request.path == DELIVERIES and request.method == "DELETE":
                self.deliveries.clear()
                return _json([])
            if request.path == ANSWERS and request.method == "POST":
                self.orders.append(Order.from_document(request.get_json(force=True)))
                return _json({"orders": len(self.orders)})
            if request.path == ANSWERS and request.method == "DELETE":
                self.orders.clear()
                return _json({"orders": 0})
        return Response("no such control route", 404)


def create_app(book: Any, calls: Any, options: dict[str, Any]) -> Receiver:
    """The receiver.

    :param book: FaultBook or None; the operation is ``Deliver``.
    :param calls: CallLedger or None.
    :param options: ``callback_secret`` (one ``whsec_…`` or a list); without it one is made up, see ``.secrets``.
    """
    given = options.get("callback_secret") or new_secret()
    app = Receiver([given] if isinstance(given, str) else list(given))
    if book is not None:
        app.wrap(lambda inner: with_faults(inner, book, call_name))
    if calls is not None:
        app.wrap(lambda inner: with_calls(inner, calls, call_name))
    return app


def new_secret() -> str:
    """A fresh signing secret."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def call_name(_: dict[str, Any]) -> CallName:
    return CallName("callback", "Deliver")


def _json(document: Any) -> Response:
    return Response(json.dumps(document), content_type="application/json")
