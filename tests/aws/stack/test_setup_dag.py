"""The DAG imports, serialises, is thin, and deploys: its tasks' functions are run against moto."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException
from airflow.serialization.serialized_objects import DagSerialization

from include.cloudformation.sandbox_deploy import TEMPLATE, load_template
from migration_ops.aws.stack import NotOurStackError
from migration_ops.core.carry_out import ChangeNotMadeError
from migration_ops.core.change import NotApprovedError, PlanChangedError
from migration_ops.core.policy import PolicyError
from migration_ops.operators.approval import StrictHITLOperator

PATH = Path(__file__).resolve().parents[3] / "dags" / "migration_setup.py"


@pytest.fixture(scope="module")
def module() -> Iterator[ModuleType]:
    spec = spec_from_file_location("migration_setup_under_test", PATH)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture
def dag(module: ModuleType) -> Any:
    return module.migration_setup()


def test_it_survives_serialisation(dag: Any) -> None:
    again = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))
    assert set(again.task_ids) == {"prepare", "plan", "approve", "apply", "outputs"}
    assert again.params["dryRun"] is True


def test_no_wait_holds_a_worker(dag: Any) -> None:
    assert {task.task_id for task in dag.tasks if getattr(task, "mode", None) == "reschedule"} == {"plan", "outputs"}


def test_it_is_thin_and_documented(dag: Any) -> None:
    assert len(PATH.read_text(encoding="utf-8").splitlines()) <= 120
    assert dag.doc_md
    assert all(task.doc_md and task.retries >= 2 and task.owner for task in dag.tasks)


def template(**added: Any) -> dict[str, Any]:
    """Of our template, what moto makes: the queues, the table with its key, and the outputs about them."""
    whole = load_template(TEMPLATE.read_text(encoding="utf-8"))
    kept = {"DataKey", "LedgerTable", "RequestQueue", "RequestDeadLetterQueue"}
    whole["Resources"] = {name: one for name, one in whole["Resources"].items() if name in kept}
    whole["Resources"] |= added
    whole["Outputs"] = {"TableName": {"Value": {"Ref": "LedgerTable"}}}
    return whole


class Ti:
    """A task instance with the run's XComs."""

    dag_id, run_id, task_id, map_index = "migration_setup", "run", "approve", -1

    def __init__(self) -> None:
        self.xcoms: dict[Any, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[self.task_id, key] = value

    def xcom_pull(self, task_ids: str, key: str = "return_value") -> Any:
        return self.xcoms.get((task_ids, key))


class Run:
    """Calls the tasks in order, as Airflow would; ``answer`` is what people say when they are asked."""

    def __init__(self, dag: Any, context: dict[str, Any], answer: dict[str, Any] | None) -> None:
        self.call = {task.task_id: getattr(task, "python_callable", None) for task in dag.tasks}
        self.approval = dag.get_task("approve")
        self.context, self.ti, self.answer = context, context["ti"], answer
        self.asked: list[str] = []

    def deploy(self) -> Any:
        change_set = self.call["prepare"]()
        planned = self.call["plan"](change_set)
        assert planned.is_done
        self.ti.xcoms["plan", "return_value"] = planned.xcom_value
        given = self.approve()
        self.call["apply"](change_set, planned.xcom_value, given)
        return self.call["outputs"](change_set, planned.xcom_value)

    def approve(self) -> Any:
        self.ti.task_id = "approve"
        given = self.approval.execute(self.context)
        if given is not None:
            return given
        self.asked.append(self.approval.body)
        assert self.answer, "people were asked, and the test has no answer"
        return self.approval.execute_complete(self.context, self.answer)


@pytest.fixture
def body(tmp_path: Path, module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any]], None]:
    """Writes the template that the DAG deploys."""
    path = tmp_path / "template.json"
    monkeypatch.setattr(module, "TEMPLATE", path)

    def write(document: dict[str, Any]) -> None:
        path.write_text(json.dumps(document), encoding="utf-8")

    write(template())
    return write


