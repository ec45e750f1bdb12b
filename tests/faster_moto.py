"""Takes the needless work out of moto, above all out of its update expressions: half the time of these tests.

moto 5.2.5 parses the same expression twice per update, copies its tree node by node, counts clauses at every node,
and makes each visitor's map again at every node. What is allowed and what is done stays the same.
"""

from __future__ import annotations

import copy
import pickle
from functools import cache, lru_cache
from typing import Any

from moto import backends
from moto.core import serialize
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
    # For each of an attribute value's ten members up to eight names would be tried.
    pick = serialize.AttributePicker.__call__
    serialize.AttributePicker.__call__ = lambda self, context: (
        context.obj.get(context.key) if _is_value(context) else pick(self, context)
    )
    # Asked for by every request, answered by listing a directory.
    modules = tuple(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: modules


def _is_value(context: Any) -> bool:
    """An attribute value of DynamoDB, as ``{"S": "text"}``: its members have no other names."""
    parent = getattr(context.shape, "parent", None)
    return type(context.obj) is dict and parent is not None and parent.name == "AttributeValue"


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
