"""The sandbox as a service of ``docker-compose.yaml``: reachable by its name, with the package's resources.

``python -m include.local.container --name sandbox --connections FILE`` writes the three connections of the package for
``airflow connections import`` when everything answers, and ends with SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import socket
from pathlib import Path

from include.local import airflow_env, resources
from include.local.port_forward import relay
from include.local.ports import LOOPBACK
from include.sandbox.sandbox import SERVER_ORDER, Sandbox

PORTS_FROM = 18090


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m include.local.container", description=__doc__)
    made.add_argument("--name", default=socket.gethostname(), help="by which others reach this machine")
    made.add_argument("--listen", help="address to listen on (default: this machine's own)")
    made.add_argument("--ports-from", type=int, default=PORTS_FROM, help="first of five ports")
    made.add_argument("--speed", type=float, default=60.0, help="of the sandbox's clock")
    made.add_argument("--seed", default="demo", help="the sandbox's estate")
    made.add_argument("--connections", type=Path, required=True, help="file for `airflow connections import`")
    return made


def seen_from_outside(environment: dict[str, str], name: str) -> dict[str, str]:
    """The sandbox's variables with addresses for another machine."""
    return {key: value.replace(f"http://{LOOPBACK}:", f"http://{name}:") for key, value in environment.items()}


def connections(environment: dict[str, str]) -> dict[str, object]:
    """Connections by id. The AWS one also has the endpoints, for tools that do not read the SDK's variables."""
    made = {
        variable.removeprefix("AIRFLOW_CONN_").lower(): json.loads(value)
        for variable, value in airflow_env.connections(environment).items()
    }
    made["aws_default"]["extra"] |= {
        "endpoint_url": environment["AWS_ENDPOINT_URL"],
        "service_config": {"mgn": {"endpoint_url": environment["AWS_ENDPOINT_URL_MGN"]}},
    }
    return made


def write(path: Path, document: dict[str, object]) -> None:
    """Replaces the file atomically. It has the sandbox's secrets, so only owner and group may read it."""
    draft = path.with_name(f"{path.name}.new")
    draft.touch(mode=0o640)
    draft.write_text(json.dumps(document, indent=2) + "\n")
    draft.replace(path)


async def serve(options: argparse.Namespace) -> None:
    """Runs the sandbox until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    options.connections.unlink(missing_ok=True)
    names = (options.name, *([options.listen] if options.listen else []))
    with Sandbox(options.speed, options.seed, ports_from=options.ports_from, shown="wall", names=names) as box:
        resources.make(box.environment)
        write(options.connections, connections(seen_from_outside(box.environment, options.name)))
        ports = range(options.ports_from, options.ports_from + len(SERVER_ORDER))
        await relay(options.listen or socket.gethostbyname(socket.gethostname()), ports, stop)


if __name__ == "__main__":
    asyncio.run(serve(parser().parse_args()))
