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
    """
    :param tree: of the whole module, with the lines of the original.
    :param is_in_function: it changes the body of a function, nothing that happens at import.
    """

    line: int
    change: str
    tree: ast.Module
    is_in_function: bool

    @property
    def source(self) -> str:
        return ast.unparse(self.tree)


def mutants_of(source: str) -> Iterator[Mutant]:
    """Comparisons turned round, conditions forced, ``and``/``or`` swapped, ``not`` dropped, raise and yield removed,
    one member of a set left out."""
    tree = ast.parse(source)
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for statement in function.body
        for node in ast.walk(statement)
    }
    for number, node in enumerate(ast.walk(tree)):
        for change, replaced in _changes(node):
            mutated = copy.deepcopy(tree)
            found = next(one for place, one in enumerate(ast.walk(mutated)) if place == number)
            ast.copy_location(replaced, found)
            _replace(mutated, found, replaced)
            ast.fix_missing_locations(mutated)
            yield Mutant(getattr(node, "lineno", 0), change, mutated, id(node) in inside)


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
    if isinstance(node, ast.Set):
        yield from _fewer(node)
    if isinstance(node, ast.Return) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, bool):
        yield (
            f"return {node.value.value} -> return {not node.value.value}",
            ast.Return(ast.Constant(not node.value.value)),
        )


def _fewer(node: ast.Set) -> Iterator[tuple[str, ast.AST]]:
    for left_out in node.elts:
        fewer: ast.expr = ast.Set([one for one in node.elts if one is not left_out])
        if len(node.elts) == 1:
            fewer = ast.Call(ast.Name("set", ast.Load()), [], [])
        yield f"{ast.unparse(node)[:40]}… without {ast.unparse(left_out)}", fewer


def _replace(tree: ast.AST, old: ast.AST, new: ast.AST) -> None:
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, new)
                return
            if isinstance(value, list) and any(one is old for one in value):
                setattr(parent, name, [new if one is old else one for one in value])
                return
