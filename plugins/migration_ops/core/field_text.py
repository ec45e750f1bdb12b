"""Free text made to fit fields for which AWS allows fewer characters, one function per kind of field.

Text that fits is not changed.
"""

from __future__ import annotations

import re
import unicodedata
from hashlib import sha256

_NOT_IN_A_KEY = re.compile(r"[^A-Za-z0-9._-]+")
_RESERVED = re.compile(r"aws:", re.IGNORECASE)
TAG_VALUE_CHARACTERS = 256
METRIC_DIMENSION_CHARACTERS = 1024
_DIGEST_CHARACTERS = 8


def s3_key_part(name: str) -> str:
    """One part of an S3 key, such as a run id, without a slash. Never only dots: tools read ``..`` as a directory."""
    part = _NOT_IN_A_KEY.sub("-", name)
    return part if part.strip(".") else "-"


def tag_value(text: str) -> str:
    """A tag's value: letters, digits, spaces and ``+-=._:/@``, at most 256 characters."""
    return "".join(one if one.isalnum() or one in "+-=._:/@ " else "-" for one in text)[:TAG_VALUE_CHARACTERS]


def distinct_tag_value(text: str) -> str:
    """As ``tag_value``, also without blanks at its ends or ``aws:`` in front.

    A text that had to be changed ends with a digest, so that two names stay different.
    """
    plain = tag_value(unicodedata.normalize("NFC", text)).strip()
    if plain == text and not _RESERVED.match(text):
        return text
    digest = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_CHARACTERS]
    plain = _RESERVED.sub("aws-", plain)[: TAG_VALUE_CHARACTERS - _DIGEST_CHARACTERS - 1]
    return f"{plain}-{digest}"


def metric_dimension(text: str) -> str:
    """
    The value of a CloudWatch dimension: ASCII without control characters, not blank, without a colon in front.

    A text that had to be changed ends with a digest, so that two names stay different. CloudWatch refuses a whole
    PutMetricData for one bad value (API reference, ``Dimension``).
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    plain = "".join(one for one in plain if one.isprintable()).lstrip(": ")
    if plain == text and 0 < len(text) <= METRIC_DIMENSION_CHARACTERS:
        return text
    digest = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_CHARACTERS]
    return f"{plain[: METRIC_DIMENSION_CHARACTERS - _DIGEST_CHARACTERS - 1]}-{digest}"
