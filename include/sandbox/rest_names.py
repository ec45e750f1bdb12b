"""What a REST call to AWS is called: the operation of botocore's model whose method, path, query and headers it has.

A fault can then refuse ``GetBucketPolicy`` of every bucket, and the ledger counts calls by what they do.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qs

from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader

# Services whose name in the signature is not that of botocore's model.
_MODELS = {"access-analyzer": "accessanalyzer"}
_PLACE = re.compile(r"\{([^}]+)\}")


@dataclass(frozen=True)
class _Route:
    """One operation; ``query`` are the keys (with their values, if fixed) that it demands, ``headers`` likewise."""

    name: str
    method: str
    path: re.Pattern[str]
    query: tuple[tuple[str, str], ...]
    headers: tuple[str, ...]
    literals: int

    def takes(self, method: str, path: str, query: Mapping[str, list[str]], headers: Container[str]) -> bool:
        return (
            self.method == method
            and self.path.fullmatch(path) is not None
            and all(key in query and (not value or value in query[key]) for key, value in self.query)
            and all(one in headers for one in self.headers)
        )


def rest_operation(service: str, method: str, path: str, query: str, headers: Container[str]) -> str | None:
    """
    The operation's name; None when botocore knows no such service or call.

    :param service: the name in the signature's scope, which is the endpoint's name of every service used here.
    :param query: the query string as sent.
    :param headers: names of the headers in lower case.
    """
    given = parse_qs(query, keep_blank_values=True)
    return next((one.name for one in _routes(service) if one.takes(method, path, given, headers)), None)


@cache
def _routes(service: str) -> tuple[_Route, ...]:
    """Most demanding first: a subresource of a bucket before the bucket, a literal path before a placeholder."""
    try:
        model: dict[str, Any] = Loader().load_service_model(_MODELS.get(service, service), "service-2")
    except UnknownServiceError:
        return ()
    found = [_route(one, model["shapes"]) for one in model["operations"].values() if "http" in one]
    return tuple(sorted(found, key=lambda one: (-len(one.query) - len(one.headers), -one.literals, one.name)))


def _route(operation: Mapping[str, Any], shapes: Mapping[str, Any]) -> _Route:
    path, _, query = operation["http"]["requestUri"].partition("?")
    parts = _PLACE.split(path)
    # Every second part is a placeholder; one with a plus may hold slashes (an S3 key).
    pattern = "".join(
        (".+" if part.endswith("+") else "[^/]+") if number % 2 else re.escape(part)
        for number, part in enumerate(parts)
    )
    fixed = [(key, values[0]) for key, values in parse_qs(query, keep_blank_values=True).items()]
    return _Route(
        name=operation["name"],
        method=operation["http"]["method"],
        path=re.compile(pattern.rstrip("/") + "/?"),
        query=(*fixed, *((key, "") for key in _required(operation, shapes, "querystring"))),
        headers=tuple(key.lower() for key in _required(operation, shapes, "header")),
        literals=sum(len(part) for number, part in enumerate(parts) if not number % 2),
    )


def _required(operation: Mapping[str, Any], shapes: Mapping[str, Any], location: str) -> list[str]:
    """Names on the wire of the required members that travel there."""
    shape = shapes[operation["input"]["shape"]] if "input" in operation else {}
    members = [shape["members"][name] for name in shape.get("required", ())]
    return [one["locationName"] for one in members if one.get("location") == location]
