"""Provisioned concurrency of Lambda functions, which moto 5.2.5 does not have.

As AWS: it belongs to a published version or an alias; ``$LATEST`` and what does not exist are refused.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from moto.awslambda import urls
from moto.awslambda.exceptions import InvalidParameterValueException, UnknownAliasException
from moto.awslambda.models import LambdaBackend
from moto.awslambda.responses import LambdaResponse
from moto.core.utils import iso_8601_datetime_without_milliseconds, utcnow

PATH = r"{0}/(?P<api_version>[^/]+)/functions/(?P<function_name>[\w_:%-]+)/provisioned-concurrency/?$"
Answer = tuple[int, dict[str, Any], str]


def install() -> None:
    """Patches moto in this process; a second call changes nothing."""
    if PATH in urls.url_paths:
        return
    urls.url_paths[PATH] = LambdaResponse.dispatch
    LambdaResponse.put_provisioned_concurrency_config = _put
    # Both are GET on one path: the query tells them apart.
    LambdaResponse.list_provisioned_concurrency_configs = _get_or_list
    LambdaResponse.get_provisioned_concurrency_config = _get_or_list


def _kept(backend: LambdaBackend) -> dict[tuple[str, str], dict[str, Any]]:
    # On the backend, so that moto's reset forgets them.
    found: dict[tuple[str, str], dict[str, Any]] = backend.__dict__.setdefault("provisioned_concurrency", {})
    return found


def _name(response: LambdaResponse) -> str:
    return unquote(response.path.rstrip("/").rsplit("/", 2)[-2])


def _put(self: LambdaResponse) -> Answer:
    name, qualifier = _name(self), self._get_param("Qualifier")
    wanted = int(json.loads(self.body)["ProvisionedConcurrentExecutions"])
    if not qualifier or qualifier == "$LATEST":
        raise InvalidParameterValueException(
            "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
        )
    function = self.backend.get_function(name)
    arn = f"{function.function_arn.removesuffix(':$LATEST')}:{qualifier}"
    _check_exists(self.backend, name, qualifier, arn)
    numbers = {f"{kind}ProvisionedConcurrentExecutions": wanted for kind in ("Requested", "Available", "Allocated")}
    changed = iso_8601_datetime_without_milliseconds(utcnow())
    config = {"FunctionArn": arn, "Status": "READY", "LastModified": changed, **numbers}
    _kept(self.backend)[name, qualifier] = config
    return 202, {}, json.dumps({key: one for key, one in config.items() if key != "FunctionArn"})


def _check_exists(backend: LambdaBackend, name: str, qualifier: str, arn: str) -> None:
    versions = {one.version for one in backend.list_versions_by_function(name)}
    aliases = {one.name for one in backend.list_aliases(name)}
    if qualifier not in versions | aliases:
        raise UnknownAliasException(arn)


def _get_or_list(self: LambdaResponse) -> Answer:
    name = _name(self)
    self.backend.get_function(name)
    found = [config for (of, _), config in sorted(_kept(self.backend).items()) if of == name]
    return 200, {}, json.dumps({"ProvisionedConcurrencyConfigs": found})
