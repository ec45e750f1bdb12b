"""What every table of the benchmarks says beside its numbers: the machine, the versions, how it was measured."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("apache-airflow", "apache-airflow-providers-amazon", "boto3", "moto")


def machine() -> str:
    """One line: processor, memory, Python and the packages that matter."""
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    found = ", ".join(f"{name.removeprefix('apache-airflow-providers-')} {version(name)}" for name in PACKAGES)
    return f"{os.cpu_count()} × {_processor()}, {memory_gib:.0f} GiB, Python {platform.python_version()}, {found}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; numbers are right-aligned in their column when the first row has one there."""
    cells = [[_cell(one) for one in row] for row in rows]
    rules = ["--:" if cells and _is_number(cells[0][index]) else ":--" for index in range(len(head))]
    return "\n".join("| " + " | ".join(row) + " |" for row in [list(head), rules, *cells])


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _is_number(cell: str) -> bool:
    return cell.replace(",", "").replace(".", "").isdigit()
