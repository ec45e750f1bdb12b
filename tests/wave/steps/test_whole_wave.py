"""A whole wave through its steps, against the sandbox."""

from __future__ import annotations

from typing import Any


def test_happy_wave(wave: Any) -> None:
    driver = wave({"appName": "db", "servers": 2}, {"appName": "web", "servers": 1, "dependsOn": ["db"]})
    driver.whole()
    for app in ("db", "web"):
        assert driver.phases(app) == {"FINALIZED"}
        assert driver.states(app) == {"CUTOVER"}
        for action in ("START_TEST", "START_CUTOVER", "TERMINATE"):
            driver.assert_jobs(action, app)
    assert not driver.services.ledger.locks(list(driver.plan.server_ids))
