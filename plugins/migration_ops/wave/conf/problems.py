"""One finding about a conf, and how its place in the conf is written."""

from __future__ import annotations

from dataclasses import asdict, dataclass

KEY_LENGTH = 80  # A finding shows at most so many characters of a key or a name.
_CHECK_TYPES = frozenset({"http", "tcp", "ssm"})
_DOCUMENT_FORMS = frozenset({"name", "byServer"})


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: where (conf spelling), a code for machines, a sentence for people."""

    path: str
    code: str
    message: str

    def as_document(self) -> dict[str, str]:
        return asdict(self)


def path_of(location: tuple[int | str, ...]) -> str:
    """A pydantic location as a path: ``applications[0].servers[1].sourceServerId``."""
    parts: list[str] = []
    for position, part in enumerate(location):
        is_tag = part in _CHECK_TYPES and position >= 2 and location[position - 2] == "checks"
        is_tag = is_tag or (part in _DOCUMENT_FORMS and location[position - 1] == "documentName")
        if part == "[key]" or is_tag:
            continue
        if isinstance(part, int):
            parts.append(f"[{part}]")
        else:
            parts.append(f".{part[:KEY_LENGTH]}" if parts else part[:KEY_LENGTH])
    return "".join(parts)
