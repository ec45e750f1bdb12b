"""A rollback rehearsed on the sandbox: a new server is launched for a test and rolled back."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

import requests
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException

from migration_ops.core.documents import rehearsal_wave_for
from migration_ops.core.errors import MigrationError, UnknownError
from migration_ops.core.states import Phase
from migration_ops.operators.answers import write_decision
from migration_ops.operators.backup.backup import now
from migration_ops.operators.base import DocumentedOperator
from migration_ops.operators.context import PLAN_KEY, plan_of, services_of
from migration_ops.operators.runbook.base import FindingsOperator
from migration_ops.operators.services import services_for
from migration_ops.runbook.backup.findings import CRITICAL, OK, WARNING, finding
from migration_ops.wave.conf.model import parse_conf
from migration_ops.wave.plan.make import make_plan
from migration_ops.wave.plan.plan import WavePlan
from migration_ops.wave.preflight import register
from migration_ops.wave.services import Services, StepSkipped

# Only the sandbox says where its control API is.
CONTROL = "SANDBOX_CONTROL_URL"
BACK_TO = "READY_FOR_TEST"
TIMEOUT_SECONDS = 30
HOW = "migration_rollback on a sandbox account, or this drill where the sandbox runs"


class RehearsalPlanOperator(DocumentedOperator):
    """
    Put a new server into the sandbox's MGN and plan a wave for it; skipped where there is no sandbox.

    Returns the application, with the decision that the rollback acts on.
    """

    def execute(self, context: Context) -> Any:
        ti, params = context["ti"], context["params"]
        control = os.environ.get(CONTROL)
        if not control or not os.environ.get("AWS_ENDPOINT_URL"):
            raise AirflowSkipException(f"no sandbox here: a rollback is rehearsed by {HOW}")
        wave = rehearsal_wave_for(f"{ti.run_id}{ti.try_number}")
        services = services_for(ti, wave, params["awsConnId"], params["region"])
        require_sandbox(services)
        conf = {
            "wave": wave,
            "dryRun": False,
            "awsConnId": params["awsConnId"],
            "region": params["region"],
            "applications": add_application(control, wave),
            "cmdb": {"enabled": False},
            "finalize": False,
        }
        plan = make_plan(services, parse_conf(conf, now=now()))
        register(services, plan)
        ti.xcom_push(key=PLAN_KEY, value=plan.as_document())
        app, decision = plan.applications[0], {"decision": "rollback", "reason": "rehearsal"}
        write_decision(ti, plan, app.app_name, decision | {"by": "drill"})
        return app.as_document() | decision


def require_sandbox(services: Services) -> None:
    """:raises AirflowSkipException: the connection does not lead to the sandbox, whatever the environment says."""
    host = urlsplit(services.client("ec2").meta.endpoint_url).hostname or ""
    expected = urlsplit(os.environ["AWS_ENDPOINT_URL"]).hostname
    if host != expected or host.endswith(("amazonaws.com", "amazonaws.com.cn")):
        raise AirflowSkipException(f"the connection leads to {host}, not to the sandbox: rehearsed by {HOW}")


def add_application(control: str, name: str) -> list[dict[str, Any]]:
    """One healthy server, ready for its test; as a wave conf lists it.

    :raises UnknownError: the sandbox did not answer, or not with applications.
    """
    session = requests.Session()
    # A proxy of the environment must not get requests to loopback.
    session.trust_env = False
    document = {"applications": [{"appName": name, "servers": 1}]}
    try:
        answer = session.post(f"{control.rstrip('/')}/_sandbox/estate", json=document, timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
        made: list[dict[str, Any]] = answer.json()["applications"]
    except (requests.RequestException, KeyError, ValueError) as error:
        raise UnknownError(f"the sandbox made no server: {type(error).__name__}") from error
    return made


class RehearsedOperator(FindingsOperator):
    """Look at what the rollback left: lifecycle, instances, ledger. Then free the server's lock."""

    def execute(self, context: Context) -> Any:
        ti = context["ti"]
        try:
            plan = plan_of(ti)
        except StepSkipped:
            none = finding("drill_rollback", "rollback", WARNING, f"not rehearsed here: rehearse it by {HOW}")
            return self.publish(ti, [none])
        services = services_of(ti, plan)
        wrong = left_behind(services, plan)
        services.ledger.release(list(plan.server_ids), services.holder)
        verdict = CRITICAL if wrong else OK
        reason = "; ".join(wrong) if wrong else "launched for a test and taken back: nothing is left of it"
        return self.publish(ti, [finding("drill_rollback", plan.wave, verdict, reason, evidence=tuple(wrong))])


def left_behind(services: Services, plan: WavePlan) -> list[str]:
    """What is not as it was before the launch; a state that cannot be read counts as such."""
    wrong = []
    try:
        views = services.mgn.describe_servers(list(plan.server_ids))
        records = services.ledger.read([one for app in plan.applications for one in app.migration_ids])
    except MigrationError as error:
        return [f"nobody knows: {error.message}"]
    for server in plan.server_ids:
        view = views.get(server)
        if view is None or view.lifecycle_state != BACK_TO:
            wrong.append(f"{server} is {view.lifecycle_state if view else 'gone'}, not {BACK_TO}")
        elif view.launched_instance_id:
            wrong.append(f"{server} still has {view.launched_instance_id}")
    wrong += [f"{one.migration_id} is {one.phase}" for one in records.values() if one.phase is not Phase.ROLLED_BACK]
    return wrong if records else [*wrong, "the ledger has no record of it"]
