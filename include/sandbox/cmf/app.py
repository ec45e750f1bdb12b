"""The CMF API as a WSGI application: routing, both kinds of 401, and the answers of CMF 4.5.

Beside CMF's own routes: ``POST /_sandbox/cmf/seed`` (waves, apps, servers), ``POST /_sandbox/cmf/expire-tokens``,
``GET /_sandbox/cmf/requests`` (counts by operation).
"""

from __future__ import annotations

import json
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from include.sandbox.call_log import with_calls
from include.sandbox.cmf.schema import DEFAULT_ACCOUNTS, HandlerCrash, schemas
from include.sandbox.cmf.seed import demo_seed, load
from include.sandbox.cmf.store import CmfStore, Refusal
from include.sandbox.cmf.tokens import (
    LOCAL_LIFETIME_SECONDS,
    USERNAME,
    Authorizer,
    BadToken,
    CognitoIssuer,
    Issuer,
    LocalIssuer,
)
from include.sandbox.fault_middleware import with_faults
from include.sandbox.naming import CallName, read_body

STAGE = "/prod"
MAX_ANSWER_BYTES = 6 * 1024 * 1024
_ROUTES = Map(
    [
        Rule("/login", endpoint="Login", methods=["POST"]),
        Rule("/user/server/appid/<item_id>", endpoint="ServersOfApp", methods=["GET"]),
        Rule("/user/<schema>", endpoint="List", methods=["GET"]),
        Rule("/user/<schema>", endpoint="Create", methods=["POST"]),
        Rule("/user/<schema>/<item_id>", endpoint="Get", methods=["GET"]),
        Rule("/user/<schema>/<item_id>", endpoint="Put", methods=["PUT"]),
        Rule("/user/<schema>/<item_id>", endpoint="Delete", methods=["DELETE"]),
        Rule("/_sandbox/cmf/seed", endpoint="_seed", methods=["POST"]),
        Rule("/_sandbox/cmf/expire-tokens", endpoint="_expire", methods=["POST"]),
        Rule("/_sandbox/cmf/requests", endpoint="_requests", methods=["GET"]),
    ]
)


