"""Lambda functions for the audit. Variables are judged here; only names and kinds of secrets leave this module."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from migration_ops.aws.inventory import lambda_
from migration_ops.aws.inventory.iam_access_checks import AccessChecks
from migration_ops.aws.inventory.lambda_runtimes import read_runtimes
from migration_ops.aws.reader import AwsReader
from migration_ops.core.batches import side_by_side
from migration_ops.core.config import DIRECTORY
from migration_ops.core.errors import UnknownError
from migration_ops.core.facts import failed, is_failed
from migration_ops.core.listing import Listing
from migration_ops.core.secrets import in_variables

NO_POLICY = ("ResourceNotFoundException",)


def read(reader: AwsReader) -> dict[str, Any]:
    """
    ``functions``: ``name, arn, packageType, runtime {name, end, daysLeft}`` (None for images; ``end`` None when it is
    not known), ``variables`` (how many), ``secrets`` (``name, kind``; also those of published
    versions, which keep theirs), ``keyArn, deadLetterTarget, onFailure``,
    ``policies`` (``alias``: alias or version, empty for the function itself; ``document, accessCheck``), ``urls``
    (``alias, authType``).
    """
    names = reader.config.resources.functions
    if names.is_empty:
        return {"functions": []}
    reader = reader.fresh()
    listed = lambda_.functions(reader)
    if is_failed(listed):
        return {"functions": listed}
    ours = [one for one in listed if names.matches(one["FunctionName"])]
    read_one = Function(reader).read
    return {"functions": [one for one in side_by_side(ours, read_one) if one is not None]}


class Function:
    """Reads single functions, with what they share: access checks and the runtimes' end dates."""

    def __init__(self, reader: AwsReader) -> None:
        self.reader = reader
        self.checks = AccessChecks(reader)
        directory = Path(reader.settings.config_directory) if reader.settings.config_directory else DIRECTORY
        known = reader.guarded("lambda_runtimes.yaml", lambda: read_runtimes(directory).model_dump(mode="json"))
        self.ends = known if is_failed(known) else known["runtimes"]

    def read(self, listed: dict[str, Any]) -> dict[str, Any] | None:
        """One function; None when it was deleted since it was listed."""
        name = listed["FunctionName"]
        aliases = self.reader.pages_or_none("lambda", "list_aliases", "Aliases", NO_POLICY, FunctionName=name)
        destinations = lambda_.failure_destinations(self.reader, name)
        versions = lambda_.versions(self.reader, name)
        if aliases is None or destinations is None or versions is None:
            return None
        return {
            "name": name,
            "arn": listed["FunctionArn"],
            "packageType": listed.get("PackageType", "Zip"),
            "runtime": self._runtime(listed.get("Runtime")),
            **_with_versions(_environment(listed.get("Environment", {})), versions),
            "keyArn": listed.get("KMSKeyArn"),
            "deadLetterTarget": listed.get("DeadLetterConfig", {}).get("TargetArn"),
            "onFailure": destinations,
            "policies": self._policies(name, aliases, versions),
            "urls": self._urls(name),
        }

    def _runtime(self, name: str | None) -> dict[str, Any] | None:
        if not name or is_failed(self.ends):
            return {"name": name, "end": self.ends} if name else None
        end = self.ends.get(name)
        days = (date.fromisoformat(end) - self.reader.now.date()).days if end else None
        return {"name": name, "end": end, "daysLeft": days}

    def _policies(self, name: str, aliases: Any, versions: Any) -> Any:
        """The policies of the function and of each alias and version: each may have its own permissions."""
        unread = next((one for one in (aliases, versions) if is_failed(one)), None)
        if unread is not None:
            return unread
        numbers = [one["Version"] for one in versions]
        found = []
        for alias in ("", *(one["Name"] for one in aliases), *numbers):
            qualified = {"Qualifier": alias} if alias else {}
            answer = self.reader.call_optional("lambda", "get_policy", NO_POLICY, FunctionName=name, **qualified)
            if is_failed(answer):
                return answer
            if answer is not None:
                check = self.checks.no_public_access(answer["Policy"], "AWS::Lambda::Function")
                found.append({"alias": alias, "document": answer["Policy"], "accessCheck": check})
        return found

    def _urls(self, name: str) -> Any:
        """Function URLs, also of aliases. With ``AuthType`` NONE anybody may call it."""
        found = self.reader.pages("lambda", "list_function_url_configs", "FunctionUrlConfigs", FunctionName=name)
        if is_failed(found):
            return found
        return [{"alias": _alias(one["FunctionArn"]), "authType": one["AuthType"]} for one in found]


def _environment(environment: dict[str, Any]) -> dict[str, Any]:
    """Lambda returns an error instead of the variables when their key cannot be used: that is not "no variables"."""
    if environment.get("Error"):
        why = UnknownError("the variables could not be decrypted", awsCode=environment["Error"].get("ErrorCode"))
        unread = failed("lambda:list_functions", why)
        return {"variables": unread, "secrets": unread}
    variables = environment.get("Variables", {})
    return {"variables": len(variables), "secrets": in_variables(variables)}


def _with_versions(own: dict[str, Any], versions: Any) -> dict[str, Any]:
    """The variables of the function, with the secrets that only published versions hold: these can be read as well."""
    if is_failed(own["secrets"]) or (is_failed(versions) and own["secrets"]):
        return own
    if is_failed(versions):
        return own | {"secrets": versions}
    found = list(own["secrets"])
    unread = None
    for one in versions:
        secrets = _environment(one.get("Environment", {}))["secrets"]
        if is_failed(secrets):
            unread = secrets
            continue
        known = {(each["name"].split(" of version ")[0], each["kind"]) for each in found}
        added = [each for each in secrets if (each["name"], each["kind"]) not in known]
        found += [each | {"name": f"{each['name']} of version {one['Version']}"} for each in added]
    return own | {"secrets": found or unread or []}


def _alias(arn: str) -> str:
    parts = arn.split(":")
    return parts[7] if len(parts) > 7 else ""


# The lists that checks are about.
FUNCTIONS = Listing("audit_lambda", "functions", read)
