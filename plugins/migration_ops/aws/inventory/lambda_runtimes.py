"""When AWS ends the support of Lambda runtimes: ``include/config/lambda_runtimes.yaml``."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path

import yaml
from pydantic import Field, ValidationError

from migration_ops.core.config import DIRECTORY
from migration_ops.core.errors import InstallationError
from migration_ops.core.thresholds import ConfigPart

FILE = "lambda_runtimes.yaml"


class LambdaRuntimes(ConfigPart):
    """
    The dates.

    :param checked: the day on which they were last compared with AWS's page.
    :param runtimes: the first day without support, by runtime identifier.
    """

    checked: date
    runtimes: dict[str, date] = Field(min_length=1)


@cache
def read_runtimes(directory: Path = DIRECTORY) -> LambdaRuntimes:
    """
    The dates of this installation.

    :raises InstallationError: the file is missing or malformed.
    """
    path = directory / FILE
    try:
        return LambdaRuntimes.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except (OSError, yaml.YAMLError) as error:
        raise InstallationError(f"cannot be read: {type(error).__name__}", path=str(path)) from error
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        raise InstallationError("; ".join(faults), path=str(path)) from error
