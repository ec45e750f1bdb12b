"""Which words a test speaks, as far as its own file and the fixtures of its folders reach. Reads code, runs none."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from pathlib import Path

Definitions = dict[str, list[ast.AST]]


@cache
def definitions(path: Path) -> Definitions:
    """Functions, methods, classes and constants of a file, by their last name and by ``Class::method``."""
    found: Definitions = defaultdict(list)
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found[node.name].append(node)
        elif isinstance(node, ast.ClassDef):
            _of_class(node, found)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for name in (one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)):
                found[name].append(node)
    return found


def _of_class(node: ast.ClassDef, found: Definitions) -> None:
    rest: list[ast.stmt] = []
    for one in node.body:
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef):
            found[one.name].append(one)
            found[f"{node.name}::{one.name}"].append(one)
        else:
            rest.append(one)
    # A class that is named does not speak all the words of its methods; those it does that are named too.
    found[node.name].append(ast.Module(body=rest, type_ignores=[]))


def spoken(nodes: Iterable[ast.AST]) -> set[str]:
    """Names, attributes, arguments and whole strings."""
    found: set[str] = set()
    for node in (one for each in nodes for one in ast.walk(each)):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
    return found


def words_of(root: Path, path: str, name: str) -> set[str]:
    """Of a test, with what it names of its own file and of the ``conftest.py`` files above it."""
    file = root / path
    above = [one / "conftest.py" for one in file.parents if root in one.parents and (one / "conftest.py").exists()]
    return _reached([definitions(one) for one in (file, *above)], name, len(file.parts) * 100)


def words_via(root: Path, via: str) -> set[str]:
    """Of a file, or of what a name in it stands for, two names on."""
    path, _, name = via.partition("::")
    if not name:
        return spoken([ast.parse((root / path).read_text(encoding="utf-8"))])
    return _reached([definitions(root / path)], name, 2)


def _reached(files: list[Definitions], name: str, depth: int) -> set[str]:
    seen: set[str] = {name}
    words = spoken(one for file in files for one in file.get(name, []))
    for _ in range(depth):
        further = {word for word in words - seen if any(word in file for file in files)}
        if not further:
            break
        seen |= further
        words |= spoken(one for file in files for word in further for one in file[word])
    return words


def name_via(via: str) -> str:
    """The word by which a test speaks of its helper: the last name, or the file's."""
    path, _, name = via.partition("::")
    return name.rsplit("::", 1)[-1] if name else Path(path).stem
