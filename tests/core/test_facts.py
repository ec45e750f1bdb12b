"""What was not read cannot be taken for anything else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from migration_ops.core.errors import Throttled
from migration_ops.core.facts import Facts, NotRead, failed, is_failed

LOST = failed("sqs:get_queue_attributes", Throttled("too many", awsCode="Throttling"))


@pytest.fixture
def facts() -> Facts:
    return Facts(
        {"queues": [{"name": "a", "age": LOST, "tags": {}}, {"name": "b"}], "lost": LOST, "none": None, "n": 0}
    )


def test_a_failure_survives_json_and_is_recognised() -> None:
    assert is_failed(json.loads(json.dumps(LOST)))
    assert not is_failed({})
    assert not is_failed([LOST])
    assert not is_failed(LOST | {"more": 1})


@pytest.mark.parametrize("name", ["missing", "none", "lost"])
def test_what_is_not_there_is_never_a_default(facts: Facts, name: str) -> None:
    with pytest.raises(NotRead):
        facts[name]


def test_zero_and_empty_are_answers(facts: Facts) -> None:
    assert facts["n"] == 0
    assert dict(facts["queues"][0]["tags"]) == {}


def test_maybe_is_for_what_aws_leaves_out_not_for_what_failed(facts: Facts) -> None:
    assert facts.maybe("missing", 5) == 5
    assert facts.maybe("none", 5) == 5
    assert facts.maybe("n", 5) == 0
    with pytest.raises(NotRead):
        facts.maybe("lost", 5)


def test_a_failure_deep_inside_names_its_operation(facts: Facts) -> None:
    with pytest.raises(NotRead) as error:
        facts["queues"][0]["age"]
    assert "sqs:get_queue_attributes: too many" in error.value.message
    assert error.value.context["awsCode"] == "THROTTLED"


def test_what_is_missing_is_named_by_its_path(facts: Facts) -> None:
    with pytest.raises(NotRead, match=r"queues\[1\]\.age was not answered"):
        facts["queues"][1]["age"]
    with pytest.raises(NotRead, match=r"a\.b was not answered"):
        Facts({"a": {}}).at("a.b")


def test_a_path_leads_through_members(facts: Facts) -> None:
    assert Facts({"sqs": {"queues": [1]}}).at("sqs.queues") == [1]
    with pytest.raises(NotRead, match="too many"):
        Facts({"sqs": LOST}).at("sqs.queues")


class TestFailureInAList:
    """It must not hide what can be judged, and must not be taken for an entry of which something is known."""

    @pytest.mark.parametrize("lost", [[LOST], [[LOST]], [[[LOST]]]], ids=["list", "list of lists", "deeper"])
    def test_whoever_touches_it_is_told(self, lost: Any) -> None:
        found = Facts({"some": lost})["some"]
        while isinstance(found, list):
            found = found[0]
        for touch in (lambda: found["name"], lambda: found.maybe("name", 1), lambda: len(found), found.plain):
            with pytest.raises(NotRead, match="too many"):
                touch()
        with pytest.raises(NotRead):
            list(found)

    def test_the_others_are_there(self) -> None:
        first, second = Facts({"some": [LOST, {"name": "b"}]})["some"]
        assert second["name"] == "b"
        with pytest.raises(NotRead):
            first["name"]
