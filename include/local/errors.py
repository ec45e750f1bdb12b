"""What can go wrong on the way to a running local stack, as sentences for the person who typed ``make``."""

from __future__ import annotations


class LocalError(RuntimeError):
    """The local stack cannot do what was asked; the message says what to do about it."""
