"""What moto 5.2.5 forgets of a Lambda function: its dead letters, its log group, a new key."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from moto.awslambda.models import LambdaFunction


def install() -> None:
    """Patches moto in this process; a second call changes nothing."""
    if getattr(LambdaFunction, "_as_aws", False):
        return
    LambdaFunction.__init__ = _remembering(LambdaFunction.__init__)
    LambdaFunction.get_configuration = _completed(LambdaFunction.get_configuration)
    LambdaFunction.update_configuration = _updated(LambdaFunction.update_configuration)
    LambdaFunction._as_aws = True


def _remembering(original: Callable[..., None]) -> Callable[..., None]:
    @wraps(original)
    def made(self: LambdaFunction, account_id: str, spec: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        original(self, account_id, spec, *args, **kwargs)
        _note(self, spec)

    return made


def _note(function: LambdaFunction, spec: dict[str, Any]) -> None:
    if "DeadLetterConfig" in spec:
        function.dead_letter_config = spec["DeadLetterConfig"]
    if "LoggingConfig" in spec:
        function.logging_config = spec["LoggingConfig"]
        function.logs_group_name = spec["LoggingConfig"].get("LogGroup", function.logs_group_name)
    if "KMSKeyArn" in spec:
        function.kms_key_arn = spec["KMSKeyArn"] or None


def _completed(original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    @wraps(original)
    def configuration(self: LambdaFunction, *args: Any, **kwargs: Any) -> dict[str, Any]:
        found = original(self, *args, **kwargs)
        logging = {"LogFormat": "Text", "LogGroup": self.logs_group_name} | getattr(self, "logging_config", {})
        found["LoggingConfig"] = logging
        dead_letters = getattr(self, "dead_letter_config", {})
        # As AWS: an empty target takes the dead letters away, and the member with them.
        if dead_letters.get("TargetArn"):
            found["DeadLetterConfig"] = dead_letters
        return found

    return configuration


def _updated(original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    @wraps(original)
    def update(self: LambdaFunction, config_updates: dict[str, Any]) -> dict[str, Any]:
        _note(self, config_updates)
        return original(self, config_updates)

    return update
