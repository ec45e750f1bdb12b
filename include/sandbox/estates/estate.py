"""Seeds the clean estate, or the one with every problem planted."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType

from include.sandbox.estates import clean, planted
from include.sandbox.estates.account import Account

# Check id -> the resources of which it must report something that is not OK.
Expected = dict[str, set[str]]


# Where a sandbox remembers that it has the clean estate: seeds make resources, and a second one would be refused.
MARK = "/sandbox/operations/estate"


def seed_clean(account: Account) -> bool:
    """Everything that the checks look at, with nothing wrong.

    :return: False when this account has it already, and nothing was done.
    """
    ssm = account.client("ssm")
    if ssm.get_parameters(Names=[MARK])["Parameters"]:
        return False
    for module in _modules(clean):
        module.seed(account)
    ssm.put_parameter(Name=MARK, Value="clean", Type="String")
    return True


def plant_all(account: Account) -> Expected:
    """Every problem beside the clean estate; what each check must then report."""
    expected: Expected = {}
    for module in _modules(planted):
        for check_id, resources in module.plant(account).items():
            expected.setdefault(check_id, set()).update(resources)
    return expected


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    """By name: what one seeds, a later one may use."""
    for found in sorted(pkgutil.iter_modules(package.__path__), key=lambda one: one.name):
        yield importlib.import_module(f"{package.__name__}.{found.name}")
