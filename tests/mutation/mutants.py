"""All mutants of a module: one small change of its syntax tree each."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}


@dataclass(frozen=True)
class Mutant:
    line: int
    change: str
    source: str


def mutants_of(source: str) -> Iterator[Mutant]:
    """Comparisons turned round, conditions forced, ``and``/``or`` swapped, ``not`` dropped, raise and yield removed."""
    tree = ast.parse(source)
    for number, node in enumerate(ast.walk(tree)):
        for change, replaced in _changes(node):
            mutated = copy.deepcopy(tree)
            found = next(one for place, one in enumerate(ast.walk(mutated)) if place == number)
            _replace(mutated, found, replaced)
            text = ast.unparse(ast.fix_missing_locations(mutated))
            yield Mutant(getattr(node, "lineno", 0), change, text)


def _changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARED:
        turned = copy.deepcopy(node)
        turned.ops[0] = _COMPARED[type(node.ops[0])]()
        yield f"{ast.unparse(node)} -> {ast.unparse(turned)}", turned
    if isinstance(node, ast.BoolOp):
        swapped = copy.deepcopy(node)
        swapped.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield f"{ast.unparse(node)} -> {ast.unparse(swapped)}", swapped
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield f"{ast.unparse(node)} -> {ast.unparse(node.operand)}", node.operand
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        for value in (True, False):
            forced = copy.deepcopy(node)
            forced.test = ast.Constant(value)
            yield f"if {ast.unparse(node.test)} -> if {value}", forced
    if isinstance(node, ast.Raise) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Yield | ast.YieldFrom)
    ):
        yield f"{ast.unparse(node)[:60]} -> pass", ast.Pass()
    if isinstance(node, ast.Return) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, bool):
        yield (
            f"return {node.value.value} -> return {not node.value.value}",
            ast.Return(ast.Constant(not node.value.value)),
        )


def _replace(tree: ast.AST, old: ast.AST, new: ast.AST) -> None:
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, new)
                return
            if isinstance(value, list) and any(one is old for one in value):
                setattr(parent, name, [new if one is old else one for one in value])
                return
