"""The shipped configuration of an installer who asks for the whole account, as the estates' names need it.

``python -m include.sandbox.operations.wide_config DIRECTORY`` writes it; start the stack with
``MIGRATION_OPS_CONFIG_DIRECTORY`` set to that directory, and the health check finds the planted problems.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import yaml

SHIPPED = Path(__file__).resolve().parents[2] / "config"


def write(directory: Path) -> Path:
    """A copy of ``include/config`` in which every kind of ``resources.yaml`` includes all names."""
    shutil.copytree(SHIPPED, directory, dirs_exist_ok=True)
    path = directory / "resources.yaml"
    resources = yaml.safe_load(path.read_text(encoding="utf-8"))
    wide = {
        kind: {**names, "include": ["*"]} if isinstance(names, dict) and "include" in names else names
        for kind, names in resources.items()
    }
    path.write_text(yaml.safe_dump(wide, sort_keys=False), encoding="utf-8")
    return directory


if __name__ == "__main__":
    sys.stdout.write(f"export MIGRATION_OPS_CONFIG_DIRECTORY={write(Path(sys.argv[1]).resolve())}\n")
