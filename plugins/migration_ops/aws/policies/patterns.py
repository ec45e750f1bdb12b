"""Wildcards as IAM reads them: ``*`` any characters, ``?`` one character. Actions in any case, ARNs case-sensitive.

An ARN has six segments; a pattern with fewer is completed with ``*``. IAM does not document everywhere whether ``*``
matches a colon, so there are two readings: :func:`may_match` (for Allow) needs one of them, :func:`surely_matches` (for
Deny) needs the stricter one. So what is open is never called closed.
"""

from __future__ import annotations

import re
from functools import lru_cache

SEGMENTS = 6
REGION, ACCOUNT, RESOURCE = 3, 4, 5
ANY = "*"
# ${aws:username}, ${aws:PrincipalTag/team, 'none'}; ${*}, ${?} and ${$} are those characters themselves.
VARIABLE = re.compile(r"\$\{([^}]*)\}")
LITERAL = ("*", "?", "$")
# Stands for a literal star or question mark: no name of a role, function or key has one.
NO_NAME = "\0"


@lru_cache(maxsize=16384)
def covers(pattern: str, text: str) -> bool:
    """Whether an action, or a whole pattern of actions, lies within a pattern. Any case."""
    return contains(pattern.lower(), text.lower())


@lru_cache(maxsize=16384)
def contains(pattern: str, inner: str) -> bool:
    """Whether every text that ``inner`` matches is matched by ``pattern``; ``inner`` may be plain. Case-sensitive."""
    # Not a regular expression: with many stars it would need exponential time.
    at, place, star, resume = 0, 0, -1, 0
    while place < len(inner):
        if at < len(pattern) and pattern[at] == ANY:
            star, resume, at = at, place, at + 1
        elif at < len(pattern) and inner[place] != ANY and pattern[at] in ("?", inner[place]):
            at, place = at + 1, place + 1
        elif star >= 0:
            resume += 1
            at, place = star + 1, resume
        else:
            return False
    return not pattern[at:].strip(ANY)


@lru_cache(maxsize=16384)
def overlaps(one: str, other: str) -> bool:
    """Whether some text is matched by both patterns. Case-sensitive."""
    if not one or not other:
        return not one.strip(ANY) and not other.strip(ANY)
    if one[0] == ANY:
        return overlaps(one[1:], other) or overlaps(one, other[1:])
    if other[0] == ANY:
        return overlaps(one, other[1:]) or overlaps(one[1:], other)
    return (one[0] == other[0] or "?" in (one[0], other[0])) and overlaps(one[1:], other[1:])


def may_match(pattern: str, arn: str) -> bool:
    """Whether the resource of an Allow matches the ARN in any reading. ``*`` as Region or account of ``arn`` = any."""
    text = _filled(pattern)
    if text.strip(ANY) == "" and text:
        return True
    segments, wanted = _segments(text), arn.split(":", SEGMENTS - 1)
    by_segment = all(
        overlaps(mine, theirs) if place in (1, REGION, ACCOUNT) else contains(mine, theirs)
        for place, (mine, theirs) in enumerate(zip(segments, wanted, strict=True))
    )
    return by_segment or contains(text, arn)


def surely_matches(pattern: str, arn: str) -> bool:
    """Whether the resource of a Deny matches the ARN in every reading; False with a variable, which may be anything."""
    if has_variable(pattern):
        return False
    text = _filled(pattern)
    if text.strip(ANY) == "" and text:
        return True
    pairs = zip(_segments(text), arn.split(":", SEGMENTS - 1), strict=True)
    return all(contains(mine, theirs) for mine, theirs in pairs)


def fill(pattern: str, known: dict[str, str | None]) -> str | None:
    """
    The pattern with the known variables filled in; unknown ones stay.

    :param known: values by lower-case name; None = the request never has the variable.
    :returns: None when the pattern needs a variable that the request never has: it matches nothing.
    """
    missing = False

    def one(found: re.Match[str]) -> str:
        nonlocal missing
        name, _, default = found[1].partition(",")
        key = name.strip().lower()
        if key not in known:
            return found[0]
        value = known[key]
        if value is None and default.strip():
            return default.strip().strip("'\"")
        missing = missing or value is None
        return value or ""

    filled = VARIABLE.sub(one, pattern)
    return None if missing else filled


def has_variable(text: str) -> bool:
    return any(found[1] not in LITERAL for found in VARIABLE.finditer(text))


def _filled(pattern: str) -> str:
    """The pattern with ``*`` for variables; what ``${*}``, ``${?}`` and ``${$}`` mean are no wildcards."""
    return VARIABLE.sub(lambda found: _literal(found[1]) if found[1] in LITERAL else ANY, pattern)


def _literal(character: str) -> str:
    return character if character == "$" else NO_NAME


def _segments(pattern: str) -> list[str]:
    """Six segments; IAM completes an ARN that has fewer with wildcards."""
    found = pattern.split(":", SEGMENTS - 1)
    return found + [ANY] * (SEGMENTS - len(found))
