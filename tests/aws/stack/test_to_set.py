"""What migration_setup asks a person to set is what nobody has set, with the value that holds until then."""

from __future__ import annotations

from migration_ops.core.config import Contact, OnCall, RunbookConfig, read_config
from migration_ops.runbook.to_set import to_set


def test_of_the_shipped_configuration_everything_is_asked_for() -> None:
    lines = to_set(read_config())
    assert [one for one in lines if "has no name" in one] == [
        f"on_call.yaml: contact {one.role} has no name" for one in read_config().on_call.contacts
    ]
    assert len([one for one in lines if one.startswith("subscribe people to the topic migration-")]) == 2
    assert "thresholds.yaml: migrations.maxLagSeconds is 600 (replication lag that is still well)" in lines


def test_a_contact_that_has_a_name_is_not() -> None:
    contacts = (
        Contact(role="on-call-engineer", name="Jane", channel="topic"),
        Contact(role="x", name="-", channel="-"),
    )
    lines = to_set(RunbookConfig(on_call=OnCall(contacts=contacts)))
    assert [one for one in lines if "has no name" in one] == ["on_call.yaml: contact x has no name"]
