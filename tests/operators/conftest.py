"""The scripted AWS, for tests of triggers and sensors; a sandbox with the package's own resources for the others."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from include.local import airflow_env, resources
from include.sandbox.sandbox import Sandbox
from tests.aws.scripted_fixtures import aws, hook, one_hook, readers, server  # noqa: F401 - fixtures


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(speed=600, seed="empty", shown="wall") as sandbox:
        before = dict(os.environ)
        made = resources.make(sandbox.environment)
        os.environ.update({**sandbox.environment, **airflow_env.connections(sandbox.environment), **made})
        yield sandbox
        os.environ.clear()
        os.environ.update(before)
