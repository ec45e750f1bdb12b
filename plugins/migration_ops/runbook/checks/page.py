"""The list of all checks as a page of the docs: ``python -m migration_ops checks > docs/checks.md``."""

from __future__ import annotations

from collections.abc import Iterator

from migration_ops.core.markdown import table
from migration_ops.runbook.checks.chapters import CHAPTERS
from migration_ops.runbook.checks.check import Check

HEAD = """# The checks of the runbook

Written by `python -m migration_ops checks > docs/checks.md`. Each is a function of the same name in
`plugins/migration_ops/runbook/checks/`. "Pages" = a red finding goes to on-call; else it goes to the topic of warnings.
"""


def page() -> str:
    """Markdown: one table per chapter, with what each check judges, its route, and what to do when it is red."""
    return "\n".join([HEAD, *(line for name in CHAPTERS for line in _chapter(name))])


def _chapter(name: str) -> Iterator[str]:
    yield f"## {name.capitalize()}\n"
    head = ["Check", "Title", "Looks at", "Route", "What to do"]
    yield table(head, [_row(one) for one in CHAPTERS[name].checks]) + "\n"


def _row(check: Check) -> list[str]:
    meta = check.metadata
    route = "pages" if meta.route == "page" else "warns"
    return [f"`{check.check_id}`", meta.title, f"`{meta.about}`", route, meta.remedy]
