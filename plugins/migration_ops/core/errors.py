"""Base classes of the errors that this package raises: each has a code, a hint, and a context.

Errors cross process borders (worker to supervisor, triggerer to worker), so each one pickles.
"""

from __future__ import annotations

from typing import Any


class MigrationError(Exception):
    """Base of all: ``code`` for machines, ``hint`` for people, ``context`` names the path or the ids.

    ``retryable`` says whether the task tries again by itself.

    :param message: what happened, in one sentence.
    :param context: the offending path, ids and values; never a secret.
    """

    code = "MIGRATION_ERROR"
    hint = ""
    retryable = False

    def __init__(self, message: str, **context: Any) -> None:
        super().__init__(message)
        self.message = message
        self.context = context

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.message, self.context))

    def __str__(self) -> str:
        about = ", ".join(f"{name}={value!r}" for name, value in self.context.items())
        parts = [f"[{self.code}] {self.message}"]
        if about:
            parts.append(f"({about})")
        if self.hint:
            parts.append(f"Hint: {self.hint}")
        return " ".join(parts)

    def as_document(self) -> dict[str, Any]:
        """The error as a document (code, message, hint, context) for reports, callbacks and the ledger."""
        return {"code": self.code, "message": self.message, "hint": self.hint, "context": self.context}


def _rebuild(kind: type[MigrationError], message: str, context: dict[str, Any]) -> MigrationError:
    return kind(message, **context)


class InvalidInputError(MigrationError):
    """The conf, a setting or a document is wrong; nothing was touched."""

    code = "INVALID_INPUT"
    hint = "Correct the conf and trigger a new run: the conf of a run cannot be changed."


class InstallationError(InvalidInputError):
    """A setting, a connection or a file of the installation is wrong; nothing was touched."""

    hint = "Correct the setting, the connection or the file of the installation that is named, then clear this task."


class BlockedError(MigrationError):
    """A check said no, or could not know; nothing was touched."""

    code = "BLOCKED"
    hint = "Resolve the findings, then clear this task with downstream."


class UnknownError(MigrationError):
    """AWS's answer does not allow a verdict, so the answer counts as "no"."""

    code = "UNKNOWN"
    hint = "Look at the server in the MGN console; clear the task when its state is known again."


class StepFailedError(MigrationError):
    """A step of an application ended without reaching its goal; retrying by itself would not help."""

    code = "STEP_FAILED"
    hint = "Fix the cause, then clear the failed task with downstream: it continues from what MGN shows."


class StepTimedOutError(StepFailedError):
    """A wait reached its deadline."""

    code = "TIMED_OUT"


class OutcomeUnknownError(MigrationError):
    """A mutating call may or may not have been executed. Reconcile before anything else."""

    code = "OUTCOME_UNKNOWN"
    hint = "The task tries again by itself, and looks up what happened before it sends anything."
    retryable = True


class ThrottledError(MigrationError):
    """AWS throttled the call, or a quota is used up for the moment."""

    code = "THROTTLED"
    hint = "The task tries again by itself."
    retryable = True


class RefusedError(MigrationError):
    """A remote service refused the call; sending it again does not help."""

    code = "REFUSED"


class FrozenError(MigrationError):
    """What was attempted could not be finished or verified; a person must look."""

    code = "FROZEN"
    hint = "Read the reason in the ledger, bring the server to a known state by hand, then clear the task."
