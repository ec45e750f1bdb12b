"""Tokens of further vendors by their prefix, and secrets in options of common tools. Sources: the vendors' own formats.

A pattern is only tried on a text that has its literal; repetitions are bounded or linear, as lines have up to 256 KB.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# Kind, literal that the text must have, pattern.
_TOKENS = (
    ("Atlassian token", "ATATT3xFfGF0", r"\bATATT3xFfGF0[\w=-]{30,}"),
    ("Bitbucket token", "ATBB", r"\bATBB[A-Za-z0-9]{28,}"),
    ("Linear key", "lin_api_", r"\blin_api_[A-Za-z0-9]{30,}"),
    ("Notion token", "ntn_", r"\bntn_[A-Za-z0-9]{40,}"),
    ("Figma token", "figd_", r"\bfigd_[\w-]{30,}"),
    ("Postman key", "PMAK-", r"\bPMAK-[0-9a-f]{24}-[0-9a-f]{34}"),
    ("Doppler token", "dp.", r"\bdp\.(?:pt|st|ct|sa|scim|audit)\.[\w.-]{30,}"),
    ("Grafana token", "gl", r"\bglsa_[A-Za-z0-9]{32}_[0-9a-f]{8}\b|\bglc_[A-Za-z0-9+/=]{40,}"),
    ("New Relic key", "NR", r"\bNRAK-[A-Z0-9]{27}\b|\bNRII-[\w-]{32}"),
    ("Mailgun key", "key-", r"\bkey-[0-9a-f]{32}\b"),
    ("Telegram token", ":AA", r"\b\d{8,10}:AA[\w-]{33}(?![\w-])"),
    ("Heroku key", "HRKU-", r"\bHRKU-[\w-]{60,}"),
    ("PlanetScale token", "pscale_", r"\bpscale_(?:tkn|oauth|pw)_[\w.-]{32,}"),
    ("Supabase token", "sbp_", r"\bsbp_[0-9a-f]{40}\b"),
    ("Terraform Cloud token", ".atlasv1.", r"\b[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{60,}"),
    ("RubyGems key", "rubygems_", r"\brubygems_[0-9a-f]{48}\b"),
    ("Artifactory key", "AKCp", r"\bAKCp[A-Za-z0-9]{65,}"),
    ("Docker token", "dckr_", r"\bdckr_(?:pat|oat)_[\w-]{27,}"),
    ("Sentry token", "sntry", r"\bsntry[su]_[A-Za-z0-9+/=_-]{40,}"),
    ("Sonar token", "sq", r"\bsq[uap]_[0-9a-f]{40}\b"),
    ("Groq key", "gsk_", r"\bgsk_[A-Za-z0-9]{48,}"),
    ("Perplexity key", "pplx-", r"\bpplx-[A-Za-z0-9]{40,}"),
    ("Replicate token", "r8_", r"\br8_[A-Za-z0-9]{37}\b"),
    ("Bedrock key", "edrock", r"\bbedrock-api-key-[A-Za-z0-9+/=]{60,}"),
    ("Bedrock key", "ABSK", r"\bABSKQmVkcm9ja0FQSUtleS[A-Za-z0-9+/=]{40,}"),
    ("Azure client secret", "Q~", r"(?<![\w~.-])[\w~.-]{3}\dQ~[\w~.-]{31,34}(?![\w~.-])|\b\w{3}\dQ~[\w~.-]{31,40}"),
    ("age key", "AGE-SECRET-KEY-1", r"\bAGE-SECRET-KEY-1[0-9A-Z]{50,}"),
    ("webhook URL", "discord", r"(?<=/api/webhooks/)\d{17,20}/[\w-]{60,}"),
    ("webhook URL", "/webhookb2/", r"(?<=/webhookb2/)[0-9a-f-]{36}@[0-9a-f-]{36}/IncomingWebhook/\w{32}[\w/-]*"),
    ("password hash", "$", r"(?<![\w$])\$(?:[156y]|apr1|2[aby]|argon2i?d?)\$[./A-Za-z0-9=,$]{20,300}"),
)
# The same for values of options, with the literal in lower case: the pattern's group is the secret.
_OPTIONS = (
    ("mysql", r"\b(?:mysql|mariadb)\w*\b[^\n|;]{0,400}?\s-p([^\s\"'-]\S{0,200})"),
    ("redis-cli", r"\bredis-cli\b[^\n|;]{0,400}?\s-a\s{1,5}(?!-)(\S{1,200})"),
    (
        "login",
        r"\b(?:docker|podman|nerdctl|buildah|skopeo|helm\s{1,5}registry|az|oc)\s{1,5}login\b"
        r"[^\n|;]{0,400}?\s-p[ =]{1,3}(\S{1,200})",
    ),
    ("pass", r"\s-(?:(?:src|dest)?storepass|keypass)\s{1,5}(?!-)(\S{1,200})"),
    ("htpasswd", r"\bhtpasswd\s{1,5}-\w{0,5}b\w{0,5}\s{1,5}\S{1,200}\s{1,5}\S{1,100}\s{1,5}(\S{1,200})"),
    ("ldap", r"\bldap\w{2,10}\b[^\n|;]{0,400}?\s-w\s{1,5}(\S{1,200})"),
    ("client", r"\b(?:smb|rpc)client\b[^\n|;]{0,400}?\s-U\s{0,5}[^\s%]{1,100}%(\S{1,200})"),
    ("/user:", r"(?i)\bnet\s{1,5}use\b[^\n]{0,200}?/user:\S{1,100}\s{1,5}(?!/)(\S{1,200})"),
    ("sudo", r"\becho\s{1,5}[\"']?([^\s\"'|]{1,200})[\"']?\s{0,5}\|\s{0,5}sudo\s{1,5}(?:-\w{1,5}\s{1,5}){0,3}-S\b"),
    (
        "identified",
        r"(?i)\b(?:create|alter)\s{1,5}user\b[^\n;]{0,200}?\bidentified\s{1,5}by\s{1,5}([^\s\"';]{1,200})",
    ),
    ("password", r"(?i)\bpassword\s?\(\s?[\"']([^\"'\n]{1,200})"),
    (
        "<![cdata[",
        r"(?i)<[\w:.-]{0,80}(?:pass|pwd|secret|token|key)[\w:.-]{0,80}>\s{0,20}<!\[CDATA\[([^\]<\n]{1,500})\]\]>",
    ),
    ("securestring", r"(?i)\bConvertTo-SecureString\s{1,5}(?:-String\s{1,5})?[\"']([^\"'\n]{1,200})"),
    ("sqlplus", r"\bsqlplus\b[^\n|;]{0,200}?\s[\w$#]{1,60}/([^\s@/\"']{1,200})@"),
)
# A name and its value with a blank between them: ENV of a Dockerfile, settings of tools.
_BLANK = re.compile(
    r"(?m)(?:^[ \t]{0,20}ENV|\bsetx|\bconfigure[ \t]{1,5}set)[ \t]{1,5}(?P<name>[\w.-]{1,80})[ \t]{1,5}"
    r"[\"']?(?P<value>[^\s\"']{1,200})"
)
_BEFORE_BLANKS = ("ENV", "setx", "configure")
_COMPILED_TOKENS = tuple((kind, literal, re.compile(pattern)) for kind, literal, pattern in _TOKENS)
_COMPILED_OPTIONS = tuple((literal, re.compile(pattern)) for literal, pattern in _OPTIONS)


def tokens(text: str) -> Iterator[tuple[int, int, str]]:
    """Start, end and kind of each token."""
    for kind, literal, pattern in _COMPILED_TOKENS:
        if literal in text:
            yield from ((*one.span(), kind) for one in pattern.finditer(text))


def options(text: str) -> Iterator[re.Match[str]]:
    """Options of tools; the first group is the secret."""
    lowered = text.lower()
    for literal, pattern in _COMPILED_OPTIONS:
        if literal in lowered:
            yield from pattern.finditer(text)


def after_blanks(text: str) -> Iterator[re.Match[str]]:
    """Pairs of a ``name`` and a ``value`` with a blank between them; whether it is secret, the name says."""
    if any(one in text for one in _BEFORE_BLANKS):
        yield from _BLANK.finditer(text)
