"""A stack that a change set made has outputs, a description and tags, as in CloudFormation.

moto 5.2.5 computes outputs before there are resources, and drops the description, and the tags of an update.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from moto.cloudformation.models import ChangeSet


def install() -> None:
    """Patches moto in this process; a second call changes nothing."""
    if getattr(ChangeSet, "_completes", False):
        return
    ChangeSet.apply = _completing(ChangeSet.apply)
    ChangeSet._completes = True


def _completing(original: Callable[..., None]) -> Callable[..., None]:
    @wraps(original)
    def apply(self: ChangeSet, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        self.stack.description = self.template_dict.get("Description")
        self.stack.tags = dict(self.tags or {})
        self.stack.template = self.template
        self.stack._parse_template()
        self.stack.output_map = self.stack._create_output_map()

    return apply
