"""botocore's own model of MGN: which call is which operation, and what a request must look like."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

import botocore.session
from botocore.model import OperationModel, ServiceModel, Shape

from include.sandbox.mgn.errors import UnknownOperationError, ValidationError

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "boolean": (bool,),
    "float": (int, float),
    "double": (int, float),
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
}


@functools.cache
def service_model() -> ServiceModel:
    return botocore.session.get_session().get_service_model("mgn")


@dataclass(frozen=True)
class Route:
    """One operation of the model with the pattern of its path."""

    operation: OperationModel
    method: str
    path: re.Pattern[str]

    @property
    def status(self) -> int:
        return int(self.operation.http.get("responseCode", 200))


@functools.cache
def _routes() -> tuple[dict[tuple[str, str], Route], list[Route]]:
    plain: dict[tuple[str, str], Route] = {}
    templated: list[Route] = []
    for name in service_model().operation_names:
        operation = service_model().operation_model(name)
        uri, method = operation.http["requestUri"], operation.http["method"]
        pattern = re.compile("^" + re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+)", re.escape(uri)) + "$")
        route = Route(operation, method, pattern)
        if "{" in uri:
            templated.append(route)
        else:
            plain[(method, uri)] = route
    return plain, templated


def find_route(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """The operation of a request and what its path binds.

    :raises UnknownOperationError: no operation of the model has this method and path.
    """
    plain, templated = _routes()
    route = plain.get((method, path))
    if route:
        return route, {}
    for one in templated:
        match = one.path.match(path)
        if match and one.method == method:
            return one, {key: unquote(value) for key, value in match.groupdict().items()}
    raise UnknownOperationError(f"No operation answers to {method} {path}")


def parse_request(route: Route, bound: dict[str, str], query: str, body: bytes) -> dict[str, Any]:
    """The request's members from path, query and body, held against the model.

    :raises ValidationError: not JSON, a wrong type, a missing member, a length, a pattern or an enum.
    """
    shape = route.operation.input_shape
    try:
        document = json.loads(body) if body else {}
    except ValueError as error:
        raise ValidationError("The request body is not JSON", reason="cannotParse") from error
    if not isinstance(document, dict):
        raise ValidationError("The request body is not an object", reason="cannotParse")
    if shape is None:
        return {}
    arguments = parse_qs(query)
    for name, member in shape.members.items():
        location = member.serialization.get("location")
        wire = member.serialization.get("name", name)
        if location == "uri":
            document[name] = bound[wire]
        elif location == "querystring" and wire in arguments:
            document[name] = arguments[wire] if member.type_name == "list" else arguments[wire][0]
    problems = list(_problems(shape, document, ""))
    if problems:
        text = "; ".join(f"{path}: {message}" for path, message in problems)
        raise ValidationError(
            f"{len(problems)} validation error(s) detected: {text}", reason="fieldValidationFailed", fields=problems
        )
    # A member that is null was not given; members the model does not know are ignored, as AWS does.
    return {name: document[name] for name in shape.members if document.get(name) is not None}


def _problems(shape: Any, value: Any, path: str) -> Any:
    here = path or "request"
    expected = _TYPES.get(shape.type_name)
    wrong_bool = isinstance(value, bool) and shape.type_name != "boolean"
    if expected and (not isinstance(value, expected) or wrong_bool):
        yield here, f"must be of type {shape.type_name}"
        return
    yield from _constraint_problems(shape, value, here)
    if shape.type_name == "structure":
        yield from _structure_problems(shape, value, path)
    elif shape.type_name == "list":
        for index, item in enumerate(value):
            yield from _problems(shape.member, item, f"{path}[{index}]")
    elif shape.type_name == "map":
        for key, item in value.items():
            yield from _problems(shape.key, key, f"{path}.key")
            yield from _problems(shape.value, item, f"{path}.{key}")


def _structure_problems(shape: Any, value: dict[str, Any], path: str) -> Any:
    prefix = f"{path}." if path else ""
    for name in shape.required_members:
        if value.get(name) is None:
            yield prefix + name, "must not be null"
    for name, member in shape.members.items():
        if value.get(name) is not None:
            yield from _problems(member, value[name], prefix + name)


def _constraint_problems(shape: Shape, value: Any, here: str) -> Any:
    metadata = shape.metadata
    size = value if shape.type_name in ("integer", "long", "float", "double") else None
    if size is None and isinstance(value, (str, list, dict)):
        size = len(value)
    if size is not None and "min" in metadata and size < metadata["min"]:
        yield here, f"must have a size or value of at least {metadata['min']}"
    if size is not None and "max" in metadata and size > metadata["max"]:
        yield here, f"must have a size or value of at most {metadata['max']}"
    if "enum" in metadata and value not in metadata["enum"]:
        yield here, f"must be one of {metadata['enum']}"
    if "pattern" in metadata and isinstance(value, str) and not re.fullmatch(metadata["pattern"], value):
        yield here, f"must match {metadata['pattern']}"
