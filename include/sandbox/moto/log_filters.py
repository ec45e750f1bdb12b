"""FilterLogEvents as AWS does it.

moto 5.2.5 takes every pattern that it does not know (``?ERROR ?Exception``) for "all events", and answers everything
at once. Here terms are looked for as AWS documents them for unstructured text (all of the plain ones, at least one of
those with a question mark, none of those with a minus), and a page covers one stream, so that pages without an event
and with a token happen, as on AWS.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from moto.logs import models
from moto.logs.models import LogGroup
from moto.logs.utils import EventMessageFilter

_TERM = re.compile(r'([?-]?)(?:"((?:[^"\\]|\\.)*)"|(\S+))')


def install() -> None:
    """Patches moto in this process; a second call changes nothing."""
    if getattr(LogGroup, "_as_aws", False):
        return
    # The name as moto's module sees it, nowhere else.
    models.EventMessageFilter = _filter
    LogGroup.filter_log_events = _a_stream_a_page(LogGroup.filter_log_events)
    LogGroup._as_aws = True


class TermsFilter:
    """An unstructured pattern. Case counts, as on AWS."""

    def __init__(self, pattern: str) -> None:
        found = [(sign, (quoted or plain).replace('\\"', '"')) for sign, quoted, plain in _TERM.findall(pattern)]
        self._any = [term for sign, term in found if sign == "?"]
        self._none = [term for sign, term in found if sign == "-"]
        self._all = [term for sign, term in found if not sign]

    def matches(self, message: str) -> bool:
        # AWS: beside a term without a sign, those with a question mark say nothing.
        wanted = all(one in message for one in self._all) if self._all else self._any_of(message)
        return wanted and not any(one in message for one in self._none)

    def _any_of(self, message: str) -> bool:
        return not self._any or any(one in message for one in self._any)


def _filter(pattern: str) -> Any:
    """JSON and space-delimited patterns stay as moto has them: all events."""
    is_structured = pattern and pattern.lstrip()[:1] in ("{", "[", "%")
    return EventMessageFilter(pattern) if is_structured else TermsFilter(pattern or "")


def _a_stream_a_page(original: Callable[..., Any]) -> Callable[..., Any]:
    """Whoever sets a limit or names streams gets moto's pages."""

    @wraps(original)
    def filter_log_events(
        self: LogGroup,
        log_group_name: str,
        log_stream_names: list[str],
        start_time: int,
        end_time: int,
        limit: int | None,
        next_token: str | None,
        filter_pattern: str,
        interleaved: bool,
    ) -> Any:
        rest = (filter_pattern, interleaved)
        if limit or log_stream_names or len(self.streams) < 2:
            return original(self, log_group_name, log_stream_names, start_time, end_time, limit, next_token, *rest)
        names = sorted(self.streams)
        number = int(next_token.rsplit("@", 1)[-1]) if next_token else 0
        one = names[number : number + 1]
        events, _, searched = original(self, log_group_name, one, start_time, end_time, None, None, *rest)
        return events, f"{log_group_name}@{number + 1}" if number + 1 < len(names) else None, searched

    return filter_log_events
