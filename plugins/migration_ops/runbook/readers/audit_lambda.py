"""Lambda functions as the audit sees them. Variables are judged here, by name and kind; their values go no further."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from migration_ops.aws.reader import Reader
from migration_ops.core.config import DIRECTORY
from migration_ops.core.errors import Unknown
from migration_ops.core.facts import failed, is_failed
from migration_ops.core.secrets import in_variables
from migration_ops.runbook.lambda_runtimes import read_runtimes

NO_POLICY = ("ResourceNotFoundException",)


def read(reader: Reader) -> dict[str, Any]:
    """
    ``functions``: ``name, arn, packageType, runtime {name, end, daysLeft}`` (None for images; no ``end`` when nobody
    knows it), ``variables`` (how many), ``secrets`` (``name, kind``), ``keyArn, deadLetterTarget, onFailure``,
    ``policies`` (``alias, document``), ``urls`` (``alias, authType``).
    """
    names = reader.config.resources.functions
    if names.are_none:
        return {"functions": []}
    listed = reader.pages("lambda", "list_functions", "Functions")
    if is_failed(listed):
        return {"functions": listed}
    return {
        "functions": reader.each([one for one in listed if names.takes(one["FunctionName"])], Function(reader).read)
    }


class Function:
    """Reads one function after the other of one run."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        directory = Path(reader.settings.config_directory) if reader.settings.config_directory else DIRECTORY
        known = reader.attempt("lambda_runtimes.yaml", lambda: read_runtimes(directory).model_dump(mode="json"))
        self.ends = known if is_failed(known) else known["runtimes"]

    def read(self, listed: dict[str, Any]) -> dict[str, Any]:
        name = listed["FunctionName"]
        aliases = self.reader.pages("lambda", "list_aliases", "Aliases", FunctionName=name)
        return {
            "name": name,
            "arn": listed["FunctionArn"],
            "packageType": listed.get("PackageType", "Zip"),
            "runtime": self._runtime(listed.get("Runtime")),
            **_environment(listed.get("Environment", {})),
            "keyArn": listed.get("KMSKeyArn"),
            "deadLetterTarget": listed.get("DeadLetterConfig", {}).get("TargetArn"),
            "onFailure": self._on_failure(name),
            "policies": aliases if is_failed(aliases) else self._policies(name, [one["Name"] for one in aliases]),
            "urls": self._urls(name),
        }

    def _runtime(self, name: str | None) -> dict[str, Any] | None:
        if not name or is_failed(self.ends):
            return {"name": name, "end": self.ends} if name else None
        end = self.ends.get(name)
        days = (date.fromisoformat(end) - self.reader.now.date()).days if end else None
        return {"name": name, "end": end, "daysLeft": days}

    def _policies(self, name: str, aliases: list[str]) -> Any:
        """The function's own policy and that of each alias: a permission may be given on either."""
        found = []
        for alias in ("", *aliases):
            qualified = {"Qualifier": alias} if alias else {}
            answer = self.reader.call_or_none("lambda", "get_policy", NO_POLICY, FunctionName=name, **qualified)
            if is_failed(answer):
                return answer
            if answer is not None:
                found.append({"alias": alias, "document": answer["Policy"]})
        return found

    def _urls(self, name: str) -> Any:
        """With ``AuthType`` NONE everybody may call it; those of aliases are listed too."""
        found = self.reader.pages("lambda", "list_function_url_configs", "FunctionUrlConfigs", FunctionName=name)
        if is_failed(found):
            return found
        return [{"alias": _alias(one["FunctionArn"]), "authType": one["AuthType"]} for one in found]

    def _on_failure(self, name: str) -> Any:
        """Where failed asynchronous invocations go: the newer way beside dead letters."""
        found = self.reader.pages(
            "lambda", "list_function_event_invoke_configs", "FunctionEventInvokeConfigs", FunctionName=name
        )
        if is_failed(found):
            return found
        targets = (one.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination") for one in found)
        return [one for one in targets if one]


def _environment(environment: dict[str, Any]) -> dict[str, Any]:
    """Lambda answers an error instead of the variables when their key cannot be used: that is not "no variables"."""
    if environment.get("Error"):
        why = Unknown("the variables could not be decrypted", awsCode=environment["Error"].get("ErrorCode"))
        unread = failed("lambda:list_functions", why)
        return {"variables": unread, "secrets": unread}
    variables = environment.get("Variables", {})
    return {"variables": len(variables), "secrets": in_variables(variables)}


def _alias(arn: str) -> str:
    parts = arn.split(":")
    return parts[7] if len(parts) > 7 else ""
