"""A CloudFormation client that answers from a script: for states that moto never shows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from migration_ops.aws import stack


class Scripted:
    """Answers each operation with what was given, or with the next of a list; an exception is raised."""

    class exceptions:
        class AlreadyExistsException(Exception): ...

        class ChangeSetNotFoundException(Exception): ...

    def __init__(self, **answers: Any) -> None:
        self.answers, self.calls = answers, []

    def get_paginator(self, operation: str) -> Any:
        """Pages are what a list of answers has; the SDK's own paginator asks as long as there is a token."""

        def paginate(**request: Any) -> Any:
            page = getattr(self, operation)(**request)
            yield page
            while page.get("NextToken"):
                page = getattr(self, operation)(**request, NextToken=page["NextToken"])
                yield page

        return SimpleNamespace(paginate=paginate)

    def __getattr__(self, name: str) -> Any:
        def call(**request: Any) -> Any:
            self.calls.append(name)
            answer = self.answers[name]
            one = answer.pop(0) if isinstance(answer, list) else answer
            if isinstance(one, Exception):
                raise one
            return one

        return call


def stacks(status: str, *outputs: dict[str, str]) -> dict[str, Any]:
    return {"Stacks": [{"StackStatus": status, "Outputs": list(outputs), "Tags": [stack.OWNER_TAG]}]}
