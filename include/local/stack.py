"""The sandbox and a real Airflow on this machine, started and stopped together.

Airflow is the four components of ``airflow standalone`` on SQLite with the LocalExecutor, each started with its own
command: ``standalone`` itself opens two log servers on every interface, and ignores that a component has died.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

from include.local import airflow_env, ports, processes, resources, running, sandbox_process, sqlite_wal, state_file
from include.local.airflow_api import AirflowApi
from include.local.errors import LocalError
from include.local.processes import Command, Session
from include.local.supervisor import Reaper

ROOT = Path(__file__).resolve().parents[2]
COMPONENTS = {
    # --skip-serve-logs: log servers listen on every interface, and here the API server reads the files itself
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "api-server": ["api-server"],
}
UI_PORT = 8080
START_TIMEOUT_SECONDS = 180.0
LOG_TAIL_LINES = 25


def home_of(name: str) -> Path:
    """The directory of a named stack: database, logs, state. It is deleted and created again at every start."""
    return ROOT / ".airflow" / name


class LocalStack:
    """One sandbox and one Airflow. A context manager; ``start`` and ``stop`` do the same explicitly.

    :param home: its own directory, deleted at the start (the sandbox keeps nothing either).
    :param airflow_port: port of UI and API; 0 means a free one.
    :param strict_port: fail instead of using another port when ``airflow_port`` is taken.
    :param speed: how much faster the sandbox's clock runs.
    :param seed: the sandbox's estate, ``demo`` or ``empty``.
    :param settings: ``MIGRATION_OPS_*`` and other variables for Airflow.
    :param keep: the stack continues after this process ends (``make up``).
    :param say: called with one line per stage.
    """

    def __init__(
        self,
        home: Path,
        *,
        airflow_port: int = 0,
        strict_port: bool = False,
        speed: float = 60,
        seed: str = "demo",
        settings: Mapping[str, str] | None = None,
        parallelism: int = 8,
        keep: bool = False,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.home = home
        self.speed = speed
        self.seed = seed
        self.endpoints: dict[str, str] = {}
        self._port, self._strict_port = airflow_port, strict_port
        self._settings = dict(settings or {})
        self._parallelism = parallelism
        self._keep = keep
        self._say = say
        self._environment: dict[str, str] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._state = state_file.StackState()
        self._reaper: Reaper | None = None

    # -- life

    def __enter__(self) -> LocalStack:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> LocalStack:
        """Starts everything and waits until it is healthy.

        :raises LocalError: a stack runs in this home already, a port is taken, or something did not come up.
        """
        running.refuse_second(self.home)
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(parents=True)
        began = time.monotonic()
        try:
            self._start_all()
        except BaseException:  # also Ctrl-C and SystemExit: nothing may stay behind
            self.stop()
            raise
        self._say(f"all healthy after {time.monotonic() - began:.0f} s")
        return self

    def stop(self) -> None:
        """Stops every process of the stack.

        :raises LocalError: a process still runs after SIGKILL.
        """
        try:
            running.stop_sessions(self._state.sessions)
        finally:
            if self._reaper:
                self._reaper.close()
                self._reaper = None
        for process in self._processes.values():
            process.wait()
        state_file.remove(self.home)

    def check_alive(self) -> None:
        """Raises if a component has died: the others would wait for it for ever.

        :raises LocalError: with the end of its log.
        """
        for name, process in self._processes.items():
            if process.poll() is not None:
                raise LocalError(f"{name} ended with {process.returncode}; the end of its log:\n{self._log_tail(name)}")

    # -- what users of it need

    @property
    def ui_url(self) -> str:
        """Address of the UI and of the REST API."""
        return f"http://{ports.LOOPBACK}:{self._port}"

    @property
    def api(self) -> AirflowApi:
        """A client of this Airflow."""
        return AirflowApi(self.ui_url)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of Airflow's components, for other commands that use the same stack."""
        return dict(self._environment)

    @property
    def sessions(self) -> list[Session]:
        """The sessions of everything started."""
        return list(self._state.sessions)

    # -- stages

    def _start_all(self) -> None:
        if not self._keep:
            self._reaper = Reaper(ROOT)
        base = airflow_env.clean_environment() | airflow_env.no_aws_defaults() | airflow_env.own_config(ROOT, self.home)
        self._choose_port()
        own = airflow_env.airflow_settings(ROOT, self.home, self._port, self._parallelism)
        self._say(f"starting the sandbox (speed {self.speed:g}, seed {self.seed}) and Airflow's database")
        sandbox_environment = base | {"PYTHONPATH": str(ROOT)}
        self._run(sandbox_process.command(ROOT, self.home, sandbox_environment, 0, self.speed, self.seed))
        migration = self._run(self._airflow_command("db-migrate", ["db", "migrate"], base | own))
        self._wait("the sandbox", lambda: sandbox_process.is_ready(self.home))
        self.endpoints = sandbox_process.read_variables(self.home)
        made = resources.make(self.endpoints)
        found = self.endpoints | airflow_env.connections(self.endpoints) | airflow_env.own_connection(self._port) | made
        self._environment = base | own | found | self._settings
        self._wait("Airflow's database", lambda: migration.poll() is not None)
        self._finish_migration(migration)
        self._start_airflow()

    def _start_airflow(self) -> None:
        self._say(f"starting Airflow on {self.ui_url}")
        for name, arguments in COMPONENTS.items():
            own = airflow_env.api_server_settings(self.home) if name == "api-server" else {}
            self._run(self._airflow_command(name, arguments, self._environment | own))
        api = self.api
        self._wait("Airflow", api.is_healthy)
        self._state.ui_url, self._state.endpoints = self.ui_url, without_secrets(self.endpoints)
        self._state.write(self.home)
        env_file = self.home / "env.sh"
        env_file.touch(mode=0o600)
        env_file.write_text(airflow_env.shell_lines(self._environment, airflow_env.clean_environment()))

    def _choose_port(self) -> None:
        wanted = self._port
        self._port = ports.choose(wanted, self._strict_port, "Airflow's UI")
        if wanted and self._port != wanted:
            self._say(f"port {wanted} is taken, Airflow gets {self._port}")

    def _airflow_command(self, name: str, arguments: list[str], environment: dict[str, str]) -> Command:
        airflow = Path(sys.executable).with_name("airflow")
        return Command(name, [str(airflow), *arguments], environment, ROOT, self._log(name))

    def _finish_migration(self, migration: subprocess.Popen[bytes]) -> None:
        del self._processes["db-migrate"]
        if migration.returncode:
            raise LocalError(f"airflow db migrate failed; the end of its log:\n{self._log_tail('db-migrate')}")
        sqlite_wal.switch_on(self.home / "airflow.db")

    def _run(self, command: Command) -> subprocess.Popen[bytes]:
        process, session = processes.start(command)
        if self._reaper:
            self._reaper.watch(session)
        self._processes[command.name] = process
        self._state.sessions.append(session)
        self._state.write(self.home)
        return process

    def _wait(self, what: str, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not ready():
            self._check_starting()
            if time.monotonic() > deadline:
                raise LocalError(f"{what} was not ready after {START_TIMEOUT_SECONDS:.0f} s; logs: {self.home}/logs")
            time.sleep(0.3)

    def _check_starting(self) -> None:
        migration = self._processes.get("db-migrate")
        if migration is None or migration.poll() is None:
            self.check_alive()

    def _log(self, name: str) -> Path:
        return self.home / "logs" / f"{name}.log"

    def _log_tail(self, name: str) -> str:
        lines = self._log(name).read_text(errors="replace").splitlines()
        return "\n".join(lines[-LOG_TAIL_LINES:])


def without_secrets(variables: Mapping[str, str]) -> dict[str, str]:
    """Only the addresses of a sandbox's variables."""
    return {name: value for name, value in variables.items() if "_URL" in name and not name.startswith("AIRFLOW_CONN_")}
