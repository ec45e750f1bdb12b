"""Queues on which something piles up; each problem on a queue of its own."""

from __future__ import annotations

from include.sandbox.estates.account import Account
from include.sandbox.estates.clean.sqs import make_queue, queue_with_dead_letters
from include.sandbox.estates.estate import Expected


def plant(account: Account) -> Expected:
    sqs = account.client("sqs")
    deep = queue_with_dead_letters(account, "deep-queue")
    for start in range(0, 101, 10):
        entries = [{"Id": str(number), "MessageBody": f'{{"n": {number}}}'} for number in range(start, start + 10)]
        sqs.send_message_batch(QueueUrl=deep, Entries=entries)
    account.metric("AWS/SQS", "ApproximateAgeOfOldestMessage", {"QueueName": "deep-queue"}, 30)

    busy = make_queue(sqs, "busy-queue")
    _send(sqs, busy, 11)
    for _ in range(2):
        sqs.receive_message(QueueUrl=busy, MaxNumberOfMessages=10, VisibilityTimeout=3600)
    account.metric("AWS/SQS", "ApproximateAgeOfOldestMessage", {"QueueName": "busy-queue"}, 60)

    late = make_queue(sqs, "late-queue")
    sqs.send_message(QueueUrl=late, MessageBody="later", DelaySeconds=900)

    stuck = make_queue(sqs, "stuck-queue")
    _send(sqs, stuck, 1)
    account.metric("AWS/SQS", "ApproximateAgeOfOldestMessage", {"QueueName": "stuck-queue"}, 60, 86_400)

    queue_with_dead_letters(account, "lossy-queue")
    _send(sqs, sqs.get_queue_url(QueueName="lossy-queue-dlq")["QueueUrl"], 3)
    return {
        "sqs_queue_visible_messages": {"deep-queue"},
        "sqs_queue_in_flight": {"busy-queue"},
        "sqs_queue_delayed": {"late-queue"},
        "sqs_queue_oldest_message_age": {"stuck-queue"},
        "sqs_dead_letter_depth": {"lossy-queue-dlq"},
    }


def _send(sqs: object, url: str, number: int) -> None:
    for one in range(number):
        sqs.send_message(QueueUrl=url, MessageBody=f"message {one}")  # type: ignore[attr-defined]
