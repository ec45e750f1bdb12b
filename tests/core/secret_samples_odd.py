"""Further secrets and harmless texts, made up here and put together: tokens by vendor, options of tools."""

from __future__ import annotations

from base64 import b64encode

from tests.core.secret_samples import BASIC, HEX_32, RUN

WORD = "hunter" + "2"
LONG = RUN * 4
USERS = b64encode(b"app:" + WORD.encode()).decode()

NAMED_SECRETS = [
    *((name, "correct-horse-9") for name in ("KENNWORT", "CONTRASENA", "DB_KEYPHRASE", "MOT_DE_PASSE", "WACHTWOORD")),
    ("DATADOG_APP_KEY", "a1" * 20),
    ("SESSION_KEY", RUN),
    ("auth", BASIC),
    ("_auth", USERS),
]
NAMED_HARMLESS = [
    ("APP_KEY", "orders"),
    ("SESSION_KEY", "sess:orders"),
    ("IMPASSE", "none"),
    ("auth", "none"),
    ("auth", "dXNlcm5hbWU="),
]
# A text, and what of it is secret.
TEXT_SECRETS = [
    ("ATATT3xFfGF0" + LONG, RUN),
    ("ATBB" + RUN[:32], RUN[:32]),
    ("lin_api_" + RUN, RUN),
    ("ntn_" + RUN + "abcdef", RUN),
    ("figd_" + RUN, RUN),
    ("PMAK-" + HEX_32[:24] + "-" + HEX_32 + "ab", HEX_32),
    ("dp.pt." + RUN + "abc", RUN),
    ("glsa_" + RUN[:32] + "_deadbeef", RUN[:32]),
    ("NRAK-" + "ABCDEFGHIJKLMNOPQRSTUVWXYZ0", "ABCDEFGHIJ"),
    ("key-" + HEX_32, HEX_32),
    ("1234567890:AA" + RUN[:33], RUN[:33]),
    ("HRKU-" + "AAABBB" + RUN * 2, RUN),
    ("pscale_tkn_" + RUN, RUN),
    ("sbp_" + HEX_32 + HEX_32[:8], HEX_32),
    (RUN[:14] + ".atlasv1." + RUN + RUN[:27], RUN),
    ("rubygems_" + HEX_32 + HEX_32[:16], HEX_32),
    ("AKCp8" + RUN * 2, RUN),
    ("dckr_pat_" + RUN[:27], RUN[:27]),
    ("sntrys_" + "eyJ" + RUN * 3, RUN),
    ("squ_" + HEX_32 + HEX_32[:8], HEX_32),
    ("gsk_" + RUN + "abcdefghijkl", RUN),
    ("pplx-" + RUN + "abcdefgh", RUN),
    ("r8_" + RUN[:37], RUN[:37]),
    ("ABSK" + "QmVkcm9ja0FQSUtleS" + RUN * 3, RUN),
    ("bedrock-api-key-" + RUN * 3, RUN),
    ("abc8Q~" + RUN[:34], RUN[:34]),
    ("AGE-SECRET-KEY-1" + "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LQPZRY9X8GF2TVDW0S3JN54KHCE", "QPZRY9X8"),
    ("https://discord.com/api/webhooks/123456789012345678/" + RUN * 2, RUN),
    (
        "https://a.webhook.office.com/webhookb2/11111111-2222-3333-4444-555555555555@66666666-7777-8888-9999-"
        "000000000000/IncomingWebhook/" + HEX_32 + "/x",
        HEX_32,
    ),
    ("root:$6$" + "saltsalt$" + RUN * 2 + ":19000:", RUN),
    ("app:$apr1$" + "salt1234$" + RUN[:22], RUN[:22]),
    (f"mysql -uroot -p{WORD} db", WORD),
    (f"redis-cli -h x -a {WORD} ping", WORD),
    (f"docker login -u bob -p {WORD} r.io", WORD),
    (f"az login --service-principal -u x -p {WORD}", WORD),
    (f"sqlplus scott/{WORD}@//db:1521/orcl", WORD),
    (f"keytool -list -storepass {WORD}", WORD),
    (f"htpasswd -b f bob {WORD}", WORD),
    (f"ldapsearch -D cn=x -w {WORD}", WORD),
    (f"smbclient -U bob%{WORD} //s/x", WORD),
    (f"net use \\\\srv /user:dom\\bob {WORD}", WORD),
    (f"echo {WORD} | sudo -S ls", WORD),
    (f"CREATE USER x IDENTIFIED BY {WORD};", WORD),
    (f"SET PASSWORD = PASSWORD('{WORD}')", WORD),
    (f"<Password><![CDATA[{WORD}]]></Password>", WORD),
    (f'["mysql", "--password", "{WORD}"]', WORD),
    (f"FROM x\nENV DB_PASSWORD {WORD}", WORD),
    (f"ConvertTo-SecureString '{WORD}' -AsPlainText -Force", WORD),
    (f"aws configure set aws_secret_access_key {WORD}abc", WORD),
    ('{"auths": {"r.io": {"auth": "' + USERS + '"}}}', USERS),
]
TEXT_HARMLESS = [
    "mysql -p",
    "mysql -u root -P 3306 db",
    "ssh -p 2222 host",
    "docker run -p 8080:80 x",
    "docker login -u bob --password-stdin",
    "redis-cli -a",
    "mkdir -p /opt/x",
    "repo/image@sha256:" + HEX_32,
    "owner/action@v1/path",
    "npm i @scope/pkg@1.2.3",
    "identified by the team",
    "10:30:00",
    "key-for-orders",
    "echo done | sudo tee /etc/x",
    '["--password", "--verbose"]',
    '["--password-stdin", "x"]',
    "ENV PASSWORD_LENGTH 32",
    "price $1$ and $5$",
]
