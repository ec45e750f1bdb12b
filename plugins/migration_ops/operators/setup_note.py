"""The note of a run of ``migration_setup``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from migration_ops.core.config import read_config
from migration_ops.core.settings import read_settings
from migration_ops.operators.context import set_run_note
from migration_ops.runbook.to_set import to_set


def leave_what_to_set(ti: Any) -> None:
    """
    What a person must set, in the log and, where there is a task instance, in the run's note.

    :raises InvalidInputError: a configuration file is wrong.
    """
    directory = read_settings().config_directory
    lines = to_set(read_config(Path(directory) if directory else None))
    print("TO SET:", *lines, sep="\n- ")
    if ti is not None:
        set_run_note(ti, "\n- ".join(["**To set by a person** (the values hold until then):", *lines]))
