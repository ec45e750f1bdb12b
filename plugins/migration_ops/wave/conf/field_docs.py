"""The help text of the conf's fields: the string below each field, as in pydantic's ``use_attribute_docstrings``.

Pydantic's own option searches all loaded modules for the source of each class: 0.4 s per import beside Airflow.
"""

from __future__ import annotations

import ast
import inspect
import sys
from functools import cache


def field_docs(module: str, class_name: str) -> dict[str, str]:
    """The docs of a class's own fields by field name."""
    return _docs_of_module(module).get(class_name, {})


@cache
def _docs_of_module(module: str) -> dict[str, dict[str, str]]:
    file = sys.modules[module].__file__ or ""
    with open(file, encoding="utf-8") as source:
        tree = ast.parse(source.read())
    return {one.name: _docs_of_class(one) for one in tree.body if isinstance(one, ast.ClassDef)}


def _docs_of_class(node: ast.ClassDef) -> dict[str, str]:
    found = {}
    for field, below in zip(node.body, node.body[1:], strict=False):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str):
            found[field.target.id] = inspect.cleandoc(below.value.value)
    return found
