"""Seeds the clean estate, or the one with every problem planted."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType

from include.sandbox.operations import clean, problems
from include.sandbox.operations.account import Account

# Check id -> the resources of which it must report something that is not OK.
Expected = dict[str, set[str]]


def seed_clean(account: Account) -> None:
    """Everything that the checks look at, with nothing wrong."""
    for module in _modules(clean):
        module.seed(account)


def plant_all(account: Account) -> Expected:
    """Every problem beside the clean estate; what each check must then report."""
    expected: Expected = {}
    for module in _modules(problems):
        for check_id, resources in module.plant(account).items():
            expected.setdefault(check_id, set()).update(resources)
    return expected


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    """By name: what one seeds, a later one may use."""
    for found in sorted(pkgutil.iter_modules(package.__path__), key=lambda one: one.name):
        yield importlib.import_module(f"{package.__name__}.{found.name}")
