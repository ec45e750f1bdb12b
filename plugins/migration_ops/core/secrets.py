"""Finds secrets in what should hold none: variables, definitions, log lines. Says where and of which kind, never what.

Two ways, as detect-secrets and Prowler have them: shapes that are secrets wherever they stand, and values that are no
reference under a name that says what they are. A name alone is no secret: ``DB_SECRET_ARN`` is how it should be.
"""

from __future__ import annotations

import binascii
import json
import math
import re
from base64 import urlsafe_b64decode
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

IN_CLEAR = "password in plain text"
RANDOM = "value that looks random under a telling name"
IN_URL = "password in a URL"
JWT = "JSON web token"

# Shapes that are secrets wherever they stand.
_SHAPES = {
    # AWS' own examples end in EXAMPLE.
    "AWS access key": re.compile(r"(?<![A-Z0-9])A(?:KIA|SIA)(?![A-Z0-9]*EXAMPLE)[A-Z2-7]{16}(?![A-Z0-9])"),
    "private key": re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"),
    "GitHub token": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})"),
    "Slack token": re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}|hooks\.slack\.com/services/T\w+/B\w+/\w{16,}"),
    "Stripe key": re.compile(r"\b[rs]k_live_[A-Za-z0-9]{16,}"),
    "Google API key": re.compile(r"\bAIza[0-9A-Za-z_-]{35}"),
    "webhook signing secret": re.compile(r"\bwhsec_[A-Za-z0-9+/]{24,}"),
    "authorization header": re.compile(r"(?i)\b(?:bearer\s+[A-Za-z0-9._~+/-]{24,}|basic\s+[A-Za-z0-9+/]{16,}={0,2})"),
}
# Repetitions are bounded: a log line may have 256 KB and be written by anybody.
_JWT_SHAPE = re.compile(r"\b(eyJ[A-Za-z0-9_-]{5,400})\.eyJ[A-Za-z0-9_-]{5,4000}\.")
_URL = re.compile(r"\b[A-Za-z][A-Za-z0-9+.-]{0,20}://[^\s/:@\"']{0,200}:([^\s/@\"']{1,500})@")
# name = value inside prose or a log line.
_ASSIGNED = re.compile(
    r"(?i)[\"']?\b((?:[\w-]{0,40}[_-])?(?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|credentials?))"
    r"[\"']?\s*[=:]\s*([\"']?)([^\s\"',;&]+)"
)

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_PASSWORD_NAMES = frozenset({"password", "passwd", "pwd", "passphrase"})
_SECRET_NAMES = frozenset({"secret", "secrets", "token", "apikey", "credential", "credentials", "dsn"})
# "key" alone names partition keys and the like; with one of these before it, it opens something.
_KEY_KINDS = frozenset({"api", "access", "private", "signing", "encryption", "secret", "auth", "master", "shared"})
# What a name ends in when its value only says where the secret is, or something about it.
_ABOUT = frozenset(
    re.findall(
        r"\w+",
        "arn arns name names id ids path file url uri endpoint ttl length size count seconds minutes hours days expiry "
        "expiration enabled required type header policy alias region version rotation prefix suffix parameter bucket "
        "table stage field column",
    )
)
# Values that point at a secret, are filled in later, or are hidden.
_REFERENCE = re.compile(
    r"(?i)^(?:arn:|\{\{|\{%|\$|%|<|\[|ssm:|secretsmanager:|vault:|env:|file:|/|States\.|https?://|s3://)"
    r"|^(?:true|false|null|none|n/?a|nil|undefined|redacted|hidden|masked|changed?|unset|example|\d+)$"
    r"|^(.)\1*$|^\*+|\*{3,}$"
)
_UUID = re.compile(r"(?i)^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
_STAND_INS = frozenset({"default", "defaultvalue", "value"})
_PIECES = re.compile(r"[-_./:\s]+")
MIN_PASSWORD_CHARACTERS = 4
MIN_RANDOM_CHARACTERS = 16
# Bits a character: words have less within so few characters without a digit, random hex and base64 have more.
MIN_ENTROPY_BITS = 3.0


def kinds_in(text: str) -> list[str]:
    """The kinds of secrets in a text, each once."""
    found = [kind for kind, shape in _SHAPES.items() if shape.search(text)]
    if any(_is_jwt_header(one[1]) for one in _JWT_SHAPE.finditer(text)):
        found.append(JWT)
    if any(not _is_reference(one[1]) for one in _URL.finditer(text)):
        found.append(IN_URL)
    # "Password: required" is prose: a bare word counts only in quotes.
    named = (_kind_by_name(one[1], one[3]) for one in _ASSIGNED.finditer(text) if one[2] or not one[3].isalpha())
    return list(dict.fromkeys([*found, *(kind for kind in named if kind)]))


def kind_of(name: str, value: str) -> str | None:
    """What kind of secret a named value is; None when it is none."""
    shaped = kinds_in(value)
    return shaped[0] if shaped else _kind_by_name(name, value)


def in_variables(variables: Mapping[str, Any]) -> list[dict[str, str]]:
    """``{"name", "kind"}`` of each variable that holds a secret. The values go no further."""
    found = {name: kind_of(name, str(value)) for name, value in sorted(variables.items())}
    return [{"name": name, "kind": kind} for name, kind in found.items() if kind]


def in_document(document: Any) -> list[dict[str, str]]:
    """The same for any JSON document; ``name`` is the path: ``States.Call.Parameters.password``."""
    found = ((path, kind_of(name, value)) for path, name, value in _leaves(document, "", ""))
    return [{"name": path, "kind": kind} for path, kind in found if kind]


def _leaves(value: Any, path: str, name: str) -> Iterator[tuple[str, str, str]]:
    if isinstance(value, Mapping):
        for key, one in value.items():
            # {"password": {"default": "x"}}: what stands for the value says nothing itself.
            named = name if name and str(key).lower() in _STAND_INS else str(key)
            yield from _leaves(one, f"{path}.{key}" if path else str(key), named)
    elif isinstance(value, (list, tuple)):
        for number, one in enumerate(value):
            yield from _leaves(one, f"{path}[{number}]", name)
    elif isinstance(value, str):
        yield path, name, value


def _kind_by_name(name: str, value: str) -> str | None:
    words = [one.lower() for one in _WORDS.findall(name)]
    if not words or words[-1] in _ABOUT or _is_reference(value):
        return None
    if _PASSWORD_NAMES.intersection(words):
        return IN_CLEAR if len(value) >= MIN_PASSWORD_CHARACTERS else None
    tells = _SECRET_NAMES.intersection(words) or ("key" in words and _KEY_KINDS.intersection(words))
    return RANDOM if tells and looks_random(value) else None


def looks_random(value: str) -> bool:
    """Whether a value is no word or name: a UUID, or one long piece of letters and digits without order."""
    if _UUID.match(value):
        return True
    longest = max(_PIECES.split(value), key=len)
    has_both = any(one.isdigit() for one in longest) and any(one.isalpha() for one in longest)
    return len(longest) >= MIN_RANDOM_CHARACTERS and has_both and entropy_bits(longest) >= MIN_ENTROPY_BITS


def entropy_bits(text: str) -> float:
    """Shannon's entropy, bits a character."""
    counts = Counter(text).values()
    return -sum(one / len(text) * math.log2(one / len(text)) for one in counts) if text else 0.0


def _is_reference(value: str) -> bool:
    return not value.strip() or _REFERENCE.search(value.strip()) is not None


def _is_jwt_header(text: str) -> bool:
    try:
        header = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError):
        return False
    return isinstance(header, dict) and "alg" in header
