r"""The level of a log line, in the forms that the usual runtimes and logging libraries write.

``include/queries/recent_errors.cwli`` uses the same patterns in CloudWatch Logs Insights, so they are written for both
(no look-around, ``\/`` for a slash). JSON states its level in a field. Text states it at the beginning, after nothing
but times, ids, names and brackets: a word further on (``INFO ... ERRORS=0``) is no level. A brace makes no JSON:
``{req-42} ERROR`` is text. Of JSON that cannot be parsed, as a line that was cut, the fields that are left count.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

ERROR, WARNING, INFO, DEBUG = "ERROR", "WARNING", "INFO", "DEBUG"
# The first of these that a line has decides.
LEVEL_FIELDS = (
    # Monolog's level is a number of its own (400 is an error); the name beside it decides.
    *("level_name", "levelName"),
    *("level", "log_level", "logLevel", "loglevel", "severity", "levelname", "lvl", "severityText", "severity_text"),
    *("log.level", "Level", "LogLevel", "Severity"),
)
# Levels of pino and bunyan.
ERROR_NUMBERS = (50, 60)
# Values of record.status in Lambda's own JSON lines.
BAD_ENDS = ("error", "failure", "timeout")

IS_JSON = r"^\s*\{\s*(\}|\"([^\"\\]|\\.){0,400}\"\s*:)"
ERROR_VALUE = r"(?i)^(error|err|eror|critical|crit|fatal|severe|alert|emerg|emergency|panic|dpanic)$"
_ERRORS = "ERROR|ERR|EROR|CRITICAL|CRIT|FATAL|SEVERE|ALERT|EMERG|EMERGENCY|PANIC|DPANIC"
_OTHERS = "TRACE|DEBUG|VERBOSE|FINE|FINER|FINEST|CONFIG|INFO|INF|INFORMATION|NOTICE|WARN|WRN|WARNING|DBG"
_HEAD = (
    r"^\s{0,8}((\d[\w:.,+\/-]{0,60}|[0-9a-f]{8}-[0-9a-f-]{27}|undefined|[DIWEF],|[-|:#*]{1,3}"
    r"|[\[({<][A-Z]?[^\])}>A-Z\s][^\])}>]{0,120}[\])}>]:?"
    r"|(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\s{1,2}\d{1,2}\s[\d:]{8}\s\S{1,64}\s\S{1,64}:"
    r"|[A-Z]?[a-z_][\w.$:-]{0,100}\s[-|:])\s{1,8}){0,10}"
)
# Serilog and env_logger write the level into the bracket of the time: [12:00:00 ERR], [2026-01-01T00:00:00Z ERROR app].
_INTO_BRACKET = r"[\[(<|]?(\d[\d:.,TZ+\/ -]{4,40}\s)?\s?"
_END = r"([\])>|:,\s-]|$)"
ERROR_HEAD = f"{_HEAD}{_INTO_BRACKET}({_ERRORS}){_END}"
OTHER_HEAD = f"{_HEAD}{_INTO_BRACKET}({_OTHERS}){_END}"
SMALL_HEAD = (
    f"{_HEAD}((error|fatal|critical|crit|fail|panic|severe):"
    "|\\[([eE]rror|err|crit|[cC]ritical|[fF]atal|alert|emerg)\\])(\\s|$)"
)
IN_PAIRS = (
    r"^([^\"]|\"[^\"]{0,400}\"){0,400}(level|lvl|severity|log_level|loglevel|levelname|at)=\"?"
    r"([eE]rror|ERROR|[eE]rr|ERR|eror|[cC]ritical|CRITICAL|crit|[fF]atal|FATAL|panic|dpanic|PANIC)\"?([\s,}]|$)"
)
OTHER_IN_PAIRS = (
    r"^([^\"]|\"[^\"]{0,400}\"){0,40}\b(level|lvl|severity)=\"?([iI]nfo|INFO|[dD]ebug|DEBUG|[wW]arn|WARN|trace)"
)
# Levels in JSON that cannot be parsed: before any object inside, or anywhere.
_FIELD = r"\"(log[._]?level|level(name)?|lvl|severity(_?text)?)\"\s{0,8}:\s{0,8}"
_ERROR_STATED = f'(\\"({_ERRORS})\\"|[56]0[,\\s])'
CUT_ERROR = rf"(?i)^\s*\{{[^{{]*{_FIELD}{_ERROR_STATED}"
CUT_OTHER = rf"(?i)^\s*\{{[^{{]*{_FIELD}(\"({_OTHERS})\"|[1-4]0[,\s])"
CUT_INSIDE = rf"(?i){_FIELD}{_ERROR_STATED}|\"errorType\"\s{{0,8}}:\s{{0,8}}\""
OF_THE_PLATFORM = r"^(START|END|REPORT|INIT_START|INIT_REPORT|EXTENSION|XRAY|TELEMETRY|LOGS)\b"
UNSTATED = (
    r"Task timed out after|Process exited before completing request|Runtime exited with|Runtime exited without"
    r"|Runtime\.ExitError|^Traceback \(most recent call last\)|^panic: |^Exception in thread|^Unhandled|^Uncaught"
    r"|^[\w.$]{0,200}(Error|Exception): |^thread '[^']{0,200}' panicked at"
)
# Only so many characters of a line are searched for its level.
_HEAD_CHARACTERS = 2_000

_IS_JSON, _ERROR_VALUE, _ERROR_HEAD, _OTHER_HEAD, _SMALL_HEAD, _IN_PAIRS, _OTHER_IN_PAIRS, _PLATFORM, _UNSTATED = map(
    re.compile,
    (IS_JSON, ERROR_VALUE, ERROR_HEAD, OTHER_HEAD, SMALL_HEAD, IN_PAIRS, OTHER_IN_PAIRS, OF_THE_PLATFORM, UNSTATED),
)
_CUT_ERROR, _CUT_OTHER, _CUT_INSIDE = map(re.compile, (CUT_ERROR, CUT_OTHER, CUT_INSIDE))
_NAMED = {"W": WARNING, "T": DEBUG, "D": DEBUG, "V": DEBUG, "F": DEBUG}


def level_of(line: str) -> str | None:
    """
    ERROR (also for worse levels), WARNING, INFO or DEBUG; None when a line states none.

    Lambda's lines about an invocation that died, and uncaught exceptions, state no level and are an ERROR.
    """
    document = _document(line)
    if document is not None:
        return _of_json(document, line)
    return (_of_cut_json(line) if _IS_JSON.match(line) else None) or _of_text(line)


def is_error(line: str) -> bool:
    """Whether a line reports an error, by its level."""
    return level_of(line) == ERROR


def _of_text(line: str) -> str | None:
    head = line[:_HEAD_CHARACTERS]
    if _ERROR_HEAD.search(head) or _SMALL_HEAD.search(head):
        return ERROR
    other = _OTHER_HEAD.search(head)
    if other:
        stated = [one for one in other.groups() if one and one in _OTHERS.split("|")]
        return _NAMED.get(stated[-1][0], INFO)
    if _OTHER_IN_PAIRS.search(head):
        return INFO
    is_error = _IN_PAIRS.search(head) or (not _PLATFORM.search(head) and _UNSTATED.search(line))
    return ERROR if is_error else None


def _document(line: str) -> Mapping[str, Any] | None:
    """The line as a JSON object; None when it is none, or only the beginning of one."""
    try:
        document = json.loads(line) if line.lstrip().startswith("{") else None
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, Mapping) else None


def _of_cut_json(line: str) -> str | None:
    """Where it is in doubt whose level is stated, the line is an error."""
    if _CUT_ERROR.search(line):
        return ERROR
    other = _CUT_OTHER.search(line)
    if other:
        return _NAMED.get((other.groups()[-1] or "").upper()[:1], INFO)
    return ERROR if _CUT_INSIDE.search(line) else None


def _of_json(document: Mapping[str, Any], line: str) -> str | None:
    stated = next((found for found in (_field(document, name) for name in LEVEL_FIELDS) if found is not None), None)
    if stated is None:
        is_end = document.get("type") == "platform.report" and _field(document, "record.status") in BAD_ENDS
        return ERROR if is_end or document.get("errorType") is not None or _UNSTATED.search(line) else None
    if stated in ERROR_NUMBERS or _ERROR_VALUE.match(str(stated)):
        return ERROR
    return _NAMED.get(str(stated).upper()[0], INFO) if str(stated) else None


def _field(document: Mapping[str, Any], name: str) -> Any:
    """A field as CloudWatch names it: ``log.level`` is a member of that name, or ``level`` inside ``log``."""
    found = document.get(name)
    if found is None and "." in name:
        outer, inner = name.split(".", 1)
        inside = document.get(outer)
        found = inside.get(inner) if isinstance(inside, Mapping) else None
    return None if isinstance(found, (Mapping, list)) else found
