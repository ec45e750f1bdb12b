"""The marker `sandbox`, given by what a test uses, and its guard.

A test is marked when its own code, or that of one of its fixtures, names something that starts a server or an account
(STARTERS), or when it lies in a folder whose tests start processes of their own (FOLDERS). What is left is the loop
``pytest -m "not sandbox"``: one process, no servers but scripted ones.
"""

from __future__ import annotations

import gc
import inspect
import sys
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from tests import faster_botocore

faster_botocore.install()
HERE = Path(__file__).resolve().parent
FOLDERS = ("benchmarks", "contract", "crash", "engine", "scenarios")
STARTERS = {"Sandbox", "ThreadedMotoServer", "mock_aws", "LocalStack", "sandbox_process"}


def _names(code: CodeType) -> set[str]:
    """Names that a function's code uses, its inner functions included."""
    inner = [one for one in code.co_consts if isinstance(one, CodeType)]
    return set(code.co_names).union(*(_names(one) for one in inner))


def _starts(function: Any) -> bool:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return code is not None and bool(_names(code) & STARTERS)


def _needs_sandbox(item: pytest.Function) -> bool:
    if item.path.relative_to(HERE).parts[0] in FOLDERS or _starts(item.function):
        return True
    fixtures = item._fixtureinfo.name2fixturedefs.values()
    return any(_starts(one.func) for found in fixtures for one in found)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function) and _needs_sandbox(item):
            item.add_marker(pytest.mark.sandbox)


def pytest_collection_finish() -> None:
    """What is loaded by now stays: walking all of it again and again took a quarter of the processor time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


@pytest.fixture(autouse=True)
def _only_marked_tests_start_servers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that starts an account without being marked fails, so that the fast loop stays one."""
    if request.node.get_closest_marker("sandbox") is None:
        for module, name, method in (
            ("include.sandbox.sandbox", "Sandbox", "__enter__"),
            ("moto.server", "ThreadedMotoServer", "start"),
        ):
            found = getattr(sys.modules.get(module), name, None)
            if found is not None:
                monkeypatch.setattr(found, method, _refuse)


def _refuse(*_: Any) -> None:
    raise AssertionError("this test starts an account: mark it with @pytest.mark.sandbox (tests/conftest.py)")
