"""Checklists that people sign off: owner and due date of each item, and the findings that answers become."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import yaml
from pydantic import AfterValidator, Field, ValidationError, model_validator

from migration_ops.core.config import DIRECTORY, OnCall
from migration_ops.core.errors import InstallationError, InvalidInputError
from migration_ops.core.finding import CheckResult, Finding, FindingStatus
from migration_ops.core.finding_kind import FindingKind
from migration_ops.core.thresholds import ConfigPart

CHECK_ID = "sign_off"
# In this period every item is asked for.
YEAR = "year"
_REMEDY = "{owner}: do it, then clear this item's task and sign it off."
SIGN_OFF_KIND = FindingKind(
    check_id=CHECK_ID,
    title="Sign-off of an item",
    section="Maintenance Tasks, Annual 1. Complete Audit",
    remedy=_REMEDY.format(owner="The item's owner"),
)
# Days. The DAG run ends after 31; who is asked again after the due date has LATE_DAYS to answer.
MOST_DAYS, LATE_DAYS = 28, 2
_LINK = re.compile(r"https://[\x21-\x7e]{1,2000}")


class State(StrEnum):
    """What became of an item."""

    SIGNED = "signed off"
    LATE = "signed off late"
    NOT_DONE = "not done"
    NO_EVIDENCE = "no acceptable evidence"
    NO_ANSWER = "nobody answered in time"


VERDICTS = {
    State.SIGNED: FindingStatus.OK,
    State.LATE: FindingStatus.WARNING,
    State.NOT_DONE: FindingStatus.CRITICAL,
    State.NO_EVIDENCE: FindingStatus.CRITICAL,
    State.NO_ANSWER: FindingStatus.CRITICAL,
}


def _short(text: str) -> str:
    # Pages cut a text after 300 characters (core/markdown.py).
    if not 0 < len(text) <= 280 or "\n" in text:
        raise ValueError("one line of at most 280 characters")
    return text


Line = Annotated[str, AfterValidator(_short)]


class Item(ConfigPart):
    """
    One thing that people do and sign off.

    :param owner: a role of ``on_call.yaml``.
    :param period: how often the runbook asks for it.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{2,60}$")
    title: Line
    section: Line
    todo: tuple[Line, ...] = Field(min_length=1)
    owner: str
    due_days: int = Field(ge=1, le=MOST_DAYS)
    period: Literal["year", "quarter"] = "year"


class Checklist(ConfigPart):
    """
    A whole checklist.

    :param signers: ids of Airflow users by role. For a role that is missing, or has none, everybody who may answer
        questions may sign.
    """

    signers: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    items: tuple[Item, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _distinct(self) -> Checklist:
        ids = [one.id for one in self.items]
        if len(set(ids)) != len(ids):
            raise ValueError("each item has an id of its own")
        return self


def read_checklist(name: str, on_call: OnCall, directory: Path | None = None) -> Checklist:
    """
    A checklist of this installation.

    :param name: file name in the configuration directory.
    :raises InstallationError: the file is missing, malformed, or names a role that ``on_call.yaml`` does not have.
    """
    path = (directory or DIRECTORY) / name
    try:
        found = Checklist.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except (OSError, yaml.YAMLError) as error:
        raise InstallationError(f"cannot be read: {type(error).__name__}", path=str(path)) from error
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        raise InstallationError("; ".join(faults), path=str(path)) from error
    strangers = ({one.owner for one in found.items} | set(found.signers)) - {one.role for one in on_call.contacts}
    if strangers:
        raise InstallationError(f"on_call.yaml has no role {', '.join(sorted(strangers))}", path=str(path))
    return found


def asked(checklist: Checklist, on_call: OnCall, period: str, now: datetime) -> list[dict[str, Any]]:
    """The items to ask for now, each with ``dueAt`` (ISO 8601), ``contact`` and ``signers``.

    :param period: ``year`` for all of them, ``quarter`` for those that are due each quarter.
    :raises InvalidInputError: no item is asked for in this period.
    """
    contacts = {one.role: one for one in on_call.contacts}
    found = [
        one.model_dump(by_alias=True, mode="json")
        | {
            "dueAt": (now + timedelta(days=one.due_days)).isoformat(timespec="seconds"),
            "contact": f"{contacts[one.owner].name} ({contacts[one.owner].channel})",
            "signers": list(checklist.signers.get(one.owner, ())),
        }
        for one in checklist.items
        if period == YEAR or one.period == period
    ]
    if not found:
        raise InvalidInputError("the checklist has nothing for this period", path="period", value=period)
    return found


def is_evidence(link: str) -> bool:
    """Whether it is an https address with a host and without a name or password in it. It is not opened."""
    if not _LINK.fullmatch(link):
        return False
    try:
        parts = urlsplit(link)
        return bool(parts.hostname) and parts.username is None and parts.password is None and parts.port != 0
    except ValueError:
        return False


def state_of(done: bool, evidence: str, is_late: bool) -> State:
    """The state of an item after an answer."""
    if not done:
        return State.NOT_DONE
    if not is_evidence(evidence):
        return State.NO_EVIDENCE
    return State.LATE if is_late else State.SIGNED


def findings_of(items: Iterable[Mapping[str, Any]], answers: Iterable[Mapping[str, Any] | None]) -> list[Finding]:
    """One finding per item; an item without an answer is UNKNOWN: its question was lost."""
    return [_finding(item, answer) for item, answer in zip(items, answers, strict=True)]


def _finding(item: Mapping[str, Any], answer: Mapping[str, Any] | None) -> Finding:
    verdict = VERDICTS[State(answer["state"])] if answer else FindingStatus.UNKNOWN
    evidence = tuple(answer[name] for name in ("evidence", "comment") if answer[name]) if answer else ()
    # Owner and section come from the checklist.
    kind = replace(SIGN_OFF_KIND, section=item["section"], remedy=_REMEDY.format(owner=item["owner"]))
    return kind.finding(item["id"], CheckResult(verdict, _reason(item, answer), evidence=evidence))


def _reason(item: Mapping[str, Any], answer: Mapping[str, Any] | None) -> str:
    if not answer:
        return f"{item['title']}: the question was lost, see the task's log"
    if answer["state"] == State.NO_ANSWER:
        return f"{item['title']}: nobody signed it off until {_minute(item['dueAt'])}"
    return f"{item['title']}: {answer['state']}, by {answer['by']}, {_minute(answer['at'])}"


def _minute(text: str) -> str:
    """An ISO 8601 time in UTC as people read it."""
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M} UTC" if text else ""


def table_of(items: Iterable[Mapping[str, Any]], answers: Iterable[Mapping[str, Any] | None]) -> dict[str, Any]:
    """Every item with its state, for the report."""
    rows = []
    for item, answer in zip(items, answers, strict=True):
        said = answer or {"state": "lost", "by": "", "at": "", "evidence": "", "comment": ""}
        when = {"at": _minute(said["at"])}
        kept = [(dict(said) | when)[name] or "–" for name in ("state", "by", "at", "evidence", "comment")]
        rows.append([item["title"], item["owner"], _minute(item["dueAt"]), *kept])
    return {
        "title": "Sign-off",
        "head": ["Item", "Owner", "Due", "State", "By", "At", "Evidence", "Comment"],
        "rows": rows,
    }
