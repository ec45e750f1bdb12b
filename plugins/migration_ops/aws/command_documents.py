"""Documents of Run Command: their parameters and platforms (SSM DescribeDocument)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

_ABSENT = frozenset({"InvalidDocument", "InvalidDocumentVersion"})


@dataclass(frozen=True)
class CommandDocument:
    """One document as SSM describes it. None always means: SSM did not say.

    :param platforms: where it runs: ``Linux``, ``Windows``, ``MacOS``.
    """

    name: str
    kind: str | None = None
    status: str | None = None
    parameters: frozenset[str] | None = None
    platforms: frozenset[str] | None = None

    @property
    def takes_execution_timeout(self) -> bool:
        return "executionTimeout" in (self.parameters or ())


def describe_document(ssm: Any, name: str) -> CommandDocument | None:
    """The document's default version; None when there is no document of this name.

    :raises ClientError: any other error of AWS.
    """
    try:
        found = ssm.describe_document(Name=name).get("Document") or {}
    except ClientError as error:
        if error.response["Error"]["Code"] in _ABSENT:
            return None
        raise
    parameters, platforms = found.get("Parameters"), found.get("PlatformTypes")
    return CommandDocument(
        name=name,
        kind=found.get("DocumentType"),
        status=found.get("Status"),
        parameters=None if parameters is None else frozenset(one.get("Name") for one in parameters),
        platforms=frozenset(platforms) if platforms else None,
    )
