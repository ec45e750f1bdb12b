"""SQS queues: attributes, age of messages, and who uses them for dead letters.

No message is received: that would hide it from its consumers.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from migration_ops.aws.inventory.dead_letter_sources import named_by_others
from migration_ops.aws.metrics import Metric, points_since, read_metrics
from migration_ops.aws.reader import AwsReader
from migration_ops.core.batches import side_by_side
from migration_ops.core.facts import NONE_EXPECTED, NotReadError, Snapshot, is_failed
from migration_ops.core.listing import Listing

COUNTS = {
    "visible": "ApproximateNumberOfMessages",
    "inFlight": "ApproximateNumberOfMessagesNotVisible",
    "delayed": "ApproximateNumberOfMessagesDelayed",
}
GONE = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")
# An idle queue has no metrics for up to 15 minutes after its first message; older points say nothing about now.
AGE_PERIOD_SECONDS, AGE_COUNTS_FOR = 60, timedelta(minutes=20)

Queue = dict[str, Any]


def read(reader: AwsReader) -> dict[str, Any]:
    """
    ``queues``: ``name, url, arn, isDeadLetter, namedBy, attributes {visible, inFlight, delayed}, age {values, times}``.

    ``isDeadLetter`` is a failure document when no source names the queue but some sources could not be read. ``age``
    (seconds) has the points of the last 20 minutes only. A queue that is used for dead letters but cannot be read here
    has ``elsewhere``, the reason.
    """
    if reader.config.resources.queues.is_empty:
        return {"queues": [], NONE_EXPECTED: True}
    reader = reader.fresh()
    queues = queues_with_roles(reader)
    if is_failed(queues):
        return {"queues": queues}
    since = reader.now - AGE_COUNTS_FOR
    here = [queue for queue in queues if "elsewhere" not in queue]
    ages = read_metrics(reader, [_age(queue["name"]) for queue in here], since=since)
    for queue in here:
        queue["age"] = points_since(ages[queue["name"]], since)
    return {"queues": queues}


def queues_with_roles(reader: AwsReader) -> Any:
    """As ``queues`` of :func:`read`, without ages; the document of a failure when they could not be listed."""
    queues = our_queues(reader)
    if is_failed(queues):
        return queues
    letters = dead_letter_queues(reader, queues)
    for queue in queues:
        queue["isDeadLetter"] = letters.role_of(queue["arn"])
        queue["namedBy"] = list(letters.named.get(queue["arn"], ()))
    return queues + _elsewhere(reader, letters)


def queue_urls(reader: AwsReader) -> Any:
    """URLs of all queues of the account and Region, listed once in a read; or the document of the failure."""
    return reader.once("sqs:list_queues", lambda: reader.pages("sqs", "list_queues", "QueueUrls", may_lack=True))


def our_queues(reader: AwsReader) -> Any:
    """Queues that ``resources.yaml`` names, with their attributes; without those deleted since they were listed."""
    urls = queue_urls(reader)
    if is_failed(urls):
        return urls
    ours = [url for url in urls if reader.config.resources.queues.matches(name_of(url))]
    return [queue for queue in side_by_side(ours, lambda url: _queue(reader, url)) if queue is not None]


def _queue(reader: AwsReader, url: str) -> Queue | None:
    answer = reader.call_optional("sqs", "get_queue_attributes", GONE, QueueUrl=url, AttributeNames=["All"])
    if answer is None:
        return None
    queue: Queue = {"name": name_of(url), "url": url, "arn": _arn(reader, url), "deadLetterTarget": None}
    if is_failed(answer):
        return queue | {"attributes": answer}
    found = answer["Attributes"]
    return queue | {
        "arn": found.get("QueueArn", queue["arn"]),
        "deadLetterTarget": json.loads(found.get("RedrivePolicy") or "{}").get("deadLetterTargetArn"),
        "takesDeadLettersOf": json.loads(found.get("RedriveAllowPolicy") or "{}").get("sourceQueueArns") or [],
        "attributes": {name: int(found[attribute]) for name, attribute in COUNTS.items() if attribute in found},
    }


@dataclass(frozen=True)
class DeadLetters:
    """
    Which queues take dead letters, and by whose configuration.

    :param named: by the queue's ARN, who uses it for dead letters.
    :param unread: the first source that could not be read; None when all were.
    :param doubts: by the queue's ARN, the failure that concerns only this queue.
    """

    named: Mapping[str, tuple[str, ...]]
    unread: dict[str, Any] | None
    doubts: Mapping[str, dict[str, Any]]

    def role_of(self, arn: str) -> Any:
        """Whether the queue takes dead letters; a failure document if no source names it but one was not read."""
        if arn in self.named:
            return True
        return self.unread or self.doubts.get(arn) or False


def dead_letter_queues(reader: AwsReader, queues: Iterable[Queue]) -> DeadLetters:
    """
    Which queues take dead letters: by the configuration of queues, functions, streams, rules, topics, schedules and
    pipes. Used by health check, alarms and audit.

    :param queues: as :func:`our_queues` returns them.
    """
    listed = list(queues)
    entries = named_by_others(reader)
    unread = next((one for one in entries if is_failed(one)), None)
    named: dict[str, list[str]] = defaultdict(list)
    for one in entries:
        if not is_failed(one):
            named[one["arn"]].append(one["by"])
    for queue in listed:
        if queue["deadLetterTarget"]:
            named[queue["deadLetterTarget"]].append(f"queue {queue['name']}")
        named_so = queue.get("takesDeadLettersOf", ())
        if named_so:
            named[queue["arn"]].append(f"its own redrive allow policy, for {len(named_so)} queues")
    doubts = _asked_one_by_one(reader, listed, named)
    return DeadLetters({arn: tuple(dict.fromkeys(by)) for arn, by in named.items()}, unread, doubts)


def _asked_one_by_one(reader: AwsReader, queues: list[Queue], named: dict[str, list[str]]) -> dict[str, dict[str, Any]]:
    """A queue that could not be read may use any other for dead letters: so those are asked for their source queues.

    Adds to ``named``; returns the failures by queue ARN.
    """
    unread = {queue["name"] for queue in queues if is_failed(queue["attributes"])}
    if not unread:
        return {}
    asked = [queue for queue in queues if queue["arn"] not in named]
    answers = side_by_side(
        asked,
        lambda queue: reader.pages("sqs", "list_dead_letter_source_queues", "queueUrls", QueueUrl=queue["url"]),
    )
    doubts = {}
    for queue, urls in zip(asked, answers, strict=True):
        if not is_failed(urls) and urls:
            named[queue["arn"]] += [f"queue {name_of(url)}" for url in urls]
        elif is_failed(urls) or queue["name"] in unread:
            # A queue that was not read may have a redrive allow policy of its own.
            doubts[queue["arn"]] = urls if is_failed(urls) else queue["attributes"]
    return doubts


def _elsewhere(reader: AwsReader, letters: DeadLetters) -> list[Queue]:
    """Queues that are used for dead letters but cannot be read: in another account or Region, or not existing."""
    here = {_arn(reader, url) for url in queue_urls(reader)}
    own = {arn.rsplit(":", 1)[0] for arn in here}
    found = []
    for arn, by in sorted(letters.named.items()):
        if arn in here or arn.split(":")[2:3] != ["sqs"]:
            continue
        is_ours = arn.rsplit(":", 1)[0] in own
        why = "there is no such queue" if is_ours else "it is of another account or Region: not read"
        if is_ours and not reader.config.resources.queues.matches(arn.rsplit(":", 1)[-1]):
            continue
        found.append({"name": arn, "arn": arn, "isDeadLetter": True, "namedBy": list(by), "elsewhere": why})
    return found


def may_take_dead_letters(queue: Snapshot) -> bool | None:
    """Whether a queue takes dead letters; None when nobody knows.

    :raises NotReadError: the queue's document does not say.
    """
    if "isDeadLetter" not in queue.plain():
        raise NotReadError("isDeadLetter was not answered")
    try:
        return bool(queue["isDeadLetter"])
    except NotReadError:
        return None


def _age(name: str) -> Metric:
    dimensions = {"QueueName": name}
    return Metric(name, "AWS/SQS", "ApproximateAgeOfOldestMessage", dimensions, "Maximum", AGE_PERIOD_SECONDS)


def name_of(url: str) -> str:
    """A queue's name: the end of its URL."""
    return url.rsplit("/", 1)[-1]


def _arn(reader: AwsReader, url: str) -> str:
    """A queue's ARN without a call: its URL ends with account and name."""
    account, name = urlsplit(url).path.rsplit("/", 2)[-2:]
    meta = reader.client("sqs").meta
    return f"arn:{meta.partition}:sqs:{meta.region_name}:{account}:{name}"


# The lists that checks are about.
QUEUES = Listing("sqs", "queues", read)