class CmfApi:
    """The WSGI application. ``connection_extra`` is what the Airflow connection ``cmf_api`` needs to log in."""

    def __init__(self, store: CmfStore, issuer: Issuer, password: str, denied: dict[str, set[str]]) -> None:
        self.store = store
        self.username = USERNAME
        self.password = password
        self.base_path = STAGE
        self.connection_extra = dict(issuer.connection_extra)
        self.requests: Counter[str] = Counter()
        self.authorizer = Authorizer(issuer)
        self._issuer = issuer
        self._denied = denied
        self._lock = threading.Lock()
        self._wsgi: Callable[..., Iterable[bytes]] = self._serve

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path.startswith(STAGE + "/"):
            environ["PATH_INFO"] = path[len(STAGE) :]
        if environ["PATH_INFO"].startswith("/_sandbox/"):
            return self._serve(environ, start_response)
        # Read before a fault drops the connection: unread input would turn the drop into a wait.
        read_body(environ)
        return self._wsgi(environ, start_response)

    def wrap(self, middleware: Callable[[Any], Any]) -> None:
        """Puts a middleware around CMF's own routes; the control routes stay outside."""
        self._wsgi = middleware(self._wsgi)

    def _serve(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = Request(environ)
        try:
            endpoint, arguments = _ROUTES.bind_to_environ(environ).match()
        except HTTPException:
            # API Gateway's answer to a route that it does not have.
            return _answer(403, {"message": "Missing Authentication Token"})(environ, start_response)
        if not endpoint.startswith("_"):
            with self._lock:
                self.requests[_operation(endpoint, arguments)] += 1
        return self._answered(request, endpoint, arguments)(environ, start_response)

    def _answered(self, request: Request, endpoint: str, arguments: Mapping[str, str]) -> Response:
        open_routes = {
            "Login": self._log_in,
            "_seed": self._seed,
            "_expire": self._expire,
            "_requests": self._counts,
        }
        if endpoint in open_routes:
            return open_routes[endpoint](request)
        try:
            user = self.authorizer.user_of(request.headers.get("Authorization"))
        except BadToken as error:
            return _answer(401, {"message": error.message})
        schema = arguments.get("schema", "server")
        if schema not in self.store.schemas:
            return _answer(400, {"errors": [f"Invalid schema provided :{schema}"]})
        try:
            return self._routed(request, endpoint, schema, arguments.get("item_id", ""), user)
        except Refusal as error:
            return _answer(400, {"errors": error.errors})
        except (HandlerCrash, ValueError):
            return _answer(502, {"message": "Internal server error"})

    def _routed(self, request: Request, endpoint: str, schema: str, item_id: str, user: str) -> Response:
        if endpoint == "Get":
            item = self.store.get(schema, item_id)
            if item is None:
                raise Refusal(f"{schema} Id {item_id} does not exist")
            return _answer(200, item)
        if endpoint in ("List", "ServersOfApp"):
            return self._list(schema, item_id if endpoint == "ServersOfApp" else None)
        if endpoint == "Delete":
            self.store.delete(schema, item_id)
            return _answer(200, _metadata())
        body = json.loads(request.get_data())
        if endpoint == "Create":
            return self._create(schema, body, user)
        return self._put(schema, item_id, body, user)

    def _list(self, schema: str, app_id: str | None) -> Response:
        items = [one for one in self.store.all(schema) if app_id in (None, one.get("app_id"))]
        answer = _answer(200, items)
        if len(answer.get_data()) > MAX_ANSWER_BYTES:
            return _answer(502, {"message": "Internal server error"})
        return answer

    def _put(self, schema: str, item_id: str, body: Any, user: str) -> Response:
        if not isinstance(body, dict):
            raise HandlerCrash("the policy code expects an object")
        cause = self._cause_to_deny(schema, body)
        if cause:
            denial: dict[str, Any] = {"action": "deny", "cause": cause}
            if body:
                denial["user"] = {"userRef": user, "email": f"{user}@example.com"}
            return _answer(401, {"errors": [denial]})
        self.store.update(schema, item_id, body, user)
        return _answer(200, _metadata())

    def _cause_to_deny(self, schema: str, body: dict[str, Any]) -> str:
        if not body:
            return "There are no attributes to update"
        known = set(self.store.schemas[schema]) - self._denied.get(schema, set())
        denied = [name for name in body if name not in known and name != f"{schema}_id"]
        return f"You do not have permission to update attributes : {','.join(denied)}" if denied else ""

    def _create(self, schema: str, body: Any, user: str) -> Response:
        bodies = [body] if isinstance(body, dict) else body
        if not isinstance(bodies, list) or not all(isinstance(one, dict) for one in bodies):
            raise HandlerCrash("items are objects")
        for one in bodies:
            if f"{schema}_name" not in one:
                return Response(f"attribute {schema}_name is required", 400)
            if f"{schema}_id" in one:
                return Response(f"You cannot create {schema}_id, this is managed by the system", 400)
        return _answer(200, self.store.create(schema, bodies, user))

    def _log_in(self, request: Request) -> Response:
        body = request.get_json(force=True, silent=True)
        given = body if isinstance(body, dict) else {}
        username, password = given.get("username"), given.get("password")
        token = None
        if isinstance(username, str) and isinstance(password, str) and username and password:
            token = self._issuer.log_in(username, password)
        return _answer(200, token) if token else Response("Incorrect username or password", 400)

    def _seed(self, request: Request) -> Response:
        try:
            return _answer(200, load(self.store, request.get_json(force=True)))
        except Refusal as error:
            return _answer(400, {"errors": error.errors})

    def _expire(self, _: Request) -> Response:
        return _answer(200, {"expired": self.authorizer.expire_tokens()})

    def _counts(self, _: Request) -> Response:
        with self._lock:
            return _answer(200, dict(self.requests))


def create_app(book: Any, calls: Any, options: dict[str, Any]) -> CmfApi:
    """The CMF API, seeded.

    :param book: FaultBook or None. Operations: ``Login``, ``ListServer``, ``GetServer``, ``PutServer``, ``PutWave``, …
    :param calls: CallLedger or None.
    :param options: ``moto_url`` (Cognito and Secrets Manager; without it the API signs its own tokens), ``region``,
        ``cmf_password``, ``seed`` (default: the demo wave), ``update_window_seconds`` between the read and the write of
        a PUT, ``token_lifetime_seconds`` (own tokens only), ``account_ids``, ``denied_attributes`` by schema.
    """
    region = options.get("region", "us-east-1")
    account_ids = tuple(options.get("account_ids", DEFAULT_ACCOUNTS))
    store = CmfStore(schemas(account_ids), float(options.get("update_window_seconds", 0.005)))
    load(store, options.get("seed") or demo_seed(account_ids[-1], region))
    password = options.get("cmf_password") or f"Aa1!{secrets.token_urlsafe(18)}"
    issuer: Issuer
    if options.get("moto_url"):
        issuer = CognitoIssuer(options["moto_url"].rstrip("/"), region, password)
    else:
        issuer = LocalIssuer(password, float(options.get("token_lifetime_seconds", LOCAL_LIFETIME_SECONDS)))
    denied = {schema: set(names) for schema, names in options.get("denied_attributes", {}).items()}
    app = CmfApi(store, issuer, password, denied)
    if book is not None:
        app.wrap(lambda inner: with_faults(inner, book, call_name))
    if calls is not None:
        app.wrap(lambda inner: with_calls(inner, calls, call_name))
    return app


def call_name(environ: dict[str, Any]) -> CallName:
    """``GetServer``, ``PutWave``, ``Login``; ``server_ids`` holds the item's id."""
    try:
        endpoint, arguments = _ROUTES.bind_to_environ(environ).match()
    except HTTPException:
        return CallName("cmf", f"{environ['REQUEST_METHOD']} {environ.get('PATH_INFO', '')}")
    item_id = arguments.get("item_id")
    return CallName("cmf", _operation(endpoint, arguments), (item_id,) if item_id else ())


def _operation(endpoint: str, arguments: Mapping[str, str]) -> str:
    return endpoint + arguments.get("schema", "").capitalize()


def _answer(status: int, document: Any) -> Response:
    return Response(json.dumps(document), status, content_type="application/json")


def _metadata() -> dict[str, Any]:
    """What DynamoDB answered to CMF's own write: not the item."""
    request_id = secrets.token_hex(26).upper()
    headers = {"server": "Server", "content-type": "application/x-amz-json-1.0", "content-length": "2"}
    return {
        "ResponseMetadata": {
            "RequestId": request_id,
            "HTTPStatusCode": 200,
            "HTTPHeaders": {**headers, "x-amzn-requestid": request_id},
            "RetryAttempts": 0,
        }
    }
