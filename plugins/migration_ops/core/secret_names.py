"""Names that say "this is a secret", and values that are clearly none: references, masks, switches.

The only word list of the package: audit and redaction both use :func:`family_of` and :func:`points_elsewhere`.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache


class Family(StrEnum):
    """The kind of secret that a name says; each kind has its own values that are no secret."""

    PASSWORD = "password"  # noqa: S105 - a word, no password
    SECRET = "secret"  # noqa: S105
    TOKEN = "token"  # noqa: S105
    KEY = "key"
    ENCRYPTION_KEY = "encryption key"
    RANDOM_KEY = "key, if it looks like one"
    AUTH = "auth"
    SIGNATURE = "signature"


_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
# A word that is, or ends in, one of these names a secret: words are often joined (PGPASSWORD, sshpass, githubtoken).
_ENDS = {
    Family.PASSWORD: (
        *("password", "passwords", "passwd", "passphrase", "passcode", "passwrd", "passwort", "pswd", "passw"),
        *("keyphrase", "kennwort", "wachtwoord", "contrasena", "passe"),
        *("pass", "pwd", "pw", "psw"),
    ),
    Family.SECRET: ("secret", "secrets", "credential", "credentials", "creds", "cred"),
    Family.TOKEN: ("token", "tokens", "bearer", "jwt", "cookie", "cookies"),
    Family.KEY: ("apikey", "apikeys", "accesskey", "privatekey", "secretkey", "signingkey", "authkey", "accountkey"),
    Family.ENCRYPTION_KEY: ("encryptionkey", "masterkey"),
    Family.AUTH: ("auth", "authorization"),
    Family.SIGNATURE: ("signature",),
}
# Words that end in one of these and name no secret.
_NO_TELLING = frozenset(
    re.findall(
        r"\w+",
        "bypass compass encompass surpass trespass overpass underpass bandpass highpass lowpass multipass singlepass "
        "firstpass onepass passthrough oauth preauth unauth noauth sacred impasse",
    )
)
# "key" alone may be a partition key; after one of these words it is a secret.
_KEY_KINDS = frozenset(
    re.findall(
        r"\w+",
        "api access private signing secret auth shared account storage webhook subscription ssh deploy license "
        "hmac sas",
    )
)
# After these words it may also be the key of a row or of a cache: only a random value is a secret.
_RANDOM_KINDS = frozenset({"app", "application", "session", "client", "service", "integration"})
_RANDOM = re.compile(r"^(?=.*\d)(?=.*[A-Za-z])[\w+/=.-]{16,}$")
_ENCRYPTION_KINDS = frozenset({"encryption", "encrypt", "master", "fernet", "sse", "aes"})
# After these words "token" is no secret: a page token, an idempotency token, a count of tokens.
_NO_TOKEN = frozenset(
    re.findall(
        r"\w+",
        "next continuation page pagination idempotency request max min total prompt completion input output used num "
        "count cached remaining",
    )
)
# A name that continues with one of these is about a secret (its place, rules, handling) and does not hold it.
_ABOUT = frozenset(
    re.findall(
        r"\w+",
        "arn arns name names id ids path paths file files filename dir directory url urls uri endpoint host hostname "
        "port domain ttl length size count seconds minutes hours days expiry expiration expires expired age interval "
        "timeout limit min max minimum maximum characters retries enabled enable disabled required optional type kind "
        "header headers policy alias region version versions rotation prefix suffix parameter param bucket table stage "
        "field column template mode method methods provider providers manager service class algorithm alg format "
        "scope scopes audience issuer source store backend label title hint prompt message error errors status state "
        "description schema spec ref reference user username realm samesite secure httponly validator validators "
        "strength history attempts reset change changed updated created last through thru rate ratio script command "
        "func function handler usage used per rounds cache queue topic lambda subject key keys budget "
        "authorizer authority plugin stdin",
    )
)
# Words that follow "password:" in prose, where no password is given.
PROSE = frozenset(
    re.findall(
        r"\w+",
        "required optional invalid incorrect wrong missing expired must is was not cannot should try the a an reset "
        "changed ok failed failure needed empty set unset string text yes no prompt for and or mismatch rejected "
        "accepted valid sent too enter please unknown refused denied authentication validation to of in from",
    )
)
_AUTH_MODES = frozenset(
    re.findall(
        r"[\w-]+",
        "basic iam aws_iam aws oauth oauth2 bearer digest ldap saml cognito jwt scram mtls tls md5 trust ident "
        "kerberos ntlm negotiate oidc sso pat local internal external anonymous optional required always never custom "
        "default plain login cram-md5 sasl ssl api_key apikey password token",
    )
)
_SWITCHES = re.compile(
    r"(?i)^(?:true|false|yes|no|on|off|null|none|n/?a|nil|undefined|unset|void|omit|include|same-origin|"
    r"\W*(?:redacted|hidden|masked|filtered|removed|sensitive|secret removed|no ?echo)\W*)$"
)
_MASK = re.compile(r"^(?:[*•#.\-_?]+|x{3,20}|X{3,20}|.{0,4}\*{3,}.{0,4})$")
# A whole value that only says where the secret is, or that is filled in later.
_REFERENCES = re.compile(
    r"^(?:"
    r"arn:aws[\w-]*:\S+"
    r"|\{\{.*\}\}|\{%.*%\}|\{[\w.:!]*\}|<[^<>]*>|\$\{[^{}]+\}|\$\([^()]+\)|\$[A-Z_][A-Z0-9_]*|\$\$?\.[\w.\[\]'\"*$]*"
    r"|\$\$?|%[A-Z_][A-Z0-9_]*%|%\(\w+\)s|%[sdr]|@[\w.]+\([^)]*\)"
    r"|(?i:ssm|ssm-secure|secretsmanager|secretmanager|vault|env|file|awssm|sops|keyvault|ref\+\w+|op):\S+"
    r"|States\.\w+\(.*\)|(?:process\.env|os\.environ|env|var|local|module|data|secrets|vars)[.\[]\S+"
    r"|(?:https?|s3|file|gs)://\S*"
    r"|!(?:Ref|Sub|GetAtt|ImportValue)\b.*"
    r")$",
    re.DOTALL,
)
_PATH = re.compile(r"^(?:~|\.{1,2})?(?:/[\w.@+-]+){2,}/?$|^(?:~|\.{1,2})/[\w.@+-]+$|^[A-Za-z]:\\[\w.\\ -]+$")
_NAME_OF_SECRET = re.compile(r"^[\w.@+-]+(?:/[\w.@+-]+)+$")
_KMS_KEY = re.compile(r"(?i)^(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32}|alias/[\w/-]+|aws/\w+)$")
_SIGNED = re.compile(r"^(?=.*\d)[\w+/=%.~-]{6,}$")


@lru_cache(maxsize=4096)
def family_of(name: str) -> Family | None:
    """The kind of secret that a name says; None for other names and for names about a secret (``DB_SECRET_ARN``)."""
    words = [one.lower() for one in _WORDS.findall(name)]
    for position in range(len(words) - 1, -1, -1):
        family = _family_at(words, position)
        if family is None:
            continue
        after = words[position + 1 :]
        if _ABOUT.intersection(after) or (family in (Family.AUTH, Family.SIGNATURE) and _is_named_on(after)):
            return None
        return family
    return None


def _is_named_on(after: list[str]) -> bool:
    """Auth and signature name a secret only at the end: AUTH_MODE, AUTH_BACKEND are settings."""
    return any(not one.isdigit() for one in after)


def _family_at(words: list[str], position: int) -> Family | None:
    word, before = words[position], words[:position]
    if word in _NO_TELLING:
        return None
    if word in ("key", "keys"):
        return _kind_of_key(before)
    if word == "sig":
        return Family.SIGNATURE
    if word == "pass" and words[position + 1 : position + 2] in (["through"], ["thru"]):
        return None
    family = next((one for one, ends in _ENDS.items() if word.endswith(ends)), None)
    if family is Family.TOKEN and before and (before[-1] in _NO_TOKEN or before == ["client"]):
        return None
    # "auth" alone names a user or a method, not a secret.
    return None if word == "auth" and not before else family


def _kind_of_key(before: list[str]) -> Family | None:
    # A KMS key never leaves KMS: such a name holds an id, an ARN or an alias.
    if not before or "public" in before[-2:] or {"kms", "cmk"}.intersection(before):
        return None
    if before[-1] in _ENCRYPTION_KINDS:
        return Family.ENCRYPTION_KEY
    if before[-1] in _RANDOM_KINDS:
        return Family.RANDOM_KEY
    return Family.KEY if before[-1] in _KEY_KINDS or before[-1].endswith(("api", "secret")) else None


def points_elsewhere(family: Family, value: str) -> bool:
    """Whether a value is clearly no secret although its name says so: a reference, a mask, a switch, a key's name."""
    text = value.strip()
    if not text or _SWITCHES.match(text) or _MASK.match(text):
        return True
    if _REFERENCES.match(text) or (_PATH.match(text) and _is_readable(text)):
        return True
    if family is not Family.PASSWORD and text.isdigit() and len(text) < 6:
        # A count, such as MAX_TOKENS.
        return True
    if family is Family.SECRET:
        return _NAME_OF_SECRET.match(text) is not None and _is_readable(text)
    if family is Family.RANDOM_KEY:
        return not _RANDOM.match(text)
    if family is Family.ENCRYPTION_KEY:
        return _KMS_KEY.match(text) is not None
    if family is Family.AUTH:
        return text.lower() in _AUTH_MODES
    return family is Family.SIGNATURE and not _SIGNED.match(text)


def _is_readable(path: str) -> bool:
    """Whether a path consists of words; a password with slashes mixes upper case, lower case and digits."""
    return not any(_is_mixed(one) for one in re.split(r"[/\\]", path))


def _is_mixed(text: str) -> bool:
    return any(map(str.isupper, text)) and any(map(str.islower, text)) and any(map(str.isdigit, text))
