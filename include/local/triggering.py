"""Starts a run exactly once, on an Airflow whose database may be locked for a moment."""

from __future__ import annotations

import time
from typing import Any

from include.local.airflow_api import AirflowApi, AirflowApiError
from include.local.approvals import SERVER_ERROR

TRIGGER_ATTEMPTS = 5
RETRY_SECONDS = 1.5
CONFLICT = 409


def trigger(api: AirflowApi, dag_id: str, conf: dict[str, Any], run_id: str) -> None:
    """Starts the run; tries again after a 5xx (a locked database). A 409 then means that the run was started before.

    :raises AirflowApiError: Airflow refuses the conf, or five tries failed.
    """
    for attempt in range(TRIGGER_ATTEMPTS):
        try:
            api.trigger(dag_id, conf, run_id)
        except AirflowApiError as error:
            if attempt and error.status == CONFLICT:
                return
            if error.status < SERVER_ERROR or attempt == TRIGGER_ATTEMPTS - 1:
                raise
            time.sleep(RETRY_SECONDS)
        else:
            return
