"""
### migration_setup: the AWS resources this package needs

Creates or updates one CloudFormation stack from `include/cloudformation/migration-ops.yaml`: the ledger table, the
evidence bucket, the event bus with its rules, the request queue with its dead letters, the topics, the log group, the
dashboard, the alarm on the heartbeat, and two KMS keys. The names come from the `MIGRATION_OPS_*` settings.

`dryRun` true (the default) shows the change set and removes it again. On an up-to-date stack a run succeeds and changes
nothing. With `dryRun` false it creates and updates unasked; **`approve` asks a person only when the change removes or
replaces a resource**. Rejected, or no answer in a day: nothing is changed, `apply` is red with the reason.

Only a stack of this package is touched: one with the tag `project=migration-ops` or our template's description. The
note of `plan` lists what only a person can set. **Table, bucket and log group are kept when the stack is deleted**:
delete them by hand, or import them into a new stack.

To retry: clear the failed task with downstream; after a rejection clear `prepare`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import Param, PokeReturnValue, dag, get_current_context, task

from migration_ops.operators.change_approval import ChangeApproval
from migration_ops.operators.defaults import Tag, default_args

TEMPLATE = Path(__file__).resolve().parent.parent / "include" / "cloudformation" / "migration-ops.yaml"
ANSWER_WITHIN = timedelta(days=1)
PARAMS = {
    "stackName": Param("migration-ops", type="string", title="Stack name", pattern="^[A-Za-z][A-Za-z0-9-]{0,127}$"),
    "region": Param(None, type=["string", "null"], title="Region", description="Empty: the connection's Region"),
    "awsConnId": Param("aws_default", type="string", title="AWS connection"),
    "dryRun": Param(True, type="boolean", title="Dry run", description="Show the change, do not make it"),
}


def cloudformation() -> Any:
    """The client behind the provider's hook, for this run's connection and Region."""
    from airflow.providers.amazon.aws.hooks.cloud_formation import CloudFormationHook

    from migration_ops.operators.services import require_connection

    params = get_current_context()["params"]
    require_connection(params["awsConnId"])
    return CloudFormationHook(aws_conn_id=params["awsConnId"], region_name=params["region"]).get_conn()


@dag(
    dag_id="migration_setup",
    schedule=None,
    start_date=datetime(2025, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=ANSWER_WITHIN + timedelta(hours=2),
    default_args=default_args(),
    params=PARAMS,
    tags=[Tag.MIGRATION, Tag.SETUP, Tag.IMPACT_NONE],
    doc_md=__doc__,
)
def migration_setup() -> None:
    @task(doc_md="Creates the change set for the stack, new or existing; nothing is changed yet.")
    def prepare() -> dict[str, str]:
        from dataclasses import asdict

        from migration_ops.operators import setup

        context, template = get_current_context(), TEMPLATE.read_text(encoding="utf-8")
        name, ti = context["params"]["stackName"], context.get("ti")
        return asdict(setup.prepare(cloudformation(), name, template, token=context["run_id"], ti=ti))

    @task.sensor(mode="reschedule", poke_interval=15, timeout=900, doc_md="Waits for the change set and logs it.")
    def plan(change_set: dict[str, str]) -> PokeReturnValue:
        from migration_ops.aws.stack import ChangeSet
        from migration_ops.operators.setup import show

        shown = show(cloudformation(), ChangeSet(**change_set), get_current_context().get("ti"))
        return PokeReturnValue(is_done=shown is not None, xcom_value=shown)

    @task(doc_md="Makes the change as it was shown. Dry run, nothing to change, or refused: removes the change set.")
    def apply(change_set: dict[str, str], planned: dict[str, Any], answer: dict[str, Any]) -> None:
        from migration_ops.aws.stack import ChangeSet
        from migration_ops.operators import setup

        context = get_current_context()
        dry_run, ti = context["params"]["dryRun"], context.get("ti")
        setup.apply(cloudformation(), ChangeSet(**change_set), planned, answer, dry_run=dry_run, ti=ti)

    @task.sensor(mode="reschedule", poke_interval=30, timeout=3600, doc_md="Waits for the stack, reads it back.")
    def outputs(change_set: dict[str, str], planned: dict[str, Any]) -> PokeReturnValue:
        from migration_ops.aws.stack import ChangeSet
        from migration_ops.operators import setup

        found = setup.outputs(cloudformation(), ChangeSet(**change_set), planned)
        return PokeReturnValue(is_done=found is not None, xcom_value=found)

    # what is a value in a task is a reference to it here
    change_set: Any = prepare()
    planned: Any = plan(change_set)
    answer: Any = ChangeApproval(task_id="approve", plan_task="plan", wait=ANSWER_WITHIN)
    planned >> answer
    apply(change_set, planned, answer.output) >> outputs(change_set, planned)


migration_setup()
