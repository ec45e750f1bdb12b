"""Pages: ``maxResults`` and an opaque ``nextToken`` that is only good for the operation and filters it came from."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import Any

from include.sandbox.mgn.errors import ValidationError

# The default page size is not documented; a small one makes clients page.
DEFAULT_PAGE_SIZE = 100


def page_of(operation: str, request: dict[str, Any], found: list[Any]) -> tuple[list[Any], str | None]:
    """The requested page of ``found`` and the token of the next one.

    :raises ValidationError: a token that this operation with these filters never gave.
    """
    asked = {key: value for key, value in request.items() if key not in ("nextToken", "maxResults")}
    mark = hashlib.sha256(json.dumps([operation, asked], sort_keys=True).encode()).hexdigest()[:16]
    start = _offset(request["nextToken"], mark) if request.get("nextToken") else 0
    size = request.get("maxResults", DEFAULT_PAGE_SIZE)
    end = start + size
    token = base64.urlsafe_b64encode(f"{mark}:{end}".encode()).decode() if end < len(found) else None
    return found[start:end], token


def _offset(token: str, mark: str) -> int:
    try:
        given, offset = base64.urlsafe_b64decode(token.encode()).decode().split(":")
        if given == mark:
            return int(offset)
    except (ValueError, binascii.Error):
        pass
    raise ValidationError(
        "nextToken is not valid for this request",
        reason="fieldValidationFailed",
        fields=[("nextToken", "is not a token of this operation with these filters")],
    )
