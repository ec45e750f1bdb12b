"""Words, signs and literals of a query."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<comment>\#[^\n]*)
    | (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
    | (?P<number>\d+(?:\.\d+)?)
    | (?P<quoted>`[^`]+`)
    | (?P<name>@?[A-Za-z_][\w.@]*)
    | (?P<sign>=~|!=|<=|>=|[=<>()\[\],|*+\-/%])
    )""",
    re.VERBOSE,
)
_REGEX = re.compile(r"\s*/((?:\\.|[^/\\])*)/")
WORDS = frozenset({"and", "or", "not", "like", "in", "as", "by", "asc", "desc"})
_MILLISECONDS = {
    **dict.fromkeys(("ms", "msec"), 1),
    **dict.fromkeys(("s", "sec"), 1_000),
    **dict.fromkeys(("m", "min"), 60_000),
    **dict.fromkeys(("h", "hr"), 3_600_000),
    "d": 86_400_000,
}
_PERIODS = re.compile(r"(ms|msec|s|sec|m|min|h|hr|d)\b")


class Malformed(ValueError):
    """The query is none that this evaluator knows."""


@dataclass
class Tokens:
    """A query's text, read token by token."""

    text: str
    at: int = 0
    _peeked: tuple[str, str, int] | None = field(default=None)

    def peek(self) -> tuple[str, str, int]:
        """Kind, text and end of the next token; kind is empty at the end."""
        if self._peeked is None:
            self._peeked = self._read()
        return self._peeked

    def _read(self) -> tuple[str, str, int]:
        position = self.at
        while True:
            if not self.text[position:].strip():
                return ("", "", len(self.text))
            match = _TOKEN.match(self.text, position)
            if match is None:
                raise Malformed(f"unexpected text at {position}: {self.text[position : position + 20]!r}")
            kind = str(match.lastgroup)
            if kind != "comment":
                return (kind, match[kind], match.end())
            position = match.end()

    def next(self) -> tuple[str, str]:
        kind, text, end = self.peek()
        self.at, self._peeked = end, None
        return kind, text

    def takes(self, text: str) -> bool:
        kind, found, _ = self.peek()
        if kind in ("sign", "name") and (found == text or (text in WORDS and found.lower() == text)):
            self.next()
            return True
        return False

    def needs(self, text: str) -> None:
        if not self.takes(text):
            raise Malformed(f"{text!r} expected before {self.peek()[1]!r}")

    def ends(self) -> None:
        if self.peek()[0]:
            raise Malformed(f"unexpected {self.peek()[1]!r}")

    def number(self) -> float:
        kind, text = self.next()
        if kind != "number":
            raise Malformed(f"a number expected, not {text!r}")
        return float(text)

    def name(self) -> str:
        kind, text = self.next()
        if kind not in ("name", "quoted"):
            raise Malformed(f"a name expected, not {text!r}")
        return text.strip("`")

    def period_unit(self) -> int | None:
        """Milliseconds of the unit right behind a number; None when there is none."""
        unit = _PERIODS.match(self.text, self.at)
        if unit is None:
            return None
        self.at, self._peeked = unit.end(), None
        return _MILLISECONDS[unit[1]]

    def pattern(self) -> re.Pattern[str]:
        """What ``like`` compares with: a text that must be in it, or a regular expression."""
        if self.peek()[0] == "string":
            return re.compile(re.escape(unquoted(self.next()[1])))
        return self.regex()

    def regex(self) -> re.Pattern[str]:
        match = _REGEX.match(self.text, self.at)
        if match is None:
            raise Malformed("a /regular expression/ expected")
        self.at, self._peeked = match.end(), None
        try:
            return re.compile(match[1])
        except re.error as error:
            raise Malformed(f"regular expression: {error}") from error


def unquoted(text: str) -> str:
    """A quoted text without its quotes and escapes."""
    return re.sub(r"\\(.)", r"\1", text[1:-1])
