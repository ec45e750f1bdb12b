"""Values that are secrets by their shape, under any name: the plugins of detect-secrets, and our own patterns.

The library was written for lines of source code; log lines have up to 256 KB. So a plugin is only tried on a text that
has one of its literals, and a match inside a longer word is dropped. Its plugins for keywords and entropy are not used:
``secret_names`` decides by names, with fewer false findings.
"""

from __future__ import annotations

import binascii
import importlib
import json
import re
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Iterator
from functools import cache
from itertools import chain
from typing import NamedTuple

from migration_ops.core.secret_names import Family, points_elsewhere
from migration_ops.core.secret_vendors import options, tokens

IN_URL = "password in a URL"
JWT = "JSON web token"


class Span(NamedTuple):
    """The position of a secret in a text, and its kind."""

    start: int
    end: int
    kind: str


# Module of detect-secrets, its class, and literals of which the text must have one.
_PLUGINS = (
    ("gitlab_token", "GitLabTokenDetector", ("gl", "GR1348941")),
    ("sendgrid", "SendGridDetector", ("SG.",)),
    ("slack", "SlackDetector", ("xox", "hooks.slack.com")),
    ("stripe", "StripeDetector", ("k_live_",)),
    ("twilio", "TwilioKeyDetector", ("SK",)),
    ("pypi_token", "PypiTokenDetector", ("pypi-",)),
    ("openai", "OpenAIDetector", ("T3BlbkFJ",)),
    ("azure_storage_key", "AzureStorageKeyDetector", ("AccountKey=",)),
    ("github_token", "GitHubTokenDetector", ("gh",)),
    ("discord", "DiscordBotTokenDetector", (".",)),
    ("mailchimp", "MailchimpDetector", ("-us",)),
    ("square_oauth", "SquareOAuthDetector", ("sq0csp-",)),
)
# Patterns that may begin anywhere are slow: they are tried only this many characters around their literal.
_AROUND = {"openai": 300}
_OWN = {
    # AWS' own examples end in EXAMPLE.
    "AWS access key": r"(?<![A-Za-z0-9/+])A(?:KIA|SIA|BIA|CCA)(?![A-Z0-9]*EXAMPLE)[A-Z0-9]{16}(?![A-Za-z0-9/+])",
    "AWS session token": r"(?:IQoJb3JpZ2lu|FwoGZXIvYXdz|FQoGZXIvYXdz|AQoDYXdz)[A-Za-z0-9+/=%]{40,}",
    "GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})",
    "Slack token": r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}|\bxapp-\d-[A-Za-z0-9-]{10,}"
    r"|hooks\.slack\.com/(?:services|workflows)/T\w+/[\w/]{16,}",
    "Stripe key": r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}",
    "Google API key": r"\bAIza[0-9A-Za-z_-]{35}",
    "Google OAuth token": r"\bya29\.[\w-]{20,}|\bGOCSPX-[\w-]{20,}",
    "webhook signing secret": r"\bwhsec_[A-Za-z0-9+/]{24,}={0,2}",
    "GitLab token": r"\bgl(?:pat|dt|ft|soat|rt|cbt|imt|ptt|agent|oas)-[\w-]{16,}",
    "npm token": r"\bnpm_[A-Za-z0-9]{36}\b",
    "PyPI token": r"\bpypi-AgE[\w-]{50,}",
    "OpenAI or Anthropic key": r"\bsk-(?:(?:proj|svcacct|admin|ant)-)(?=[\w-]*\d)[\w-]{20,}"
    r"|\bsk-(?=[A-Za-z]*\d)[A-Za-z0-9]{32,}",
    "Twilio key": r"(?<![A-Za-z0-9])SK[0-9a-f]{32}(?![A-Za-z0-9])",
    "SendGrid key": r"\bSG\.[\w-]{16,}\.[\w-]{16,}",
    "DigitalOcean token": r"\bdo[opr]_v1_[0-9a-f]{64}\b",
    "Hugging Face token": r"\bhf_[A-Za-z0-9]{30,}\b",
    "Vault token": r"\bhv[sbr]\.[\w-]{24,}",
    "Shopify token": r"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}\b",
    "Databricks token": r"\bdapi[0-9a-f]{32}\b",
    "Azure storage key": r"(?<=AccountKey=)[A-Za-z0-9+/]{60,}={0,2}",
}
_SHAPES = {kind: re.compile(shape) for kind, shape in _OWN.items()}
_KEY_BLOCK = re.compile(r"-----BEGIN (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-\d")
_KEY_BLOCK_END = re.compile(r"-----END (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----")
# Repetitions are bounded: a log line may have 256 KB and be written by anybody.
_JWT_SHAPE = re.compile(r"\b(eyJ[A-Za-z0-9_-]{5,400})\.[A-Za-z0-9_-]{5,4000}(?:\.[A-Za-z0-9_-]{0,4000}){0,3}")
_URL = re.compile(
    r"(?:(?<![A-Za-z0-9])[A-Za-z][A-Za-z0-9+.-]{0,20}:|(?<![\w:/]))//[^\s/:@\"']{0,200}:([^\s/\"']{1,500})@"
)
_DSN = re.compile(r"(?<![\w/.@:-])[\w.-]{1,64}:([^\s/@:\"']{1,200})@(?:tcp|unix)\(")
_BEARER = re.compile(r"(?i)\bbearer\s+([A-Za-z0-9._~+/-]{8,}={0,2})")
_BASIC = re.compile(r"(?i)\bbasic\s+([A-Za-z0-9+/]{8,}={0,2})")
_AUTH_MEMBER = re.compile(r"(?i)(?<![\w-])_?auth\\{0,3}[\"']?\s{0,5}[:=]\s{0,5}\\{0,3}[\"']?([A-Za-z0-9+/]{8,}={0,2})")
_COMMANDS = (
    re.compile(r"(?i)\bidentified\s{1,5}(?:with\s{1,5}[\w\"']{1,40}\s{1,5})?by\s{1,5}[\"']([^\"'\n]{1,200})"),
    re.compile(r"(?i)\bpassword\s{1,5}[\"']([^\"'\n]{1,200})(?=[\"'])"),
    re.compile(r"\bmachine\s{1,5}\S{1,100}\s{1,5}login\s{1,5}\S{1,100}\s{1,5}password\s{1,5}(\S{1,200})"),
    re.compile(r"\bcurl\b[^\n]{0,400}?\s(?:-u|--user)[ =]?[\"']?[^\s:\"']{1,100}:([^\s\"']{1,200})"),
    re.compile(r"\bsshpass\s+-p\s*[\"']?([^\s\"']{1,200})"),
)
_FORTY = re.compile(r"(?<![A-Za-z0-9+/=_.-])[A-Za-z0-9+/]{40}(?![A-Za-z0-9+/=_-])")
_READABLE = re.compile(r"[A-Z]?[a-z]{2,}")
# The largest part of a random key that looks like words by chance; in a path or class name it is nearly all.
MOST_READABLE = 0.6


