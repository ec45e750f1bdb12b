"""CMF's schemas of wave, app and server, and how it validates an item against them.

Errors are texts; a broken relation is a list in the list, as CMF answers it. A value of a wrong type makes CMF's
handler raise, which API Gateway turns into 502: here that is ``HandlerCrash``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

R_TYPES = "Retire,Retain,Relocate,Rehost,Repurchase,Replatform,Rearchitect,TBC"
WAVE_STATUSES = "Not started,Planning,In progress,Completed,Blocked"
REGIONS = "us-east-1,us-east-2,us-west-1,us-west-2,eu-west-1,eu-west-2,eu-central-1,ap-southeast-1,ap-southeast-2"
DEFAULT_ACCOUNTS = ("111122223333", "123456789012")
FindRelated = Callable[[str, str], Any]


class HandlerCrash(Exception):
    """CMF's Lambda function raised; its caller sees 502."""


@dataclass(frozen=True)
class Attribute:
    """One attribute. ``values`` is CMF's comma-separated list; ``related`` the schema that the value is an id of."""

    name: str
    required: bool = False
    values: str = ""
    regex: str = ""
    related: str = ""


def schemas(account_ids: tuple[str, ...] = DEFAULT_ACCOUNTS) -> dict[str, dict[str, Attribute]]:
    """Attributes by name by schema. :param account_ids: the accounts that an app may name."""
    wave = (
        Attribute("wave_id", required=True),
        Attribute("wave_name", required=True, regex=r"^.{1,150}$"),
        Attribute("wave_status", values=WAVE_STATUSES),
        Attribute("wave_start_time"),
        Attribute("wave_end_time"),
    )
    app = (
        Attribute("app_id", required=True),
        Attribute("app_name", required=True, regex=r"^.{1,255}$"),
        Attribute("wave_id", related="wave"),
        Attribute("aws_accountid", required=True, values=",".join(account_ids)),
        Attribute("aws_region", required=True, values=REGIONS),
        Attribute("description"),
    )
    server = (
        Attribute("server_id", required=True),
        Attribute("app_id", required=True, related="app"),
        Attribute("server_name", required=True),
        Attribute("server_fqdn", required=True),
        Attribute("server_os_family", required=True, values="windows,linux"),
        Attribute("server_os_version", required=True),
        Attribute("r_type", required=True, values=R_TYPES),
        Attribute("target_instance_id", regex=r"^(i-([a-z0-9]{8}|[a-z0-9]{17})$)"),
        Attribute("migration_status"),
        Attribute("replication_status"),
        Attribute("server_tier"),
        Attribute("server_environment"),
        Attribute("instanceType"),
    )
    return {"wave": _by_name(wave), "app": _by_name(app), "server": _by_name(server)}


def _by_name(attributes: tuple[Attribute, ...]) -> dict[str, Attribute]:
    return {one.name: one for one in attributes}


def validate(item: dict[str, Any], attributes: dict[str, Attribute], find: FindRelated, own_id: str) -> list[Any]:
    """The errors of a whole item; missing required attributes hide all others.

    :param own_id: name of the id attribute, which is the system's and not asked for.
    :param find: the item of (schema, id), or None.
    :raises HandlerCrash: a value has a type that CMF's code does not expect.
    """
    missing = [
        f"Attribute {one.name} is required and not provided."
        for one in attributes.values()
        if one.required and one.name != own_id and not item.get(one.name)
    ]
    if missing:
        return missing
    errors: list[Any] = []
    for name, value in item.items():
        if name.startswith("_"):
            continue
        if name not in attributes:
            errors.append(f"Attribute {name} is not defined in the schema.")
            continue
        errors.extend(_errors_of(attributes[name], value, find))
    return errors


def _errors_of(attribute: Attribute, value: Any, find: FindRelated) -> list[Any]:
    if attribute.values:
        # CMF compares without regard to case.
        if value != "" and str(value).lower() not in attribute.values.lower().split(","):
            allowed = f"'{attribute.values}' defined in the schema"
            return [f"Attribute {attribute.name}'s value does not match any of the allowed values {allowed}"]
    elif attribute.related:
        if find(attribute.related, str(value)) is None:
            _only_text(value)
            key = f"{attribute.related}_id"
            return [[f"{attribute.name}:{value} related record does not exist using key {key}"]]
    elif attribute.regex and value not in ("", None):
        _only_text(value)
        if not re.match(attribute.regex, value):
            return [f"Attribute {attribute.name}, Error in validation, please check entered value."]
    return []


def _only_text(value: Any) -> None:
    if not isinstance(value, str):
        raise HandlerCrash(f"CMF's code cannot take a {type(value).__name__} here")
