"""Takes the needless work out of moto, above all out of its update expressions and its answers.

moto 5.2.5 parses the same expression twice per update, copies its tree node by node, counts clauses at every node,
makes each visitor's map at every node, and works out by which names each member of each answer may be kept:
half the time of these tests. What is allowed and what is done stays the same.
"""

from __future__ import annotations

import copy
import pickle
import sys
from functools import cache, lru_cache
from typing import Any

from moto import backends
from moto.core import serialize
from moto.core.utils import MISSING, get_value
from moto.dynamodb import models, responses
from moto.dynamodb.parsing import ast_nodes, expressions, validators


@cache
def install() -> None:
    """Patches moto in this process, once."""
    # The root sees every clause; below it the counts are parts of the root's.
    validators.ActionCountValidator.traverse = lambda self, node: self.verify_action_counts(node)
    ast_nodes.DepthFirstTraverser.nodes_to_be_processed = _nodes
    ast_nodes.DepthFirstTraverser.process = _process
    # Validators work on a copy of the tree, so the parsed one may be kept.
    parse = lru_cache(maxsize=512)(expressions.UpdateExpressionParser.make)
    for module in (models, responses, expressions):
        if hasattr(module, "UpdateExpressionParser"):
            module.UpdateExpressionParser.make = staticmethod(parse)
    validators.deepcopy = _copy
    # By up to ten names each member of an answer is looked for; which, follows from its shape and the object's class.
    pick = serialize.ResponseSerializer.get_value
    serialize.ResponseSerializer.get_value = lambda self, value, key, shape: (
        picked(self, value, key, shape) if _is_usual(self._value_picker) else pick(self, value, key, shape)
    )
    # Asked for by every request, answered by listing a directory.
    modules = tuple(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: modules
    _keep("moto.core.utils", "camelcase_to_underscores")
    _keep("moto.core.utils", "method_names_from_class")


def _keep(module: str, name: str) -> None:
    """The function's results are kept, for the modules that have imported it, too."""
    function = getattr(sys.modules[module], name)
    kept = lru_cache(maxsize=8192)(function)
    for one in list(sys.modules.values()):
        if getattr(one, "__name__", "").startswith("moto.") and vars(one).get(name) is function:
            setattr(one, name, kept)


def _is_usual(picker: Any) -> bool:
    usual = serialize.DEFAULT_ALIAS_PROVIDERS
    return type(picker) is serialize.XFormedAttributePicker and picker.alias_providers is usual


def picked(serializer: Any, value: Any, key: str, shape: Any) -> Any:
    """What moto's picker finds for this member, by the same names in the same order."""
    parent = shape.__dict__.get("parent")
    if type(value) is dict and parent is not None and parent.name == "AttributeValue":
        # An attribute value of DynamoDB, as {"S": "text"}: its members have no other names.
        return value.get(key)
    for name in _names(value, key, shape, parent):
        found = get_value(value, name, MISSING)
        if found is not MISSING:
            break
    else:
        found = None
    transformers = serializer._value_picker.response_transformers
    if transformers:
        path = ".".join([*serializer.path, key])
        for ending, transform in transformers.items():
            if path.endswith(ending):
                return transform(found)
    return found


def _names(value: Any, key: str, shape: Any, parent: Any) -> tuple[str, ...]:
    kept = shape.__dict__.setdefault("_names_once", {})
    # A shape belongs to one structure, but is asked before it is told to which.
    known = (type(value), key, parent is None)
    if known not in kept:
        context = serialize.AttributePickerContext(obj=value, key=key, shape=shape)
        kept[known] = tuple(dict.fromkeys(serialize.XFormedAttributePicker().get_possible_keys(context)))
    return kept[known]


def _map(visitor: Any) -> dict[type, Any]:
    found: dict[type, Any] | None = visitor.__dict__.get("_map_once")
    if found is None:
        found = visitor.__dict__["_map_once"] = visitor._processing_map()
    return found


def _nodes(visitor: Any) -> tuple[type, ...]:
    return tuple(_map(visitor))


def _process(visitor: Any, node: Any) -> Any:
    for kind, processor in _map(visitor).items():
        if isinstance(node, kind):
            return processor(node)
    return None


# By identity; the tree is kept with its bytes, so that no other can get its id.
_pickled: dict[int, tuple[Any, bytes]] = {}


def _copy(value: Any) -> Any:
    if not isinstance(value, ast_nodes.UpdateExpression):
        return copy.deepcopy(value)
    if id(value) not in _pickled:
        _pickled[id(value)] = (value, pickle.dumps(value))
    return pickle.loads(_pickled[id(value)][1])
