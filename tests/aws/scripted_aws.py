"""A small MGN over real HTTP: keeps servers and jobs, counts every request, and fails as told."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = tuple[int, dict[str, str], bytes]


async def nothing_left() -> bool:
    """Whether every other task of the loop ends by itself, at once (a cancelled one needs some turns for that)."""
    for _ in range(20):
        await asyncio.sleep(0)
    return asyncio.all_tasks() == {asyncio.current_task()}


def server_id(number: int) -> str:
    return f"s-{number:017x}"


def job_id(number: int) -> str:
    return f"mgnjob-{number:017x}"


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())


def source_server(one: str, **changes: Any) -> dict[str, Any]:
    """A healthy server that is ready for a test."""
    return {
        "sourceServerID": one,
        "isArchived": False,
        "lifeCycle": {"state": "READY_FOR_TEST", "lastSeenByServiceDateTime": _now()},
        "dataReplicationInfo": {
            "lagDuration": "P0D",
            "dataReplicationState": "CONTINUOUS",
            "lastSnapshotDateTime": _now(),
            "replicatedDisks": [{"deviceName": "/dev/sda", "totalStorageBytes": 1, "backloggedStorageBytes": 0}],
        },
    } | changes


class ScriptedAws:
    """``faults`` maps an operation to what happens instead of an answer, request by request."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.reset()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                target = self.headers.get("x-amz-target", "").rpartition(".")[2]
                operation = target or self.path.strip("/")
                outer.serve(self, operation, json.loads(body or b"{}"))

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def reset(self) -> None:
        with self.lock:
            self.servers: dict[str, dict[str, Any]] = {}
            self.jobs: dict[str, dict[str, Any]] = {}
            self.answers: dict[str, Any] = {}
            self.calls: Counter[str] = Counter()
            self.requests: list[tuple[str, dict[str, Any]]] = []
            self.faults: dict[str, list[str]] = {}
            self.page_size: int | None = None

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def serve(self, handler: BaseHTTPRequestHandler, operation: str, request: dict[str, Any]) -> None:
        with self.lock:
            self.calls[operation] += 1
            self.requests.append((operation, request))
            fault = self.faults[operation].pop(0) if self.faults.get(operation) else None
        if fault == "drop":
            handler.close_connection = True
            handler.connection.close()
            return
        if fault and fault.startswith("slow"):
            time.sleep(float(fault.removeprefix("slow")))
            fault = None
        status, headers, body = _faulty(fault) if fault else self._answer(operation, request)
        handler.send_response(status)
        for name, value in (headers | {"content-length": str(len(body)), "x-amzn-RequestId": "req-1"}).items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    def _answer(self, operation: str, request: dict[str, Any]) -> Reply:
        if operation in self.answers:
            answer = self.answers[operation]
            return _json(answer(request) if callable(answer) else answer)
        known: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "DescribeSourceServers": lambda r: self._page(self._filtered(self.servers, r, "sourceServerIDs"), r),
            "DescribeJobs": lambda r: self._page(self._filtered(self.jobs, r, "jobIDs"), r),
            "StartTest": self._start,
            "StartCutover": self._start,
            "TerminateTargetInstances": self._start,
            "ChangeServerLifeCycleState": lambda r: self.servers[r["sourceServerID"]],
            "FinalizeCutover": lambda r: self.servers[r["sourceServerID"]],
        }
        return _json(known[operation](request))

    def _filtered(self, store: dict[str, dict[str, Any]], request: dict[str, Any], ids: str) -> list[dict[str, Any]]:
        wanted = request.get("filters", {}).get(ids)
        # Like the real thing is feared to do: an empty filter is no filter.
        return [item for one, item in store.items() if not wanted or one in wanted]

    def _page(self, items: list[dict[str, Any]], request: dict[str, Any]) -> dict[str, Any]:
        size = min(self.page_size or 1000, request.get("maxResults", 1000))
        start = int(request.get("nextToken", 0))
        more = {"nextToken": str(start + size)} if start + size < len(items) else {}
        return {"items": items[start : start + size], **more}

    def _start(self, request: dict[str, Any]) -> dict[str, Any]:
        servers = [{"sourceServerID": one, "launchStatus": "PENDING"} for one in request["sourceServerIDs"]]
        job = {"jobID": job_id(len(self.jobs)), "status": "PENDING", "participatingServers": servers}
        self.jobs[job["jobID"]] = job | {"tags": request["tags"]}
        return {"job": self.jobs[job["jobID"]]}


def _json(document: Any) -> Reply:
    return 200, {"content-type": "application/json"}, json.dumps(document).encode()


def _faulty(fault: str) -> Reply:
    """``500``: a bare status. ``html``: a 200 that is not JSON. ``409 ConflictException``: an AWS error."""
    if fault == "html":
        return 200, {"content-type": "text/html"}, b"<html>please log in</html>"
    status, _, code = fault.partition(" ")
    headers = {"x-amzn-ErrorType": code} if code else {}
    return int(status), headers, json.dumps({"message": "as told", "__type": code} if code else {}).encode()
