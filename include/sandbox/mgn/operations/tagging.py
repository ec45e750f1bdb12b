"""Tags of servers, jobs, waves and applications, by ARN."""

from __future__ import annotations

from typing import Any

from include.sandbox.mgn.errors import NotFoundError, ValidationError
from include.sandbox.mgn.service import Context, operation

MOST_TAGS = 50
MOST_VALUE_CHARACTERS = 256


def checked_tags(tags: dict[str, str]) -> dict[str, str]:
    """The tags, as a service takes them that is as strict as most of AWS; MGN's own rule is not published.

    :raises ValidationError: a value with other characters than letters, digits, spaces and ``+-=._:/@``, or too long.
    """
    for key, value in tags.items():
        is_plain = all(one.isalnum() or one in "+-=._:/@ " for one in value)
        if not is_plain or len(value) > MOST_VALUE_CHARACTERS:
            raise ValidationError(f"The value of tag {key} is not allowed", fields=[("tags", "value")])
    return tags


def _tags_of(context: Context, arn: str) -> dict[str, str]:
    account = context.account
    for shelf in (account.servers, account.jobs, account.applications, account.waves):
        resource = shelf.get(arn.rsplit("/", 1)[-1])
        if resource is not None and resource.arn == arn:
            tags: dict[str, str] = resource.tags
            return tags
    for template in (*account.launch_templates.values(), *account.replication_templates.values()):
        if template["arn"] == arn:
            found: dict[str, str] = template["tags"]
            return found
    raise NotFoundError("Resource", arn)


@operation("ListTagsForResource")
def list_tags_for_resource(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return {"tags": dict(_tags_of(context, request["resourceArn"]))}


@operation("TagResource")
def tag_resource(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    tags = _tags_of(context, request["resourceArn"])
    if len(tags | request["tags"]) > MOST_TAGS:
        raise ValidationError(f"A resource has at most {MOST_TAGS} tags", fields=[("tags", "too many")])
    tags.update(checked_tags(request["tags"]))
    return {}


@operation("UntagResource")
def untag_resource(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    tags = _tags_of(context, request["resourceArn"])
    for key in request["tagKeys"]:
        tags.pop(key, None)
    return {}
