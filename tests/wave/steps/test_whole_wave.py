"""A whole wave through its steps, against the sandbox."""

from __future__ import annotations

from typing import Any

import pytest

from tests.wave.steps.web_site import at_home


def test_happy_wave(wave: Any) -> None:
    driver = wave({"appName": "db", "servers": 2}, {"appName": "web", "servers": 1, "dependsOn": ["db"]})
    driver.whole()
    for app in ("db", "web"):
        assert driver.phases(app) == {"FINALIZED"}
        assert driver.states(app) == {"CUTOVER"}
        for action in ("START_TEST", "START_CUTOVER", "TERMINATE"):
            driver.assert_jobs(action, app)
    assert not driver.services.ledger.locks(list(driver.plan.server_ids))


def test_a_wave_whose_applications_have_checks(wave: Any, site: Any) -> None:
    """As in the README's example: the document of a check is in the plan, on the sheet and in the evidence."""
    port = site.server_address[1]
    http = {"type": "http", "url": f"http://{{privateIp}}:{port}/health", "status": 200}
    driver = at_home(
        wave(
            {"appName": "db", "servers": 1, "impact": "critical", "checks": [{"type": "tcp", "port": port}]},
            {"appName": "web", "servers": 1, "dependsOn": ["db"], "checks": [http]},
            {"appName": "alone", "servers": 1},
            failureThreshold=2,
        )
    )
    driver.whole()
    assert [driver.phases(app) for app in ("db", "web", "alone")] == [{"FINALIZED"}] * 3


@pytest.mark.parametrize(
    "conf",
    [
        {"testLaunch": False},
        {"soakMinutes": 0.001},
        {"approvals": {"cutover": False, "finalize": False}},
        {"onFailure": "rollback"},
        {"changeTicket": "CHG0031338"},
        {"cutoverWindow": {"opens": "2020-01-01T00:00:00Z", "closes": "2099-01-01T00:00:00Z"}},
    ],
    ids=lambda conf: next(iter(conf)),
)
def test_a_wave_with(wave: Any, conf: dict[str, Any]) -> None:
    """What a conf can ask for, each over the whole road and not in the step alone that reads it."""
    driver = wave({"appName": "db", "servers": 1}, {"appName": "web", "servers": 1, "dependsOn": ["db"]}, **conf)
    driver.whole()
    assert driver.phases("db") | driver.phases("web") == {"FINALIZED"}
