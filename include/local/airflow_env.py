"""The environment of the local Airflow: only variables that an operator could set too (see ``.env.example``)."""

from __future__ import annotations

import base64
import json
import os
import secrets
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from include.local.ports import LOOPBACK

# A sandbox run must never reach the developer's own AWS account, and must not use settings of another Airflow.
FOREIGN_PREFIXES = ("AWS_", "AIRFLOW_", "SANDBOX_")
CONFIG_DIRECTORY = "MIGRATION_OPS_CONFIG_DIRECTORY"
# Without byte code each of Airflow's processes compiles a thousand modules at every start.
UNWANTED = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")


def clean_environment() -> dict[str, str]:
    """This process's environment without the variables above, and with the venv's commands first in PATH."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(FOREIGN_PREFIXES) and name not in UNWANTED
    }
    kept["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    for name in ("NO_PROXY", "no_proxy"):
        kept[name] = ",".join(filter(None, [os.environ.get(name), LOOPBACK, "localhost"]))
    return kept


def own_config(root: Path, home: Path) -> dict[str, str]:
    """A copy of the shipped configuration, which seeding an estate may extend; nothing if the variable is set."""
    if os.environ.get(CONFIG_DIRECTORY):
        return {}
    return {CONFIG_DIRECTORY: str(shutil.copytree(root / "include" / "config", home / "config"))}


def no_aws_defaults() -> dict[str, str]:
    """Keeps boto3 from using the developer's profile and instance metadata."""
    return {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def airflow_settings(root: Path, home: Path, port: int, parallelism: int) -> dict[str, str]:
    """Airflow's own configuration: SQLite, LocalExecutor, loopback only, no login.

    ``parallelism`` above 16 kills the scheduler on SQLite ("database is locked"); 8 was measured to be safe.
    """
    address = f"http://{LOOPBACK}:{port}"
    return {
        "AIRFLOW_HOME": str(home),
        # The local stack asks no package index.
        "MIGRATION_OPS_PIP_LIST_COMMAND": shlex.join(
            [sys.executable, str(root / "include/sandbox/estates/fake_pip.py")]
        ),
        # Without login every request is an admin's: this keeps web pages from sending some (DNS rebinding).
        "MIGRATION_OPS_ALLOWED_HOSTS": f"{LOOPBACK},localhost",
        "PYTHONPATH": str(root),
        "AIRFLOW__CORE__DAGS_FOLDER": str(root / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(root / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": str(parallelism),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
        "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database(home, lock_timeout_seconds=60),
        "AIRFLOW__API__HOST": LOOPBACK,
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": address,
        "AIRFLOW__API__SECRET_KEY": secrets.token_urlsafe(32),
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(48),
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs" / "tasks"),
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
        # A changed file is parsed at the next refresh; the others again every 5 minutes, not every 30 s: that took a
        # tenth of all processor time of the scenarios.
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "300",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.3",
        "AIRFLOW__SCHEDULER__TRIGGER_TIMEOUT_CHECK_INTERVAL": "5",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        **_free_workers_early(),
    }


def _free_workers_early() -> dict[str, str]:
    """Variables that free a task's worker within two seconds of its end. The default is up to five.

    Airflow 3.3.2's supervisor waits for the sockets of its task and then asks whether it ended. A task whose sockets
    are closed and that has not quite ended leaves it with nothing to wait for: it sleeps for a whole heartbeat
    interval, and its worker with it. On two processors that happens to most tasks. The number of heartbeats that may
    fail grows with it, so that a task still survives 16 s without the API server. A shorter interval would make
    heartbeats a fifth of all requests.
    """
    return {"AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "2", "AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS": "8"}


def database(home: Path, lock_timeout_seconds: int) -> str:
    """The address of the SQLite database.

    :param lock_timeout_seconds: how long a process waits for the lock of another one.
    """
    return f"sqlite:///{home / 'airflow.db'}?timeout={lock_timeout_seconds}"


def api_server_settings(home: Path) -> dict[str, str]:
    """Variables for the API server only: a short time-out for a locked database.

    Airflow 3.3.2 writes its audit log on the event loop. While that waits for the lock, the request that holds the lock
    cannot end, and the whole server blocks until the time-out. Callers repeat a request after a 500.
    """
    return {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database(home, lock_timeout_seconds=3)}


def own_connection(port: int) -> dict[str, str]:
    """The connection by which the health check reads this Airflow."""
    return {"AIRFLOW_CONN_AIRFLOW_API": json.dumps({"conn_type": "http", "host": f"http://{LOOPBACK}:{port}"})}


def connections(endpoints: Mapping[str, str]) -> dict[str, str]:
    """The package's connections for AWS, CMDB and callbacks (``AIRFLOW_CONN_*``), from the sandbox's variables."""
    callback = urlsplit(endpoints["SANDBOX_CALLBACK_URL"])
    made = {
        "AIRFLOW_CONN_AWS_DEFAULT": {
            "conn_type": "aws",
            "login": endpoints["AWS_ACCESS_KEY_ID"],
            "password": endpoints["AWS_SECRET_ACCESS_KEY"],
            "extra": {"region_name": endpoints["AWS_DEFAULT_REGION"]},
        },
        "AIRFLOW_CONN_CMF_API": {
            "conn_type": "http",
            "host": endpoints["SANDBOX_CMF_URL"],
            "extra": json.loads(endpoints["SANDBOX_CMF_CONNECTION_EXTRA"]),
        },
        "AIRFLOW_CONN_MIGRATION_CALLBACK": {
            "conn_type": "http",
            "password": endpoints["SANDBOX_CALLBACK_SECRET"],
            "extra": {"allowedHosts": [callback.netloc]},
        },
    }
    return {name: json.dumps(value) for name, value in made.items()}


def shell_lines(environment: Mapping[str, str], inherited: Mapping[str, str]) -> str:
    """``export`` lines for what differs from ``inherited``: source them to use the ``airflow`` command by hand."""
    changed = {name: value for name, value in environment.items() if inherited.get(name) != value}
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in sorted(changed.items()))
