"""A web site on this machine, and a driver whose instances EC2 reports at its address."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from migration_ops.integrations.instance_http import address_refusal
from tests.wave.steps.wave_driver import Driver, client_factory


class Site(http.server.BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(type(self).status)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Silent."""


@contextmanager
def web_site() -> Iterator[Any]:
    """Answers every GET with ``Site.status``, 200 at first."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    Site.status = 200
    yield server
    server.shutdown()
    server.server_close()


def at_home(driver: Driver) -> Driver:
    """EC2 says that the instances are at 127.0.0.1."""
    real = client_factory(driver.box)

    class Ec2:
        def __getattr__(self, name: str) -> Any:
            return getattr(real("ec2"), name)

        def get_paginator(self, name: str) -> Any:
            paginator = real("ec2").get_paginator(name)
            if name != "describe_instances":
                return paginator

            class Moved:
                def paginate(self, **request: Any) -> Any:
                    for page in paginator.paginate(**request):
                        for reservation in page["Reservations"]:
                            for instance in reservation["Instances"]:
                                instance["PrivateIpAddress"] = "127.0.0.1"
                        yield page

            return Moved()

    services = replace(
        driver.services,
        client=lambda name: Ec2() if name == "ec2" else real(name),
        address_refusal=lambda address: None if address == "127.0.0.1" else address_refusal(address),
    )
    return replace(driver, services=services)
