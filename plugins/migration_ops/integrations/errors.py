"""Errors of calls to other systems. None of them contains a token, a secret, or a URL's path and query."""

from __future__ import annotations

from migration_ops.core.errors import InvalidInputError, MigrationError, RefusedError


class CmdbUnavailableError(MigrationError):
    """The CMDB did not answer, or cannot answer now; what was sent may have been applied."""

    code = "CMDB_UNAVAILABLE"
    hint = "Clear this task when the CMDB answers again: it reads first and writes only what is missing."
    retryable = True


class CmdbRefusedError(RefusedError):
    """The CMDB refused: login, permission, a value it does not accept, an id it does not know."""

    code = "CMDB_REFUSED"
    hint = "Correct the record, the permission or the connection, then clear this task."


class CmdbNotFoundError(CmdbRefusedError):
    """The CMDB does not know this id."""

    code = "CMDB_NOT_FOUND"
    hint = "Correct the cmdbId in the conf, or create the record."


class CmdbMismatchError(MigrationError):
    """The CMDB accepted the update, and reading it back shows something else: another writer won."""

    code = "CMDB_MISMATCH"
    hint = (
        "Stop what else writes this record (CMF's own automation jobs, an open form in its UI), then clear this task."
    )
    retryable = True


class ForbiddenUrlError(InvalidInputError):
    """This URL may not be called: its host is not listed, or it is no public https address and no entry allows it."""

    code = "FORBIDDEN_URL"
    hint = "Use an https URL of a public host, or have an operator list the host in the connection migration_callback."


class NameNotResolvedError(MigrationError):
    """The host of a URL has no address at the moment, so it cannot be judged."""

    code = "NAME_NOT_RESOLVED"
    hint = "Check the host name and the resolver of the workers, then clear this task."
    retryable = True


class CallbackFailedError(MigrationError):
    """No attempt to deliver was answered with 2xx; the receiver may have seen it (its id stays the same)."""

    code = "CALLBACK_FAILED"
    hint = "Clear this task when the receiver answers again: the webhook-id is unchanged, so it can drop a repetition."
    retryable = True


class CallbackRefusedError(RefusedError):
    """The receiver does not accept this message, or answered with a redirect."""

    code = "CALLBACK_REFUSED"
    hint = "Compare the signing secret and the URL with the receiver's, then clear this task."


class CallbackGoneError(CallbackRefusedError):
    """The receiver answered 410: this URL takes no messages any more."""

    code = "CALLBACK_GONE"
    hint = "The receiver unsubscribed for good. Mark this task as success, or give the next run another callbackUrl."
