"""ListFunctionUrlConfigs, which moto 5.2.5 lacks: the URL of the function itself (moto has none of aliases)."""

from __future__ import annotations

import json

from moto.awslambda.models import LambdaBackend
from moto.awslambda.responses import LambdaResponse
from moto.awslambda.urls import url_paths

_PATH = r"{0}/(?P<api_version>[^/]+)/functions/(?P<function_name>[\w_:%-]+)/urls/?$"


def install() -> None:
    """Patches moto in this process; a second call changes nothing. Before the first call to Lambda."""
    LambdaResponse.list_function_url_configs = _list
    url_paths[_PATH] = LambdaResponse.dispatch


def _list(self: LambdaResponse) -> str:
    backend: LambdaBackend = self.backend
    # Refuses the name of a function that does not exist, as AWS does.
    function = backend.get_function(self.path.rstrip("/").split("/")[-2])
    config = function.url_config
    return json.dumps({"FunctionUrlConfigs": [config.to_dict()] if config else []})
