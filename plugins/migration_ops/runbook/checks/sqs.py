"""Queues: depth, age and dead letters, and who may reach them. Counted from attributes; no message is received."""

from __future__ import annotations

from migration_ops.aws.inventory import sqs, sqs_audit
from migration_ops.aws.inventory.sqs import may_take_dead_letters
from migration_ops.core.facts import Snapshot
from migration_ops.core.finding import CheckResult, FindingStatus, Route, above, ok, unknown, warning
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.chapters import AUDIT, HEALTH
from migration_ops.runbook.checks.check import check
from migration_ops.runbook.checks.verdicts import all_asked_of, open_to


@check(
    HEALTH,
    about=sqs.QUEUES,
    route=Route.PAGE,
    title="Waiting messages",
    section="Daily Operations, 2. Queue Monitoring",
    unit="messages",
    kind="queues",
    risk="Requests come in faster than they are handled.",
    remedy=(
        "Look at whatever receives from the queue (errors and throttles of its Lambda function, its event"
        " source mapping) before you add capacity."
    ),
)
def sqs_queue_visible_messages(queue: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult | None:
    """Waiting messages. Dead-letter queues have a check of their own."""
    if may_take_dead_letters(queue):
        return None
    return above(queue["attributes"]["visible"], limits.queues.max_visible, "waiting messages", FindingStatus.CRITICAL)


@check(
    HEALTH,
    about=sqs.QUEUES,
    title="Messages in flight",
    section="Daily Operations, 2. Queue Monitoring",
    unit="messages",
    kind="queues",
    risk=("Consumers hold messages longer than they should, or there are more of them than planned."),
    remedy=(
        "Compare with the consumer's concurrency and duration. A message that is never deleted comes back and "
        "becomes a dead letter."
    ),
)
def sqs_queue_in_flight(queue: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult | None:
    """Messages that consumers have received and not deleted yet."""
    if queue.optional("elsewhere"):
        return None
    seen = queue["attributes"]["inFlight"]
    return above(seen, limits.queues.max_in_flight, "messages in flight", FindingStatus.WARNING)


@check(
    HEALTH,
    about=sqs.QUEUES,
    title="Delayed messages",
    section="Daily Operations, 2. Queue Monitoring",
    unit="messages",
    kind="queues",
    risk=("Nothing here sends with a delay: somebody else does, or the queue's settings were changed."),
    remedy="Look at the queue's DelaySeconds and at who sends.",
)
def sqs_queue_delayed(queue: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult | None:
    """Delayed messages where nothing is sent with a delay."""
    if queue.optional("elsewhere"):
        return None
    seen = queue["attributes"]["delayed"]
    return above(seen, limits.queues.max_delayed, "delayed messages", FindingStatus.WARNING)


@check(
    HEALTH,
    about=sqs.QUEUES,
    route=Route.PAGE,
    title="Age of the oldest message",
    section="Daily Operations, 2. Queue Monitoring",
    unit="s",
    kind="queues",
    risk="One message may wait while others are handled: the depth does not show that.",
    remedy=(
        "Find the consumer that fails on it (log by messageId). A message that no consumer can handle belongs "
        "in the dead-letter queue."
    ),
)
def sqs_queue_oldest_message_age(queue: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult | None:
    """Not for dead letters: their age counts from the move and says nothing about consumers (AWS: metrics of SQS).

    The reader keeps the points of the last 20 minutes only. A queue that was idle may have none (its metrics begin up
    to 15 minutes late): a WARNING, or UNKNOWN when more than ``maxVisible`` messages wait.
    """
    takes, most = may_take_dead_letters(queue), limits.queues.max_age_seconds
    if takes:
        return None
    waiting = queue["attributes"]["visible"] + queue["attributes"]["inFlight"]
    ages = queue["age"]["values"]
    if not waiting:
        return ok("nothing waits", limit=most)
    if not ages:
        said = f"{waiting} messages wait, and CloudWatch has no age of the oldest for the last minutes"
        return (warning if waiting <= limits.queues.max_visible else unknown)(said, limit=most)
    if takes is None and ages[-1] > most:
        return unknown("old messages, or dead letters: not all who may name this queue could be read", value=ages[-1])
    return above(ages[-1], most, "oldest message", FindingStatus.CRITICAL)


@check(
    HEALTH,
    about=sqs.QUEUES,
    route=Route.PAGE,
    title="Dead letters",
    section="Daily Operations, 2. Queue Monitoring",
    unit="messages",
    kind="queues",
    risk="Each dead letter is a request that nobody works on any more.",
    remedy=(
        "Receive the messages in the SQS console without deleting them, fix the cause in the queue's "
        "consumer, then start a DLQ redrive there, once the person responsible has agreed: a redrive "
        "requests migrations again."
    ),
)
def sqs_dead_letter_depth(queue: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult | None:
    """Dead letters. If it is not known whether a queue takes them, it is UNKNOWN only while it has messages."""
    takes = may_take_dead_letters(queue)
    if takes is False:
        return None
    if queue.optional("elsewhere"):
        return warning(f"{queue['namedBy'][0]} sends its dead letters here; {queue['elsewhere']}")
    letters, most = queue["attributes"]["visible"] + queue["attributes"]["inFlight"], limits.queues.max_dead_letters
    if takes is None and letters <= most:
        return ok("no messages, whoever names this queue", value=letters, limit=most)
    return above(letters, most, _what(queue), FindingStatus.CRITICAL)


def _what(queue: Snapshot) -> str:
    """:raises NotReadError: it is not known whether these are dead letters."""
    by = queue.optional("namedBy", []) if queue["isDeadLetter"] else []
    return f"dead letters of {by[0]}{f' and {len(by) - 1} more' if len(by) > 1 else ''}" if by else "dead letters"


@check(
    AUDIT,
    about=sqs_audit.QUEUES,
    title="Queues that are encrypted",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    kind="queues",
    severity="medium",
    risk="Messages name servers, applications and accounts; they would be stored unencrypted.",
    remedy="Set SqsManagedSseEnabled, or KmsMasterKeyId where it must be our own key.",
    prowler=("sqs_queues_server_side_encryption_enabled",),
)
def sqs_queue_encrypted(queue: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """The messages of a queue are encrypted at rest."""
    key = queue.optional("keyId")
    if queue["managedEncryption"] or key:
        return ok(f"with key {key}" if key else "with SQS's own key")
    return warning("messages are not encrypted at rest")


@check(
    AUDIT,
    about=sqs_audit.QUEUES,
    route=Route.PAGE,
    title="Queues that everybody may use",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    kind="queues",
    severity="critical",
    risk=("Anybody can put requests for migrations into the queue, or read and delete those in it."),
    remedy=("Name the principals in the queue's policy, or bind it with aws:SourceArn and aws:SourceAccount."),
    prowler=("sqs_queues_not_publicly_accessible",),
)
def sqs_queue_not_public(queue: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """No policy of a queue allows everybody."""
    return open_to([("", one) for one in queue["policies"]], all_asked_of(queue))
