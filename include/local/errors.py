"""Errors of the local stack, with messages for the person who called ``make``."""

from __future__ import annotations


class LocalError(RuntimeError):
    """The local stack cannot do what was asked; the message says what to do about it."""
