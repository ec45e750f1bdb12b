"""Splits lines for a shell, PowerShell or cmd into the commands that they would start. It expands nothing."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_PUNCTUATION = "();<>|&{}"
_RESERVED = frozenset({"if", "then", "elif", "else", "while", "until", "do", "!", "time", "coproc", "&"})
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=")
_BRACED = re.compile(r"\$\{[^}]*\}")
_SUBSTITUTED = re.compile(r"\$\(([^()]*)\)|`([^`]*)`")
_SUFFIXES = (".exe", ".com")


@dataclass(frozen=True)
class Command:
    """One command as it is started: its name without path and ``.exe``, in lower case, and its arguments.

    :param path: the name as it was written.
    """

    name: str
    path: str
    arguments: tuple[str, ...] = ()


def joined_lines(entries: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Each line of the script with the number of the entry in which it begins; continued lines are one."""
    begun, kept = 0, ""
    for number, entry in enumerate(entries):
        for line in re.split(r"[\r\n\x0b\x0c\x85\u2028\u2029]+", entry):
            begun = begun if kept else number
            # The line goes on: backslash in a shell, backquote in PowerShell, ^ in cmd.
            if re.search(r"(?<!\\)(?:\\\\)*\\$|\^$", line) or (line.endswith("`") and line.count("`") % 2):
                kept += line[:-1]
                continue
            yield begun, kept + line
            kept = ""
    if kept:
        yield begun, kept


def lists_of(line: str) -> Iterator[list[Command]]:
    """The commands of a line, those of one pipeline (with what is substituted in it) together.

    Twice where there are backslashes: they quote in a shell, and are part of a path on Windows.
    """
    if line.lstrip().startswith("#"):
        return
    for escape in ("\\", "") if "\\" in line else ("\\",):
        for words in _pipelines(_words(_BRACED.sub("$VAR", line.replace("$'", "'")), escape)):
            found = [one for part in words if (one := _command(part)) is not None]
            if found:
                yield found


def substitutions_in(line: str) -> Iterator[str]:
    """The commands in ``$(…)`` and backquotes, also of a quoted word."""
    for match in _SUBSTITUTED.finditer(line):
        yield match.group(1) or match.group(2) or ""


def _words(line: str, escape: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=_PUNCTUATION)
    lexer.whitespace_split = True
    # shlex takes # within a word as a comment, which would hide the rest of the line.
    lexer.commenters = ""
    lexer.escape = escape
    try:
        return list(lexer)
    except ValueError:
        # A quote that is never closed: without quotes, then.
        return re.findall(rf"[{re.escape(_PUNCTUATION)}]+|[^\s{re.escape(_PUNCTUATION)}]+", re.sub(r"['\"]", "", line))


def _pipelines(words: list[str]) -> Iterator[list[list[str]]]:
    whole: list[list[str]] = [[]]
    position = 0
    while position < len(words):
        word = words[position]
        position += 1
        if not _is_punctuation(word):
            whole[-1].append(word)
        elif "<<<" in word:
            continue
        elif set(word) & set("<>") and "(" not in word:
            # The file of a redirection is no command.
            position += 1
        elif _ends_list(word):
            yield whole
            whole = [[]]
        else:
            whole.append([])
    yield whole


def _is_punctuation(word: str) -> bool:
    return bool(word) and set(word) <= set(_PUNCTUATION)


def _ends_list(word: str) -> bool:
    return bool(set(word) & set(";")) or "&&" in word or "||" in word or word == "&"


def _command(words: list[str]) -> Command | None:
    rest = list(words)
    while rest and (rest[0].lower() in _RESERVED or _ASSIGNMENT.match(rest[0])):
        rest.pop(0)
    if len(rest) > 2 and rest[0].startswith("$") and rest[1] == "=":
        # PowerShell: a command's output is assigned to a variable.
        rest = rest[2:]
    if not rest:
        return None
    name = re.split(r"[/\\]", rest[0])[-1].lower().lstrip("@")
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return Command(name, rest[0], tuple(rest[1:]))
