"""The control API on its own port: faults, counted calls, servers, estate, clock. For tests and the demo only."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from include.sandbox.controlled import Controlled
from include.sandbox.faults import BadFault
from include.sandbox.history import write_history
from include.sandbox.mgn.errors import MgnError
from include.sandbox.mgn.render import server_document
from include.sandbox.moto import stepfunctions_executions
from include.sandbox.overrides import adjust_server, apply_fault, lift_fault
from include.sandbox.seeding import seed_estate

_ROUTES = Map(
    [
        Rule("/_sandbox/health", endpoint="health", methods=["GET"]),
        Rule("/_sandbox/faults", endpoint="faults", methods=["GET", "POST", "DELETE"]),
        Rule("/_sandbox/calls", endpoint="calls", methods=["GET", "DELETE"]),
        Rule("/_sandbox/servers/<server_id>", endpoint="server", methods=["GET", "PATCH"]),
        Rule("/_sandbox/executions", endpoint="executions", methods=["PATCH"]),
        Rule("/_sandbox/estate", endpoint="estate", methods=["GET", "POST"]),
        Rule("/_sandbox/history", endpoint="history", methods=["POST"]),
        Rule("/_sandbox/quotas", endpoint="quotas", methods=["PATCH"]),
        Rule("/_sandbox/clock", endpoint="clock", methods=["GET", "POST"]),
        Rule("/_sandbox/reset", endpoint="reset", methods=["POST"]),
    ]
)


def create_control_app(box: Controlled) -> Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]:
    """The control API of one sandbox as a WSGI application."""
    handlers = Control(box)

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = Request(environ)
        try:
            endpoint, arguments = _ROUTES.bind_to_environ(environ).match()
            answer = _json(handlers.answer(endpoint, request, arguments))
        except HTTPException as error:
            answer = _json({"error": error.description}, error.code or 500)
        except MgnError as error:
            answer = _json({"error": error.message}, error.status)
        except (BadFault, ValueError, KeyError, TypeError) as error:
            answer = _json({"error": f"{type(error).__name__}: {error}"}, 400)
        return answer(environ, start_response)

    return app


def _json(document: Any, status: int = 200) -> Response:
    return Response(json.dumps(document), status, content_type="application/json")


class Control:
    """The handlers, one per route."""

    def __init__(self, box: Controlled) -> None:
        self._box = box

    def answer(self, endpoint: str, request: Request, arguments: Mapping[str, str]) -> Any:
        handler: Callable[..., Any] = getattr(self, f"_{endpoint}")
        return handler(request, **arguments)

    def _health(self, _: Request) -> dict[str, Any]:
        return {"ok": True, "endpoints": self._box.endpoints, "accountId": self._box.account_id}

    def _faults(self, request: Request) -> Any:
        box = self._box
        if request.method == "GET":
            return box.faults.as_documents()
        if request.method == "POST":
            fault = box.faults.add_document(request.get_json(force=True))
            apply_fault(box.mgn.own.account, fault)
            return fault.as_document()
        removed = box.faults.remove(request.args.get("id"))
        for fault in removed:
            lift_fault(box.mgn.own.account, fault)
        return [fault.as_document() for fault in removed]

    def _calls(self, request: Request) -> Any:
        if request.method == "DELETE":
            self._box.calls.clear()
        return self._box.calls.details() if request.args.get("detail") else self._box.calls.counts()

    def _server(self, request: Request, server_id: str) -> dict[str, Any]:
        account = self._box.mgn.own.account
        with account.lock:
            server = account.server(server_id)
            if request.method == "PATCH":
                adjust_server(self._box, server, request.get_json(force=True))
            return server_document(server, self._box.clock)

    def _executions(self, request: Request) -> dict[str, Any]:
        box = self._box
        return stepfunctions_executions.adjust(box.account_id, box.region, request.get_json(force=True))

    def _estate(self, request: Request) -> dict[str, Any]:
        if request.method == "GET":
            return self._box.estate
        return seed_estate(self._box.mgn, request.get_json(force=True))

    def _history(self, request: Request) -> dict[str, Any]:
        return write_history(request.get_json(force=True), self._box.region)

    def _quotas(self, request: Request) -> dict[str, Any]:
        quotas = self._box.mgn.own.account.quotas
        for name, value in request.get_json(force=True).items():
            if not hasattr(quotas, name):
                raise ValueError(f"unknown quota {name}")
            setattr(quotas, name, value)
        return dict(vars(quotas))

    def _clock(self, request: Request) -> dict[str, Any]:
        if request.method == "POST":
            wanted = request.get_json(force=True)
            if "speed" in wanted:
                self._box.clock.set_speed(float(wanted["speed"]))
            self._box.clock.advance(float(wanted.get("advanceSeconds", 0)))
            self._box.run_due()
        return self._box.clock.as_document()

    def _reset(self, _: Request) -> dict[str, Any]:
        self._box.reset()
        return {"ok": True}
