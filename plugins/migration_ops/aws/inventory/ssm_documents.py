"""SSM documents of this account: whether they contain secrets. The content does not leave this module."""

from __future__ import annotations

import json
from typing import Any

import yaml

from migration_ops.aws.reader import AwsReader
from migration_ops.core.errors import UnknownError
from migration_ops.core.facts import failed, is_failed
from migration_ops.core.listing import Listing
from migration_ops.core.secrets import in_document, kinds_in


def read(reader: AwsReader) -> dict[str, Any]:
    """``documents``: ``name, secrets`` (``name`` = path in the document, ``kind``)."""
    own = [{"Key": "Owner", "Values": ["Self"]}]
    listed = reader.pages("ssm", "list_documents", "DocumentIdentifiers", Filters=own)
    return {"documents": reader.map(listed, lambda one: _document(reader, one["Name"]))}


def _document(reader: AwsReader, name: str) -> dict[str, Any]:
    answer = reader.call("ssm", "get_document", Name=name)
    return {"name": name, "secrets": answer if is_failed(answer) else _secrets(answer)}


def _secrets(answer: dict[str, Any]) -> Any:
    text, form = answer.get("Content"), answer.get("DocumentFormat", "JSON")
    if not isinstance(text, str):
        return failed("ssm:get_document", UnknownError("the document has no content"))
    try:
        if form == "JSON":
            return in_document(json.loads(text))
        if form == "YAML":
            return in_document(yaml.safe_load(text))
    except (ValueError, yaml.YAMLError):
        return failed("ssm:get_document", UnknownError(f"the document is not {form}"))
    return [{"name": "content", "kind": kind} for kind in kinds_in(text)]


# The lists that checks are about.
DOCUMENTS = Listing("ssm_documents", "documents", read)
