"""Values in text whose name says they are secret: where they begin and end in shell, YAML, JSON, headers and prose."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator

from migration_ops.core.secret_names import PROSE, Family, family_of, points_elsewhere
from migration_ops.core.secret_shapes import Span, is_user_and_password
from migration_ops.core.secret_vendors import after_blanks

IN_CLEAR = "password in plain text"
NAMED = "secret in plain text, by its name"

# A name that may belong to a secret, and the sign before its value. Repetitions are bounded: lines have up to 256 KB.
_ASSIGNED = re.compile(
    r"(?i)(?<![\w.$-])(?P<flag>--?|<)?(?P<name>(?!-)[\w.$-]{0,80}?"
    r"(?:pass|pw|psw|secret|cred|token|jwt|cookie|auth|key|sig|kennwort|wachtwoord|contrasena)[\w.$-]{0,80})"
    r"(?:\\{0,3}[\"'])?(?:\](?=\s*=))?(?P<sign>\s{0,5}(?:=>|:=|==|[=:])(?:\s{0,200}(?=\\{0,3}[\"'])|[ \t]{0,20})"
    r"|,\s{0,5}(?=[\"'])|>|[ \t]{1,5}(?:\\\n\s{0,20})?)"
)
# - name: DB_PASSWORD and value: x below it; <add key="DbPassword" value="x"/>.
_BESIDE = re.compile(
    r"(?i)\b(?:name|key)[\"']?\s{0,3}[:=]\s{0,3}[\"']?(?P<name>[\w.$-]{1,80})[\"']?[,;]?\s{0,40}[\"']?value[\"']?"
    r"\s{0,3}(?P<sign>[:=])\s{0,3}"
)
_SCHEME = re.compile(
    r"(?i)(?:bearer|basic|digest|token|apikey|api-key|negotiate|splunk|key|aws4-hmac-sha256)[ \t]+(?=\S)"
)
_QUOTE = re.compile(r"\\{0,3}[\"']")
# A placeholder (${...}, {{...}}) is taken as a whole, also with blanks in it.
_BARE = re.compile(
    r"(?:\$\{[^}\n]{0,200}\}|\{\{[^}\n]{0,300}\}\}|\{%[^%\n]{0,300}%\}|\$\([^)\n]{0,200}\)|[^\s,;&\"'}\])])+"
)
_IN_ELEMENT = re.compile(r"[^<\n]{1,2000}")
_IN_BRACKETS = re.compile(r"<[\w *-]{1,80}>(?=[\s,;&]|$)|\[\w{1,20}\]")
_BLOCK_MARK = re.compile(r"[|>][+-]?[ \t]*\n(?P<indent>[ \t]+)")
# References contain such names (":secret:", "SecretString:password"), but no secrets.
_INSIDE_REFERENCE = re.compile(
    r"arn:aws[\w-]{0,20}:[^\s\"',;}\])]{1,2000}|\{\{resolve:[^}\n]{1,500}\}\}|secretsmanager:[\w/:.-]{1,500}"
)


def kind_by_name(name: str, value: str) -> str | None:
    """The kind of secret that a value is, judged by its name; None when it is none."""
    family = family_of(name)
    if family is None:
        is_pair = name.lower() in ("auth", "_auth") and is_user_and_password(value.strip())
        return IN_CLEAR if is_pair else None
    scheme = _SCHEME.match(value.strip())
    plain = value.strip()[scheme.end() :] if scheme else value
    if points_elsewhere(family, plain) or (name.upper() in ("PWD", "OLDPWD") and plain.startswith("/")):
        return None
    return IN_CLEAR if family is Family.PASSWORD else NAMED


def assigned(text: str) -> Iterator[Span]:
    """The secret values that follow their name in a text, in order; they do not overlap."""
    values = _Values(text)
    references = deque(one.span() for one in _INSIDE_REFERENCE.finditer(text))
    at = 0
    while (match := _ASSIGNED.search(text, at)) is not None:
        while references and references[0][1] <= match.start("name"):
            references.popleft()
        if references and references[0][0] < match.start("name"):
            at = references[0][1]
            continue
        family = family_of(match["name"])
        if family is None or not _is_sign(match):
            # The next name may begin inside the sign that was matched.
            at = max(match.end("name"), match.start() + 1)
            continue
        start, end, is_bare = values.of(match)
        value = text[start:end]
        at = max(at, end)
        if is_bare and _is_prose(text, match, start, end):
            continue
        kind = kind_by_name(match["name"], value)
        if kind is not None:
            yield Span(start, end, kind)


def beside(text: str) -> Iterator[Span]:
    """The secret values of pairs whose name is in another member: ``name: DB_PASSWORD``, ``value: x``."""
    for one in after_blanks(text):
        kind = kind_by_name(one["name"], one["value"])
        if kind is not None:
            yield Span(*one.span("value"), kind)
    values = _Values(text)
    for match in _BESIDE.finditer(text):
        start, end, _ = values.of(match)
        kind = kind_by_name(match["name"], text[start:end])
        if kind is not None:
            yield Span(start, end, kind)


def _is_sign(match: re.Match[str]) -> bool:
    """A blank counts as a sign only after an option (``--password x``), ``>`` only in an element."""
    sign, flag = match["sign"], match["flag"] or ""
    if sign == ">":
        return flag == "<"
    return bool(sign.strip("\\ \t\n")) or (flag == "--" and bool(sign)) or match["name"].startswith("--")


class _Values:
    """Where values end. Remembers which quotes do not occur again, so that the text is not searched twice for one."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._gone: set[str] = set()

    def of(self, match: re.Match[str]) -> tuple[int, int, bool]:
        """Start and end of the value after a name, and whether it has no quotes, block or element around it."""
        text, start = self._text, match.end()
        if match["sign"] == ">":
            found = _IN_ELEMENT.match(text, start)
            return start, found.end() if found else start, False
        quote = _QUOTE.match(text, start)
        if quote:
            return quote.end(), self._end_of(quote[0], quote.end()), False
        block = _BLOCK_MARK.match(text, start)
        if block:
            return block.end(), self._end_of_block(block), False
        scheme = _SCHEME.match(text, start)
        start = scheme.end() if scheme else start
        bracketed = _IN_BRACKETS.match(text, start) or _BARE.match(text, start)
        return start, bracketed.end() if bracketed else start, True

    def _end_of(self, quote: str, start: int) -> int:
        if quote in self._gone:
            return len(self._text)
        end = self._text.find(quote, start)
        while len(quote) == 1 and end > 0 and self._text[end - 1] == "\\":
            # An escaped quote is part of the value.
            end = self._text.find(quote, end + 1)
        if end < 0:
            self._gone.add(quote)
            return len(self._text)
        return end

    def _end_of_block(self, block: re.Match[str]) -> int:
        """End of a YAML block: all lines that are indented like its first."""
        end = block.end()
        while True:
            line_end = self._text.find("\n", end)
            if line_end < 0:
                return len(self._text)
            if not self._text.startswith(block["indent"], line_end + 1):
                return line_end
            end = line_end + 1


def _is_prose(text: str, match: re.Match[str], start: int, end: int) -> bool:
    """Whether words follow instead of a value: ``Invalid password: try again``, ``password: required``."""
    value = text[start:end].rstrip(".!?:")
    is_word = value.replace("-", "").isalpha()
    if not (is_word or (value.isdigit() and len(value) < 4)) or not match["sign"][-1:].isspace():
        return False
    line_start = text.rfind("\n", 0, match.start()) + 1
    line_end = text.find("\n", end)
    alone = (
        not text[line_start : match.start()].strip(" \t-")
        and not text[end : line_end if line_end >= 0 else None].strip()
    )
    return not alone or value.lower() in PROSE
