"""The runtimes of our Lambda functions and the days on which their support ends."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from migration_ops.aws.inventory.lambda_runtimes import read_runtimes
from migration_ops.aws.reader import AwsReader
from migration_ops.core.config import DIRECTORY
from migration_ops.core.facts import NONE_EXPECTED, is_failed
from migration_ops.core.listing import Listing


def read(reader: AwsReader) -> dict[str, Any]:
    """``functions``: ``name, packageType, runtime {name, end, daysLeft}`` (None for images; ``end`` None: unknown)."""
    names = reader.config.resources.functions
    if names.is_empty:
        return {"functions": [], NONE_EXPECTED: True}
    directory = Path(reader.settings.config_directory) if reader.settings.config_directory else DIRECTORY
    ends = reader.guarded(
        "lambda_runtimes.yaml", lambda: read_runtimes(directory).model_dump(mode="json", by_alias=True)["runtimes"]
    )
    listed = reader.pages("lambda", "list_functions", "Functions")
    if is_failed(listed):
        return {"functions": listed}
    return {
        "functions": [
            {
                "name": one["FunctionName"],
                "packageType": one.get("PackageType", "Zip"),
                "runtime": _runtime(one.get("Runtime"), ends, reader.now.date()),
            }
            for one in listed
            if names.matches(one["FunctionName"])
        ]
    }


def _runtime(name: str | None, ends: Any, today: date) -> dict[str, Any] | None:
    if not name:
        return None
    if is_failed(ends):
        return {"name": name, "end": ends}
    end = ends.get(name)
    return {"name": name, "end": end, "daysLeft": (date.fromisoformat(end) - today).days if end else None}


# The lists that checks are about.
FUNCTIONS = Listing("function_runtimes", "functions", read)