def shaped(text: str) -> list[Span]:
    """Every secret of a known shape in a text; spans may overlap."""
    found = [Span(*one.span(), kind) for kind, shape in _SHAPES.items() for one in shape.finditer(text)]
    found += _key_blocks(text)
    found += [Span(*one.span(), JWT) for one in _JWT_SHAPE.finditer(text) if _is_jwt_header(one[1])]
    for shape in (_URL, _DSN):
        urls = (one for one in shape.finditer(text) if not points_elsewhere(Family.PASSWORD, one[1]))
        found += [Span(*one.span(1), IN_URL) for one in urls]
    found += _of_headers(text)
    found += [Span(*one.span(1), "password on a command line") for one in _given(text)]
    found += [Span(*one.span(), "AWS secret key") for one in _FORTY.finditer(text) if _is_secret_key(one[0])]
    found += [Span(*one) for one in tokens(text)]
    found += _of_plugins(text)
    return found


def _key_blocks(text: str) -> Iterator[Span]:
    end = 0
    for one in _KEY_BLOCK.finditer(text):
        if one.start() < end:
            continue
        closing = _KEY_BLOCK_END.search(text, one.end())
        # Without an END line the rest of the text may be the key.
        end = closing.end() if closing else len(text)
        yield Span(one.start(), end, "private key")


def _of_headers(text: str) -> Iterator[Span]:
    for one in _BEARER.finditer(text):
        if len(one[1]) >= 24 or any(map(str.isdigit, one[1])):
            yield Span(*one.span(1), "authorization header")
    for shape in (_BASIC, _AUTH_MEMBER):
        for one in shape.finditer(text):
            if is_user_and_password(one[1]):
                yield Span(*one.span(1), "authorization header")


def _given(text: str) -> Iterator[re.Match[str]]:
    found = (one for shape in _COMMANDS for one in shape.finditer(text))
    yield from (one for one in chain(found, options(text)) if not points_elsewhere(Family.PASSWORD, one[1]))


def _of_plugins(text: str) -> Iterator[Span]:
    for module, literals, kind, patterns in _plugins():
        if not any(one in text for one in literals):
            continue
        for start, part in _parts(text, module, literals):
            for pattern in patterns:
                for one in pattern.finditer(part):
                    span = Span(start + one.start(), start + one.end(), kind)
                    # AC...: Twilio's account id, which is no secret.
                    if _stands_alone(text, span) and not text[span.start : span.end].startswith("AC"):
                        yield span


def _parts(text: str, module: str, literals: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    around = _AROUND.get(module)
    if around is None:
        yield 0, text
        return
    at, end = text.find(literals[0]), 0
    while at >= 0:
        start = max(end, at - around)
        end = at + around
        yield start, text[start:end]
        at = text.find(literals[0], end)


@cache
def _plugins() -> tuple[tuple[str, tuple[str, ...], str, tuple[re.Pattern[str], ...]], ...]:
    """Imported at first use, because the library imports an HTTP client, to verify secrets. That is never done here."""
    found = []
    for module, name, literals in _PLUGINS:
        detector = getattr(importlib.import_module(f"detect_secrets.plugins.{module}"), name)
        found.append((module, literals, str(detector.secret_type), tuple(detector.denylist)))
    return tuple(found)


def _stands_alone(text: str, span: Span) -> bool:
    """Whether it is no part of a longer word: long base64 contains any short pattern by chance."""
    before, after = text[span.start - 1 : span.start], text[span.end : span.end + 1]
    return not (before.isalnum() or before in ("_", "+")) and not after.isalnum()


def _is_secret_key(run: str) -> bool:
    has_all = any(map(str.isupper, run)) and any(map(str.islower, run)) and any(map(str.isdigit, run))
    return has_all and sum(map(len, _READABLE.findall(run))) <= MOST_READABLE * len(run)


def is_user_and_password(text: str) -> bool:
    """Whether it is ``user:password`` in base64."""
    try:
        said = b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
    return b":" in said and said.isascii()


def _is_jwt_header(text: str) -> bool:
    try:
        header = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return False
    return isinstance(header, dict) and "alg" in header
