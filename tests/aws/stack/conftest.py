"""moto's server for the stack's tests; each test works in a Region of its own, which is a fresh account to moto."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from include.sandbox.moto import change_sets
from tests.moto_account import make_client, moto_endpoint  # noqa: F401 - fixtures

_REGIONS = itertools.cycle(boto3.session.Session().get_available_regions("dynamodb"))


@pytest.fixture(autouse=True, scope="session")
def complete_change_sets() -> None:
    change_sets.install()


@pytest.fixture
def region() -> str:
    return next(_REGIONS)


@pytest.fixture
def client_for(moto_endpoint: str, region: str) -> Callable[[str], Any]:  # noqa: F811
    return lambda service: boto3.client(
        service,
        endpoint_url=moto_endpoint,
        region_name=region,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
