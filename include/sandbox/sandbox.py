"""The whole sandbox in threads of the calling process.

with Sandbox(speed=600, seed="empty") as box:
    mgn = box.boto("mgn")
    box.client.add_estate({"applications": [{"appName": "billing", "servers": 2}]})
"""

from __future__ import annotations

import json
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3
from botocore.config import Config

from include.sandbox.call_log import CallLog, with_calls
from include.sandbox.client import SandboxClient
from include.sandbox.clock import Clock
from include.sandbox.control import create_control_app
from include.sandbox.fault_middleware import with_faults
from include.sandbox.faults import FaultBook
from include.sandbox.mgn.ec2_target import Ec2Target
from include.sandbox.mgn.routes import create_app, mgn_call_name
from include.sandbox.mgn.service import Mgn
from include.sandbox.moto import server as moto_server
from include.sandbox.seeding import seed_estate
from include.sandbox.server import LoopbackServer

SEEDS = ("empty", "demo")
SERVER_ORDER = ("moto", "mgn", "control", "cmf", "callback")
ACCESS_KEY_ID, SECRET_ACCESS_KEY = "sandbox-access-key", "sandbox-secret-key"
TICK_SECONDS = 0.03
_live_boxes: set[int] = set()


class Sandbox:
    """One sandbox account. Several in one process share moto's state, which only the first and the last reset.

    :param speed: simulated seconds per real second.
    :param seed: ``empty`` or ``demo`` (``seeds/demo.json``).
    :param ports_from: first of five consecutive ports, 0 = free ones.
    :param initialized: False = every MGN call is refused until InitializeService.
    :param shown: ``simulated`` or ``wall``, see :class:`Clock`.
    :param random_seed: durations and made-up ids follow from it.
    :param options: passed to the CMF API and the callback receiver, beside what they need to find moto.
    :param names: by which other machines reach it; under any other name than these and loopback it answers 403.
    """

    def __init__(
        self,
        speed: float = 60.0,
        seed: str = "empty",
        *,
        ports_from: int = 0,
        region: str = "us-east-1",
        initialized: bool = True,
        shown: str = "simulated",
        random_seed: int = 0,
        options: dict[str, Any] | None = None,
        names: tuple[str, ...] = (),
    ) -> None:
        if seed not in SEEDS:
            raise ValueError(f"seed must be one of {SEEDS}")
        if speed < 0:
            raise ValueError("speed must be >= 0")
        # Stands still until everything is up: a slow start must not finish the seeded initial syncs.
        self.clock, self._speed = Clock(0.0, shown), speed
        self.region, self.account_id = region, moto_server.account_id()
        self.faults = FaultBook(random_seed)
        self.calls = CallLog(lambda: self.clock.stamp(self.clock.now()))
        self._seed, self._ports_from, self._initialized = seed, ports_from, initialized
        self._random_seed, self._options, self._names = random_seed, options or {}, names
        self._servers: dict[str, LoopbackServer] = {}
        self._stopped = threading.Event()
        self._ticker = threading.Thread(target=self._tick, name="sandbox-ticker", daemon=True)
        self.estate: dict[str, Any] = {}
        self.cmf: Any = None
        self.callback: Any = None

    # Life

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Starts all servers; when it returns they answer."""
        try:
            if not _live_boxes:
                moto_server.reset()
            _live_boxes.add(id(self))
            self._start("moto", moto_server.serve_moto(self.faults, self.calls, self._port("moto"), self._names))
            self._fill()
            app = with_calls(with_faults(self._mgn_app, self.faults, mgn_call_name), self.calls, mgn_call_name)
            self._serve("mgn", app)
            self._serve("control", create_control_app(self))
            self.client = SandboxClient(self.endpoints["control"])
            self._start_neighbours()
            self.clock.begin(self._speed)
            self._ticker.start()
        except BaseException:
            self.stop()
            raise

    def _mgn_app(self, environ: dict[str, Any], start_response: Any) -> Any:
        # Looked up per call: a reset exchanges the service.
        return self._mgn_wsgi(environ, start_response)

    def _fill(self) -> None:
        url = self._servers["moto"].url
        network = moto_server.seed_network(url, self.region)
        ec2 = Ec2Target(url, self.region)
        self.mgn = Mgn(
            self.account_id,
            self.region,
            self.clock,
            self.faults,
            ec2,
            network,
            is_initialized=self._initialized,
            seed=self._random_seed,
        )
        self._mgn_wsgi = create_app(self.mgn)
        if self._seed != "empty":
            documents = json.loads((Path(__file__).parent / "seeds" / f"{self._seed}.json").read_text())
            answers = [seed_estate(self.mgn, document) for document in documents]
            self.estate = answers[0]

    def _start_neighbours(self) -> None:
        # Imported here: neither may keep MGN and moto from being used alone in a test.
        from include.sandbox.callback.app import create_app as create_callback
        from include.sandbox.cmf.app import create_app as create_cmf

        options = {"moto_url": self.endpoints["moto"], "region": self.region, "control_url": self.endpoints["control"]}
        options |= {"account_ids": ("111122223333", self.account_id)} | self._options
        self.cmf = create_cmf(self.faults, self.calls, options)
        self.callback = create_callback(self.faults, self.calls, options)
        self._serve("cmf", self.cmf)
        self._serve("callback", self.callback)

    def _port(self, name: str) -> int:
        return self._ports_from + SERVER_ORDER.index(name) if self._ports_from else 0

    def _serve(self, name: str, app: Any) -> None:
        self._start(name, LoopbackServer(name, app, self._port(name), names=self._names))

    def _start(self, name: str, server: LoopbackServer) -> None:
        self._servers[name] = server
        server.start()

    def _tick(self) -> None:
        while not self._stopped.wait(TICK_SECONDS):
            self.mgn.run_due()

    def stop(self) -> None:
        """Stops the ticker and all servers; moto is emptied with the last sandbox of the process."""
        self._stopped.set()
        if self._ticker.is_alive():
            self._ticker.join(timeout=10)
        for name in reversed(list(self._servers)):
            self._servers.pop(name).stop()
        _live_boxes.discard(id(self))
        if not _live_boxes:
            moto_server.reset()

    # Use

    @property
    def endpoints(self) -> dict[str, str]:
        """URL by server: moto, mgn, control, cmf (with its stage), callback."""
        urls = {name: server.url for name, server in self._servers.items()}
        if "cmf" in urls:
            urls["cmf"] += self.cmf.base_path
        return urls

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to use this sandbox, by the SDK's own variables where it has them."""
        urls = self.endpoints
        return {
            "AWS_ENDPOINT_URL": urls["moto"],
            "AWS_ENDPOINT_URL_MGN": urls["mgn"],
            "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
            "AWS_DEFAULT_REGION": self.region,
            "SANDBOX_CONTROL_URL": urls["control"],
            "SANDBOX_CMF_URL": urls["cmf"],
            "SANDBOX_CMF_CONNECTION_EXTRA": json.dumps(self.cmf.connection_extra),
            "SANDBOX_CALLBACK_URL": urls["callback"],
            "SANDBOX_CALLBACK_SECRET": self.callback.secrets[0],
        }

    def boto(self, service: str, **config: Any) -> Any:
        """A boto3 client of this sandbox; ``config`` goes to botocore's ``Config``."""
        # Typed loosely: the stubs know services by literal names only.
        make: Any = boto3.client
        return make(
            service,
            endpoint_url=self.endpoints["mgn" if service == "mgn" else "moto"],
            region_name=self.region,
            aws_access_key_id=ACCESS_KEY_ID,
            aws_secret_access_key=SECRET_ACCESS_KEY,
            config=Config(**config) if config else None,
        )

    def reset(self) -> None:
        """Everything as after the start: moto, MGN, faults, calls. CMF and the receiver keep what they have."""
        self.faults.remove()
        moto_server.reset()
        self._fill()
        self.calls.clear()

    def run_due(self) -> None:
        """Carries out what is due by the clock, without waiting for the ticker."""
        self.mgn.run_due()