@pytest.fixture
def run(
    dag: Any,
    module: ModuleType,
    body: Any,
    client_for: Callable[[str], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Run]:
    # Airflow's part of a question; an operator that waits answers nothing.
    monkeypatch.setattr(StrictHITLOperator, "execute", lambda self, context: None)

    def begun(run_id: str, *, dry_run: bool, answer: dict[str, Any] | None = None, name: str = "migration-ops") -> Run:
        context = {"params": {"stackName": name, "dryRun": dry_run}, "run_id": run_id, "ti": Ti()}
        monkeypatch.setattr(module, "get_current_context", lambda: context)
        monkeypatch.setattr(module, "cloudformation", lambda: AsAws(client_for("cloudformation")))
        return Run(dag, context, answer)

    return begun


class AsAws:
    """moto's client, which leaves out whether a resource is replaced. AWS says it of every one that is modified."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def get_paginator(self, operation: str) -> Any:
        def paginate(**request: Any) -> Any:
            for page in self.client.get_paginator(operation).paginate(**request):
                for one in page.get("Changes", []):
                    if one["ResourceChange"]["Action"] == "Modify":
                        one["ResourceChange"]["Replacement"] = "False"
                yield page

        return SimpleNamespace(paginate=paginate)


def said(option: str) -> dict[str, Any]:
    return {
        "chosen_options": [option],
        "params_input": {"comment": "because"},
        "responded_at": datetime(2026, 1, 9, tzinfo=UTC),
        "responded_by_user": {"id": "1", "name": "alice"},
        "timedout": False,
    }


SILENCE = {"error": "timed out", "error_type": "timeout"}


def change_sets_of(client: Any, name: str = "migration-ops") -> list[str]:
    summaries = client.list_change_sets(StackName=name)["Summaries"]
    return [one["ExecutionStatus"] for one in summaries if one["StackName"] == name]


def queues(client_for: Callable[[str], Any]) -> set[str]:
    urls = client_for("sqs").list_queues().get("QueueUrls", [])
    return {url.rsplit("/", 1)[-1] for url in urls}


@pytest.fixture
def deployed(run: Callable[..., Run]) -> None:
    assert run("run-0", dry_run=False).deploy().is_done


def test_dry_run_then_deploy_then_again(run: Callable[..., Run], client_for: Callable[[str], Any]) -> None:
    with pytest.raises(AirflowSkipException, match="4 resources to change, dryRun=True"):
        run("run-1", dry_run=True).deploy()
    assert client_for("dynamodb").list_tables()["TableNames"] == []
    first = run("run-2", dry_run=False)
    assert first.deploy().xcom_value == {"TableName": "migration-state"}
    # A first installation runs through without a person.
    assert first.asked == []
    assert client_for("dynamodb").list_tables()["TableNames"] == ["migration-state"]
    with pytest.raises(AirflowSkipException, match="0 resources to change, dryRun=False"):
        run("run-3", dry_run=False).deploy()


def test_a_plain_update_asks_nobody(
    run: Callable[..., Run], body: Any, deployed: None, client_for: Callable[[str], Any]
) -> None:
    changed = template()
    changed["Resources"]["RequestQueue"]["Properties"]["VisibilityTimeout"] = 301
    body(changed)
    update = run("run-1", dry_run=False)
    assert update.deploy().is_done
    assert update.asked == []
    sqs = client_for("sqs")
    url = sqs.get_queue_url(QueueName="migration-requests")["QueueUrl"]
    assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["VisibilityTimeout"] == "301"


EXTRA = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "extra"}}


@pytest.fixture
def removal(run: Callable[..., Run], body: Any) -> None:
    """The stack has one queue more than the template."""
    body(template(ExtraQueue=EXTRA))
    assert run("run-0", dry_run=False).deploy().is_done
    body(template())


def test_a_removal_is_asked_for_with_the_change_set_as_its_sheet(
    run: Callable[..., Run], removal: None, client_for: Callable[[str], Any]
) -> None:
    one = run("run-1", dry_run=False, answer=said("Approve"))
    assert one.deploy().is_done
    [sheet] = one.asked
    assert "**remove**" in sheet
    assert "`ExtraQueue`" in sheet
    assert "extra" not in queues(client_for)


@pytest.mark.parametrize(
    ("answer", "why"), [(said("Reject"), "rejected because"), (SILENCE, "Nobody answered in time")]
)
def test_without_an_approval_nothing_changes_and_the_run_is_red(
    run: Callable[..., Run], removal: None, client_for: Callable[[str], Any], answer: dict[str, Any], why: str
) -> None:
    one = run("run-1", dry_run=False, answer=answer)
    with pytest.raises(NotApprovedError, match=why):
        one.deploy()
    assert "extra" in queues(client_for)
    cloudformation = client_for("cloudformation")
    assert cloudformation.describe_stacks(StackName="migration-ops")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
    assert change_sets_of(cloudformation) == ["EXECUTE_COMPLETE"]
    assert "NOT_APPROVED" in one.ti.xcoms["approve", "run_note"]


def test_an_approval_of_other_changes_is_none(
    run: Callable[..., Run], removal: None, client_for: Callable[[str], Any]
) -> None:
    one = run("run-1", dry_run=False)
    change_set = one.call["prepare"]()
    planned = one.call["plan"](change_set).xcom_value
    stale = {"required": True, "isApproved": True, "digest": "of something else", "by": "alice"}
    with pytest.raises(PlanChangedError):
        one.call["apply"](change_set, planned, stale)
    again = one.call["prepare"]()
    with pytest.raises(NotApprovedError):
        one.call["apply"](again, planned, {"required": False, "digest": planned["digest"]})
    assert "extra" in queues(client_for)


def test_a_dry_run_of_a_removal_asks_nobody_and_says_that_it_would(
    run: Callable[..., Run], removal: None, client_for: Callable[[str], Any]
) -> None:
    one = run("run-1", dry_run=True)
    with pytest.raises(AirflowSkipException, match="ask a person"):
        one.deploy()
    assert one.asked == []
    assert "extra" in queues(client_for)
    assert change_sets_of(client_for("cloudformation")) == ["EXECUTE_COMPLETE"]


def test_somebody_elses_stack_is_refused_before_there_is_a_change_set(
    run: Callable[..., Run], client_for: Callable[[str], Any]
) -> None:
    cloudformation = client_for("cloudformation")
    network = {"Resources": {"Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}}}}
    cloudformation.create_stack(StackName="prod-network", TemplateBody=json.dumps(network))
    one = run("run-1", dry_run=False, name="prod-network")
    with pytest.raises(NotOurStackError):
        one.deploy()
    assert change_sets_of(cloudformation, "prod-network") == []
    assert "STACK_NOT_OURS" in one.ti.xcoms["approve", "run_note"]


def test_a_stack_that_is_complete_and_lacks_resources_is_red(run: Callable[..., Run], body: Any) -> None:
    """moto makes no alarms, and calls the stack complete."""
    whole = load_template(TEMPLATE.read_text(encoding="utf-8"))
    alarm = whole["Resources"]["HeartbeatAlarm"] | {}
    alarm["Properties"] = {name: one for name, one in alarm["Properties"].items() if not name.endswith("Actions")}
    body(template(HeartbeatAlarm=alarm))
    with pytest.raises(ChangeNotMadeError, match="HeartbeatAlarm"):
        run("run-1", dry_run=False).deploy()


def test_the_hook_gets_connection_and_region(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    context = {"params": {"awsConnId": "aws_default", "region": "eu-central-1"}}
    monkeypatch.setattr(module, "get_current_context", lambda: context)
    keys = {"conn_type": "aws", "login": "testing", "password": "testing"}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(keys))
    client = module.cloudformation()
    assert (client.meta.service_model.service_name, client.meta.region_name) == ("cloudformation", "eu-central-1")
    context["params"]["awsConnId"] = "prod_db"
    monkeypatch.setenv("AIRFLOW_CONN_PROD_DB", json.dumps({"conn_type": "postgres"}))
    with pytest.raises(PolicyError):
        module.cloudformation()
