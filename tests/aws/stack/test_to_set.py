"""What migration_setup asks a person to set is what nobody has set, with the value that holds until then."""

from __future__ import annotations

from types import SimpleNamespace

from migration_ops.core.config import Contact, OnCall, RunbookConfig, read_config
from migration_ops.operators.setup_note import leave_what_to_set
from migration_ops.runbook.to_set import to_set


def test_of_the_shipped_configuration_everything_is_asked_for() -> None:
    lines = to_set(read_config())
    assert [one for one in lines if "has no name" in one] == [
        f"on_call.yaml: contact {one.role} has no name" for one in read_config().on_call.contacts
    ]
    assert len([one for one in lines if one.startswith("subscribe people to the topic migration-")]) == 2


def test_limits_are_one_question_with_the_values_that_hold() -> None:
    [question] = [one for one in to_set(read_config()) if "thresholds.yaml" in one]
    assert question.startswith("Do these limits fit this installation? migrations.maxLagSeconds 600 (")
    assert question.endswith("Change them in thresholds.yaml.")
    assert question.count("; ") == 5


def test_the_note_of_a_run_holds_all_of_it() -> None:
    noted: dict[str, str] = {}
    leave_what_to_set(SimpleNamespace(xcom_push=lambda key, value: noted.update({key: value})))
    assert noted["run_note"].endswith("Change them in thresholds.yaml.")


def test_a_contact_that_has_a_name_is_not() -> None:
    contacts = (
        Contact(role="on-call-engineer", name="Jane", channel="topic"),
        Contact(role="x", name="-", channel="-"),
    )
    lines = to_set(RunbookConfig(on_call=OnCall(contacts=contacts)))
    assert [one for one in lines if "has no name" in one] == ["on_call.yaml: contact x has no name"]
