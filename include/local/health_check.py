"""After the demo's wave: one run of the health check, which the runbook runs every two hours."""

from __future__ import annotations

import time
from typing import Any

from include.local.airflow_api import RUN_ENDED, AirflowApiError
from include.local.screen import Screen
from include.local.stack import LocalStack
from include.local.triggering import trigger
from include.sandbox.estates import wide_config
from include.sandbox.estates.__main__ import account_from
from include.sandbox.estates.estate import seed_clean

DAG_ID, REPORT_TASK = "runbook_health_check", "report"
LOOK_SECONDS = 1.5


def look(stack: LocalStack, screen: Screen) -> str:
    """Seeds functions, queues and state machines, runs the health check and shows its report.

    :return: the run's state.
    """
    screen.say("the account gets functions, queues and state machines to look at; then one health check")
    wide_config.widen_own(stack.environment)
    seed_clean(account_from(dict(stack.environment)))
    run_id = "demo-health-check"
    trigger(stack.api, DAG_ID, {}, run_id)
    while (state := stack.api.run_state(DAG_ID, run_id)) not in RUN_ENDED:
        stack.check_alive()
        time.sleep(LOOK_SECONDS)
    try:
        report: Any = stack.api.xcom(DAG_ID, run_id, REPORT_TASK)
    except AirflowApiError as error:
        screen.say(f"the health check left no report ({error})")
    else:
        screen.document("Health check", report["markdown"])
    screen.say(f"the health check ended: {state}; {stack.api.run_url(DAG_ID, run_id)}")
    return state
