"""docker-compose.yaml as its containers see it: the environment and the command of each Airflow component."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE_FILE = ROOT / "docker-compose.yaml"
# ${NAME:?why}, ${NAME:-default}, ${NAME}
_VARIABLE = re.compile(r"(?<!\$)\$\{([A-Z0-9_]+)(?::([?-])([^}]*))?\}")


def document() -> dict[str, Any]:
    """The parsed file."""
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE_FILE.read_text())
    return loaded


def substituted(text: str, values: dict[str, str]) -> str:
    """One value of the file with its variables filled in, as compose does it.

    :raises KeyError: a required variable has no value.
    """

    def fill(found: re.Match[str]) -> str:
        name, kind, default = found.groups()
        return values.get(name) or (default if kind == "-" else values[name])

    return _VARIABLE.sub(fill, text)


def environment(values: dict[str, str], service: str) -> dict[str, str]:
    """The variables that a service gets; a connection left empty is left out, as Airflow reads it."""
    raw = document()["services"][service]["environment"]
    filled = {name: substituted(str(value), values) for name, value in raw.items()}
    return {name: value for name, value in filled.items() if value or not name.startswith("AIRFLOW_CONN_")}


def components() -> dict[str, list[str]]:
    """Arguments of ``airflow`` for each service that stays up, by the service's name."""
    services: dict[str, Any] = document()["services"]
    common = document()["x-airflow-common"]["image"]
    return {
        name: service["command"]
        for name, service in services.items()
        if service.get("image") == common and service.get("restart") != "no" and "profiles" not in service
    }
