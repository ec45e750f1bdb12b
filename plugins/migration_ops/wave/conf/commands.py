"""Refuses commands that stop the operating system or an agent: replication stops with them, and nobody can undo it.

It finds the usual programs and cmdlets under any path and quoting, behind ``;``, ``&&``, ``|``, in substitutions and
blocks, behind ``sudo``, ``env``, ``nohup``, ``timeout`` and the like, and in the text of ``sh -c``, ``eval``,
``powershell -Command`` or ``-EncodedCommand``, ``cmd /c`` and ``echo … | sh``. The text of a here-document is read
where a shell reads it.

It does not find: what a variable, an alias, a function or a script on the server holds; other languages
(``python -c``), other encodings, other hosts; other ways to take away the network, the disk or the power. This catches
mistakes, not intent: let only people write a conf who may run commands on the sources.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from typing import Any

from migration_ops.wave.conf.problems import Finding
from migration_ops.wave.conf.shell_words import Command, joined_lines, lists_of, substitutions_in
from migration_ops.wave.conf.stopping_words import (
    ENDS_WHAT_IT_IS_GIVEN,
    READS_A_SCRIPT,
    TEXTS,
    WRAPPERS,
    Wrapper,
    names_an_agent,
    stops_the_agent,
    stops_the_system,
)

_DEPTH = 6
_HERE_DOCUMENT = re.compile(r"""(?<!<)<<-?\s*\\?['"]?([A-Za-z_]\w*)['"]?""")
_KEYS = ("commands", "undoCommands", "windowsCommands", "windowsUndoCommands")
_MESSAGES = {
    "stops_the_system": "stops the operating system, and the replication of the server with it",
    "stops_an_agent": "stops the replication agent or the SSM agent: the server could not be replicated or reached",
}


def stopping_commands(document: dict[str, Any]) -> Iterator[Finding]:
    """One finding for each entry of ``quiesce`` and of the ``ssm`` checks that would stop system or agent."""
    quiesce = document.get("quiesce")
    if isinstance(quiesce, dict):
        for key in _KEYS:
            yield from _of_entries(quiesce.get(key), f"quiesce.{key}")
    applications = document.get("applications")
    for number, application in enumerate(applications if isinstance(applications, list) else []):
        checks = application.get("checks") if isinstance(application, dict) else None
        for index, check in enumerate(checks if isinstance(checks, list) else []):
            if isinstance(check, dict) and check.get("type") == "ssm":
                yield from _of_entries(check.get("commands"), f"applications[{number}].checks[{index}].commands")


def _of_entries(entries: Any, path: str) -> Iterator[Finding]:
    if not isinstance(entries, list) or not all(isinstance(one, str) for one in entries):
        return
    seen: set[tuple[int, str]] = set()
    ends_with: str | None = None
    lines = list(joined_lines(entries))
    for position, (number, line) in enumerate(lines):
        if ends_with is not None:
            # Input of another program: SHUTDOWN may be a statement of a database.
            ends_with = None if line.strip() == ends_with else ends_with
            continue
        ends_with = _here_document(line)
        if not any(later.strip() == ends_with for _, later in lines[position + 1 :]):
            # It never ends: ``<<`` was quoted, or it is a mistake. The lines that follow are read.
            ends_with = None
        code = problem_of(line)
        if code and (number, code) not in seen:
            seen.add((number, code))
            yield Finding(f"{path}[{number}]", code, _MESSAGES[code])


def _here_document(line: str) -> str | None:
    """The word that ends a here-document which no shell reads as a script; None when there is none."""
    found = _HERE_DOCUMENT.search(line)
    if not found:
        return None
    readers = [_unwrapped(one) for pipeline in lists_of(line) for one in pipeline]
    is_script = any(one.name in READS_A_SCRIPT and not _has_script(one) for one in readers)
    return None if is_script else found.group(1)


def _has_script(command: Command) -> bool:
    return any(re.fullmatch(r"-\w*c|--command(=.*)?", word.lower()) for word in command.arguments)


def problem_of(line: str, depth: int = 0) -> str | None:
    """``stops_the_system`` or ``stops_an_agent`` when the line would; None when it is not known to."""
    if depth > _DEPTH:
        return None
    if any(one.search(line) for one in TEXTS):
        return "stops_the_system"
    for pipeline in lists_of(line):
        found = _of_pipeline([_unwrapped(one) for one in pipeline], depth)
        if found:
            return found
    inner = (problem_of(text, depth + 1) for text in substitutions_in(line))
    return next((found for found in inner if found), None)


def _of_pipeline(commands: list[Command], depth: int) -> str | None:
    for one in commands:
        if stops_the_system(one):
            return "stops_the_system"
        if stops_the_agent(one):
            return "stops_an_agent"
    words = [word for one in commands for word in (one.path, *one.arguments)]
    if any(one.name in ENDS_WHAT_IT_IS_GIVEN for one in commands) and any(map(names_an_agent, words)):
        return "stops_an_agent"
    is_read = any(one.name in READS_A_SCRIPT for one in commands)
    for one in commands:
        for text in _texts_of(one, is_read):
            if text and (found := problem_of(text, depth + 1)):
                return found
    return None


def _unwrapped(command: Command) -> Command:
    """The command that ``sudo``, ``env``, ``timeout`` and the like start."""
    for _ in range(_DEPTH):
        wrapper = WRAPPERS.get(command.name)
        inner = _started_by(wrapper, command.arguments) if wrapper else None
        if inner is None:
            return command
        command = inner
    return command


def _started_by(wrapper: Wrapper, arguments: Sequence[str]) -> Command | None:
    rest, skip = list(arguments), wrapper.skip
    while rest:
        word = rest[0]
        if word.startswith("-") and word != "-":
            rest.pop(0)
            if word in wrapper.with_value and rest:
                rest.pop(0)
        elif not word or re.match(r"[A-Za-z_]\w*=", word):
            rest.pop(0)
        elif skip:
            skip -= 1
            rest.pop(0)
        else:
            break
    for pipeline in lists_of(_quoted(rest)) if rest else ():
        return pipeline[0]
    return None


def _texts_of(command: Command, is_read: bool) -> Iterator[str]:
    """What of a command's arguments is itself a script."""
    arguments = list(command.arguments)
    if command.name not in READS_A_SCRIPT:
        if is_read and command.name in {"echo", "printf", "write-output"}:
            yield " ".join(arguments)
        return
    for number, word in enumerate(arguments):
        flag, rest = word.lower(), arguments[number + 1 :]
        if re.fullmatch(r"-e(nc?|ncodedcommand|c)?", flag):
            yield _decoded(rest[:1])
        elif re.fullmatch(r"-\w*c|--command", flag):
            # PowerShell's -c takes all that follows, a shell's the next word.
            yield from (rest[:1] if len(rest) < 2 else (rest[0], " ".join(rest)))
        elif re.fullmatch(r"[-/](c|k|command|argumentlist)", flag):
            yield " ".join(rest)
        elif flag.startswith("--command="):
            yield word.split("=", 1)[1]
        else:
            continue
        return
    if command.name in ("at", "batch"):
        yield from arguments
    if not any(word.startswith(("-", "/")) for word in arguments):
        yield " ".join(arguments)


def _decoded(words: list[str]) -> str:
    try:
        return base64.b64decode("".join(words), validate=True).decode("utf-16-le")
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _quoted(words: list[str]) -> str:
    return " ".join("'" + word.replace("'", "'\\''") + "'" for word in words)
