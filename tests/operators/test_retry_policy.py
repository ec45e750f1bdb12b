"""The retry policy knows every error of the package: what says it is retryable is retried, nothing else is."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import pytest
from airflow.sdk import RetryAction

import migration_ops
from migration_ops.core.errors import MigrationError
from migration_ops.operators.defaults import RETRY_POLICY


def _all_errors() -> list[type[MigrationError]]:
    for module in pkgutil.walk_packages(migration_ops.__path__, "migration_ops."):
        importlib.import_module(module.name)

    def below(kind: type[MigrationError]) -> Iterator[type[MigrationError]]:
        yield kind
        for one in kind.__subclasses__():
            yield from below(one)

    return sorted(set(below(MigrationError)), key=lambda kind: kind.__qualname__)


@pytest.mark.parametrize("kind", _all_errors(), ids=lambda kind: kind.__name__)
def test_retryable_errors_are_retried_and_others_fail_at_once(kind: type[MigrationError]) -> None:
    decision = RETRY_POLICY.evaluate(kind("it happened"), try_number=1, max_tries=3)
    assert decision.action is (RetryAction.RETRY if kind.retryable else RetryAction.FAIL)
