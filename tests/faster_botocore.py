"""Takes the needless work out of making boto3 clients and out of their calls.

Each session reads and parses the same models anew (100 to 250 ms a client), and a hook of Airflow has a session of its
own. In a process that makes hundreds of them what was read is kept; what a client does stays the same.
"""

from __future__ import annotations

from functools import cache, lru_cache
from types import FunctionType
from typing import Any

from botocore import client, compat, hooks, loaders, session, useragent


@cache
def install() -> None:
    """Patches botocore in this process, once."""
    session.create_loader = loaders.create_loader = _with_shared_cache(loaders.create_loader)
    client.ClientCreator._create_methods = _once_per_model(client.ClientCreator._create_methods)
    client.ClientCreator._create_name_mapping = _once_per_model(client.ClientCreator._create_name_mapping)
    # Of the same handlers of botocore, for every session; bound methods of a client would be kept with it.
    accepts = compat.accepts_kwargs
    of_functions = lru_cache(maxsize=4096)(accepts)
    hooks.accepts_kwargs = lambda func: of_functions(func) if type(func) is FunctionType else accepts(func)
    hooks.EventAliaser.__init__ = _with_known_names(hooks.EventAliaser.__init__)
    # The same thirty words in the user agent of each call
    useragent.sanitize_user_agent_string_component = lru_cache(maxsize=4096)(
        useragent.sanitize_user_agent_string_component
    )


def _with_shared_cache(create: Any) -> Any:
    """What a loader has read is known to all that search in the same places."""
    shared: dict[str | None, dict[Any, Any]] = {}

    def create_loader(search_path_string: str | None = None) -> Any:
        loader = create(search_path_string)
        loader._cache = shared.setdefault(search_path_string, {})
        return loader

    return create_loader


def _with_known_names(init: Any) -> Any:
    """Each client looks each event's name up among sixty old ones, with the same result."""
    known: dict[str, str] = {}

    def __init__(aliaser: Any, event_emitter: Any, event_aliases: Any = None) -> None:
        init(aliaser, event_emitter, event_aliases)
        if aliaser._event_aliases == hooks.EVENT_ALIASES:
            aliaser._alias_name_cache = known

    return __init__


def _once_per_model(make: Any) -> Any:
    """The methods of a client class, made once per model; each class gets a dictionary of its own, to add to."""
    made: dict[tuple[type, str, int], tuple[Any, dict[str, Any]]] = {}

    def methods(creator: Any, service_model: Any) -> dict[str, Any]:
        model = service_model._service_description
        key = (type(creator), service_model.service_name, id(model))
        if key not in made:
            # The model is kept, so that no other can get its id.
            made[key] = (model, make(creator, service_model))
        return dict(made[key][1])

    return methods
