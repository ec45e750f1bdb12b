"""A query with its metadata, and the query text with its parameters filled in.

A value never goes into the text as it is: it is checked against type and pattern, and a text becomes a quoted literal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from migration_ops.core.errors import InvalidInputError
from migration_ops.core.thresholds import ConfigPart, Thresholds

DIRECTORY = Path(__file__).resolve().parents[4] / "include" / "queries"
PLACEHOLDER = re.compile(r"\$\{([^}]*)\}")
# Limit of StartQuery.
MAX_CHARACTERS = 10_000
# Limit of an answer, also where a query states none.
MAX_ROWS = 10_000
_LIMIT = re.compile(r"^\s*\|?\s*(?:limit|head)\s+(\d+)", re.MULTILINE | re.IGNORECASE)
Scalar = str | int


class Parameter(ConfigPart):
    """One parameter of a query. Without a default it must be given."""

    name: str
    type: Literal["string", "integer"]
    default: Scalar | None = None
    pattern: str | None = None
    minimum: int | None = None
    maximum: int | None = None

    @model_validator(mode="after")
    def _bounded(self) -> Parameter:
        if self.type == "string" and not self.pattern:
            raise ValueError("a string needs a pattern")
        if self.type == "integer" and (self.minimum is None or self.maximum is None):
            raise ValueError("an integer needs minimum and maximum")
        return self

    def literal(self, value: Any) -> str:
        """The value as it is written into the query.

        :raises InvalidInputError: it is not of the type, or not within its bounds.
        """
        if self.type == "integer":
            if isinstance(value, bool) or not isinstance(value, int):
                raise self._refused(value, "must be an integer")
            if not (self.minimum or 0) <= value <= (self.maximum or 0):
                raise self._refused(value, f"must be {self.minimum} to {self.maximum}")
            return str(value)
        # fullmatch: "$" would allow a newline at the end.
        if not isinstance(value, str) or not re.fullmatch(self.pattern or "", value):
            raise self._refused(value, f"must match {self.pattern}")
        return quoted(value)

    def _refused(self, value: Any, why: str) -> InvalidInputError:
        return InvalidInputError(why, path=self.name, value=str(value)[:100])


class Chart(ConfigPart):
    """Which columns are drawn: ``y`` over ``x``, a line for each ``series``; or bars."""

    x: str
    y: str
    series: str | None = None
    kind: Literal["line", "bar"] = "line"
    unit: str = ""


class Limit(ConfigPart):
    """A column that is compared with a threshold; above it the finding is a WARNING."""

    column: str
    # For example ``migrations.max_lag_seconds``.
    threshold: str

    def of(self, thresholds: Thresholds) -> float:
        """:raises AttributeError: there is no such threshold."""
        return float(attrgetter(self.threshold)(thresholds))


class Query(ConfigPart):
    """One query: ``<name>.cwli`` and ``<name>.yaml``."""

    name: str
    text: str
    title: str
    about: str
    section: str
    parameters: tuple[Parameter, ...] = Field(default=())
    chart: Chart | None = None
    limit: Limit | None = None

    @property
    def row_limit(self) -> int:
        """The most rows of an answer. An answer with as many rows may have been cut."""
        return min([MAX_ROWS, *(int(one) for one in _LIMIT.findall(self.text.replace("|", "\n|")))])

    def missing(self, values: Mapping[str, Any]) -> list[str]:
        """Parameters without a default that have no value."""
        return [one.name for one in self.parameters if one.default is None and values.get(one.name) is None]

    def filled(self, values: Mapping[str, Any]) -> str:
        """
        The text for StartQuery.

        :param values: by parameter name; those of other queries are ignored, None means the default.
        :raises InvalidInputError: a value is missing or refused, or the text has a placeholder that is no parameter.
        """
        literals = {}
        for one in self.parameters:
            value = values.get(one.name)
            value = one.default if value is None else value
            if value is None:
                raise InvalidInputError(f"the query {self.name} needs it", path=one.name)
            literals[one.name] = one.literal(value)
        unknown = set(PLACEHOLDER.findall(self.text)) - set(literals)
        if unknown:
            raise InvalidInputError(f"no such parameters: {sorted(unknown)}", path=f"{self.name}.cwli")
        # In one pass: placeholders inside of values are not replaced.
        text = PLACEHOLDER.sub(lambda match: literals[match[1]], self.text)
        if len(text) > MAX_CHARACTERS:
            raise InvalidInputError(f"longer than {MAX_CHARACTERS} characters", path=f"{self.name}.cwli")
        return text


def quoted(text: str) -> str:
    """A text literal of the query language.

    :raises InvalidInputError: it has control characters.
    """
    if any(not one.isprintable() for one in text):
        raise InvalidInputError("control characters cannot stand in a query", value=repr(text)[:100])
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@cache
def read_query(name: str, directory: Path = DIRECTORY) -> Query:
    """:raises InvalidInputError: there is no such query, or its files are wrong."""
    try:
        document: Any = yaml.safe_load((directory / f"{name}.yaml").read_text(encoding="utf-8"))
        text = (directory / f"{name}.cwli").read_text(encoding="utf-8")
        return Query.model_validate({**document, "name": name, "text": text})
    except (OSError, yaml.YAMLError, TypeError, ValidationError) as error:
        raise InvalidInputError(
            f"cannot be read: {type(error).__name__}: {error}", path=str(directory / name)
        ) from error
