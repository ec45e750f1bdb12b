"""One sandbox for all step tests; each test seeds its own servers, so that none sees another's."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from moto.dynamodb import dynamodb_backends
from moto.ec2 import ec2_backends

from include.cloudformation.sandbox_deploy import deploy
from include.sandbox.mgn.account import Quotas
from include.sandbox.sandbox import Sandbox
from tests import faster_moto
from tests.wave.steps.wave_driver import Driver, make_plan, make_services
from tests.wave.steps.web_site import web_site

SPEED = 20_000


@pytest.fixture(scope="session")
def box() -> Iterator[Sandbox]:
    faster_moto.install()
    # Wall-clock times, as MGN has them: what is filtered by "since" then means what it says.
    with Sandbox(speed=SPEED, seed="empty", shown="wall") as sandbox:
        before = dict(os.environ)
        os.environ.update(sandbox.environment)
        deploy(sandbox.boto("cloudformation"))
        yield sandbox
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def estate(box: Sandbox) -> Iterator[Any]:
    """Seeds applications and answers them in the shape of the conf; faults are gone afterwards."""

    def seed(*applications: dict[str, Any]) -> list[dict[str, Any]]:
        return box.client.add_estate({"applications": list(applications)})["applications"]

    yield seed
    box.faults.remove()
    account = box.mgn.own.account
    if box.clock.speed != SPEED:
        box.clock.set_speed(SPEED)
    if account.active_jobs():
        # Whatever still runs comes to its end before its server goes.
        box.clock.advance(86_400)
        box.run_due()
    with account.lock:
        account.quotas = Quotas()
        # What the tests before left makes every call slower.
        account.servers.clear()
        account.jobs.clear()
    for table in dynamodb_backends[box.account_id][box.region].tables.values():
        table.items.clear()
    ec2 = ec2_backends[box.account_id][box.region]
    ec2.launch_templates.clear()
    ec2.launch_template_name_to_ids.clear()
    ec2.reservations.clear()


@pytest.fixture
def site() -> Iterator[Any]:
    """See ``web_site``."""
    with web_site() as server:
        yield server


_numbers = count(1)


@pytest.fixture
def wave(box: Sandbox, estate: Any) -> Callable[..., Driver]:
    """A wave with servers of its own: ``wave({"appName": "db", "servers": 2}, soakMinutes=1)``.

    Without applications: ``app`` with one server. Names are the test's own words; ids differ from test to test.
    """

    def make(*applications: dict[str, Any], services: dict[str, Any] | None = None, **conf: Any) -> Driver:
        listed = estate(*(applications or ({"appName": "app", "servers": 1},)))
        name = f"wave-{next(_numbers)}"
        plan = make_plan(listed, **({"wave": name} | conf))
        return Driver(make_services(box, run_id=f"run-{name}", wave=name, **(services or {})), plan, box)

    return make
