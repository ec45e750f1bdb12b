"""The configuration of an installer who asks for the whole account, as the estates' names need it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import yaml

SHIPPED = Path(__file__).resolve().parents[2] / "config"


def write(directory: Path) -> Path:
    """A copy of ``include/config``, widened."""
    shutil.copytree(SHIPPED, directory, dirs_exist_ok=True)
    return widen(directory)


def widen(directory: Path) -> Path:
    """Every kind of this directory's ``resources.yaml`` includes all names.

    :raises ValueError: it is the shipped configuration, which stays as it is.
    """
    if directory.resolve() == SHIPPED:
        raise ValueError("the shipped configuration is not changed")
    path = directory / "resources.yaml"
    resources = yaml.safe_load(path.read_text(encoding="utf-8"))
    wide = {
        kind: {**names, "include": ["*"]} if isinstance(names, dict) and "include" in names else names
        for kind, names in resources.items()
    }
    path.write_text(yaml.safe_dump(wide, sort_keys=False), encoding="utf-8")
    return directory


def widen_own(environment: Mapping[str, str]) -> bool:
    """Widens the configuration that a local stack made for itself; one that a developer named stays as it is.

    :return: whether it was widened.
    """
    named, home = (environment.get(name) for name in ("MIGRATION_OPS_CONFIG_DIRECTORY", "AIRFLOW_HOME"))
    if not named or not home or not Path(named).resolve().is_relative_to(Path(home).resolve()):
        return False
    widen(Path(named))
    return True
