"""Daily operations: what must be well every two hours. One check a file, its metadata beside it."""

from __future__ import annotations

from migration_ops.runbook.judging import Chapter

CHAPTER = Chapter(
    name="health",
    readers=("sqs",),
    check_ids=(
        "sqs_queue_visible_messages",
        "sqs_queue_in_flight",
        "sqs_queue_delayed",
        "sqs_queue_oldest_message_age",
        "sqs_dead_letter_depth",
    ),
)
