"""Secrets and harmless values, made up here and put together so that scanners of this repository find none."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode

HEX_32 = "9f86d081884c7d65" + "9a2feaa0c55ad015"
RANDOM_40 = "wJ4lrXUt7nFEMI/K7MDENG+" + "bPxRfiCY9aZqLw2Qx"
UUID = "123e4567-e89b-12d3-a456-426614174000"
SHA_40 = "2fd4e1c67a2d28fced84" + "9ee1bb76e7391b93eb12"
SHA_64 = "e3b0c44298fc1c149afbf4c8996fb924" + "27ae41e4649b934ca495991b7852b855"
KEY_ID = "AK" + "IA" + "Q3EGTZ7XW5PLM2RN"
WORD = "hunter2-blue-" + "horse"
RUN = "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5bC7d"


def part(document: object) -> str:
    return urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


JWT = f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part({'sub': 'someone', 'iat': 1})}.c2lnbmF0dXJl"
BASIC = b64encode(b"someone:made-up").decode()
PEM = "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEabcdefgh\nijklmnop\n-----END RSA " + "PRIVATE KEY-----"

# Name, value; the value is one whatever stands around it.
NAMED_SECRETS = [
    *(
        (name, WORD)
        for name in ("PGPASSWORD", "DBPASSWORD", "dbpassword", "MYSQLPASS", "SSHPASS", "DB_PASS", "SMTP_PASS")
    ),
    *((name, WORD) for name in ("REDIS_AUTH", "REDISCLI_AUTH", "RABBITMQ_DEFAULT_PASS", "userPasswd", "MYSQL_PWD")),
    *(
        (name, WORD)
        for name in ("dbPass", "DB_PW", "adminpw", "LDAP_BIND_PASSWORD_PROD", "db.password", "spring-password")
    ),
    *(
        (name, WORD)
        for name in ("GITHUBTOKEN", "NPM_AUTH_TOKEN", "apikey", "OPENAIAPIKEY", "STRIPE_SECRET", "clientSecret")
    ),
    *((name, WORD) for name in ("AWS_CREDS", "SSH_PRIVATE_KEY", "SIGNING_KEY", "ENCRYPTION_KEY", "SESSION_COOKIE")),
    ("JWT_SECRET", "correct-horse-battery-staple"),
    ("API_KEY", "12ab34cd"),
    *(("DB_PASSWORD", one) for one in ("12345678", "/Xk9!pq", "$up3rS3cret", "<s3cret>9", "example", "changeme", "x")),
    ("CLIENT_SECRET", UUID),
    ("CALLBACK_TOKEN", "prod-" + HEX_32),
    ("AWS_SECRET_ACCESS_KEY", RANDOM_40),
    ("AUTHORIZATION", "Bearer abcdefgh12345678"),
]
# A text, and what of it is secret.
TEXT_SECRETS = [
    (f"used {KEY_ID} for it", KEY_ID),
    (f"used {RANDOM_40} for it", RANDOM_40),
    ("glpat-" + "x1Y2z3A4b5C6d7E8f9G0", "x1Y2z3A4b5C6d7E8f9G0"),
    ("ghp_" + RUN[:36], RUN[:36]),
    ("github_pat_" + RUN[:30], RUN[:30]),
    ("SG." + RUN[:22] + "." + (RUN + RUN)[:43], RUN[:22]),
    ("xoxb-" + "123456789012-123456789012-abcdefghijkl", "abcdefghijkl"),
    ("https://hooks.slack.com/services/" + "T00000000/B00000000/abcdefghijklmnop1234", "abcdefghijklmnop1234"),
    ("sk_live_" + RUN[:24], RUN[:24]),
    ("SK" + HEX_32, HEX_32),
    ("npm_" + RUN[:36], RUN[:36]),
    ("//registry.npmjs.org/:_authToken=" + UUID, UUID),
    ("pypi-AgEIcHlwaS5vcmc" + RUN * 2, RUN),
    ("sk-" + RUN[:20] + "T3BlbkFJ" + RUN[:20], RUN[:20]),
    ("sk-proj-" + RUN, RUN),
    ("sk-ant-api03-" + RUN, RUN),
    ("AccountName=x;AccountKey=" + (RUN * 3)[:86] + "==;EndpointSuffix=core.windows.net", RUN),
    (f"token was {JWT}", JWT),
    (PEM, "MIIEabcdefgh"),
    ("whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    ("AIza" + RUN[:35], RUN[:35]),
    ("IQoJb3JpZ2lu" + RUN * 2, RUN),
    ("postgres://app:" + "s3cretpw@db.internal:5432/x", "s3cretpw"),
    ("redis://:" + "hunter2@cache.internal/0", "hunter2"),
    ("mongodb+srv://app:" + "p@ss@cluster.example.net/x", "p@ss"),
    ("root:" + "hunter2@tcp(db:3306)/orders", "hunter2"),
    ("Server=db;User Id=sa;Password=" + "hunter-two;Encrypt=true", "hunter-two"),
    ("Driver=x;UID=sa;PWD=" + "hunter-two;", "hunter-two"),
    ("Authorization: Bearer abcdefgh12345678", "abcdefgh12345678"),
    (f"Authorization: Basic {BASIC}", BASIC),
    (f"sent Basic {BASIC} to it", BASIC),
    ("curl -H 'X-Api-Key: " + HEX_32 + "' https://api.example.com", HEX_32),
    ("curl -u admin:hunter2 https://api.example.com", "hunter2"),
    ("mysqldump --user=app --password hunter2 orders", "hunter2"),
    ("export PGPASSWORD=hunter && pg_dump", "hunter "),
    ("FOO=1\nSMTP_PASS='two words'\nBAR=2", "two words"),
    ("db:\n  user: app\n  password: correcthorse\n  port: 1", "correcthorse"),
    ("db:\n  password: |\n    first line\n    second line\n  port: 1", "second line"),
    ('{"user": "app", "dbPassword": "hunter2"}', "hunter2"),
    ('ERROR {"event": {"headers": {"x-api-key": "' + HEX_32 + '"}}}', HEX_32),
    ('[ERROR] {"event": "{\\"apiKey\\": \\"abc-123\\"}"', "abc-123"),
    ('{"message": "{\\"password\\": \\"hunter2\\"}"}', "hunter2"),
    ('{"environment": [{"name": "DB_PASS", "value": "hunter2"}]}', "hunter2"),
    ("<config><password>hunter2</password></config>", "hunter2"),
    ("client_secret => hunter2", "hunter2"),
    ("config['password'] = 'hunter2'", "hunter2"),
    ("GET https://api.example.com/v1?user=a&access_token=abc123def&x=1", "abc123def"),
    ("GET https://b.s3.amazonaws.com/k?X-Amz-Signature=0a1b2c3d&X-Amz-Date=1", "0a1b2c3d"),
    ("Set-Cookie: session=abc123def456; Path=/", "abc123def456"),
    ("password=hunter for app", "hunter "),
    ("PASSWORD='hunter\\'s two'", "s two"),
    ("env:\n  - name: DB_PASS\n    value: hunter2\n  - name: A\n    value: b", "hunter2"),
    ('<add key="DbPassword" value="hunter2"/>', "hunter2"),
    ('{"name": "DB_PASS", "value": "hunter2", "cut', "hunter2"),
    ("ALTER USER app PASSWORD 'hunter2'", "hunter2"),
    ("CREATE USER app IDENTIFIED BY 'hunter2'", "hunter2"),
    ("machine db.internal login app password hunter2", "hunter2"),
    ("//app:" + "hunter2@db.internal/x", "hunter2"),
]
ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-a1b2c3"
NAMED_HARMLESS = [
    ("DB_SECRET_ARN", ARN),
    ("DB_SECRET", ARN),
    ("DB_PASSWORD", ARN + ":password::"),
    ("CMF_SECRET", "migration-ops/cmf"),
    ("SECRET_NAME", "migration-ops/cmf-api-production-2026"),
    ("SECRET_ID", "prod-db"),
    *(
        ("DB_PASSWORD", one)
        for one in (
            *("{{resolve:secretsmanager:db:SecretString:password}}", "${DB_PASSWORD}", "$DB_PASSWORD", "%DB_PASSWORD%"),
            *("", "****", "<set by operator>", "[redacted]", "/billing/db/password", "/run/secrets/db_password"),
            *(
                "ssm:/billing/db",
                "vault:secret/db#password",
                "!Ref DbPassword",
                "$.password",
                "null",
                "true",
                "{password}",
            ),
        )
    ),
    ("PASSWORD_LENGTH", "32"),
    ("PASSWORD_MIN_LENGTH", "12"),
    ("PASSWORD_RESET_TEMPLATE", "reset-v2"),
    ("PASSWORD_POLICY", "strict-2026"),
    ("PASSWORDLESS_LOGIN", "magic-link"),
    ("TOKEN_URL", "https://login.example.com/oauth2/token"),
    ("TOKEN_TTL_SECONDS", "3600"),
    ("TOKEN_ENABLED", "true"),
    ("MAX_TOKENS", "4096"),
    ("TOKENIZER", "cl100k-base-v2"),
    ("NEXT_TOKEN", "first"),
    ("AUTH_MODE", "saml-2"),
    ("REDIS_AUTH", "true"),
    ("HTTP_AUTH", "basic"),
    ("AUTHOR", "someone-else-2"),
    ("AUTHORITY", "login.example.com"),
    ("KEY_PREFIX", "orders-2026"),
    ("PARTITION_KEY", "migrationId"),
    ("IDEMPOTENCY_KEY", HEX_32),
    ("PUBLIC_KEY", "-----BEGIN PUBLIC KEY-----\nMIIB"),
    ("PASSTHROUGH", "all-headers-1"),
    ("PASS_THROUGH", "all-headers-1"),
    ("COMPASS_HOST", "compass-1.internal"),
    ("BYPASS_CACHE", "routes-1"),
    ("BYPASS", "routes-1"),
    ("ENCRYPTION_KEY", UUID),
    ("ENCRYPTION_KEY", "alias/orders"),
    ("KMS_KEY", UUID),
    ("KMS_KEY_ID", UUID),
    ("SECRET_MODE", "envelope-encryption-with-managed-keys"),
    ("PRIVATE_KEY_PATH", "/etc/keys/server.pem"),
    ("GOOGLE_APPLICATION_CREDENTIALS", "/var/task/credentials.json"),
    ("COOKIE_DOMAIN", "example.com"),
    ("SECRETSMANAGER_ENDPOINT", "vpce-0a1b2c3d.secretsmanager"),
    ("PWD", "/var/task"),
    ("COMMIT", SHA_40),
    ("REQUEST_ID", UUID),
    ("CODE_DIGEST", SHA_64),
    ("IMAGE", f"123456789012.dkr.ecr.us-east-1.amazonaws.com/app@sha256:{SHA_64}"),
    ("EXAMPLE_ID", "AKIAIOSFODNN7EXAMPLE"),
    ("ENDPOINT", "https://user@example.com:8443/path"),
    ("DATABASE_URL", "postgres://app:${DB_PASSWORD}@db/x"),
]
TEXT_HARMLESS = [
    '{"level": "INFO", "message": "started", "migrationId": "mig-web01"}',
    f"2026-01-01T00:00:00.000Z {UUID} Task timed out after 60.00 seconds",
    "arn:aws:states:us-east-1:123456789012:execution:failing-workflow:failed-0",
    '  File "/var/task/LibV2/site-packages/botocore/client.py", line 553, in _api_call',
    "at com.amazonaws.services.lambda.runtime.Handler1(Handler1.java:42)",
    "com/amazonaws/services/lambda/Handler12",
    f"checked out {SHA_40}, image sha256:{SHA_64}",
    "password=**** for app",
    "the token: first",
    "Invalid password: try again",
    "password: required",
    "basic authentication failed, bearer authentication too",
    "user:someone@example.com",
    "mailto:someone@example.com",
    "nginx:1.25@sha256:" + SHA_64,
    "prompt tokens: 1200, total_tokens=2400",
    "author: someone, compass=north1, bypass=routes1",
    "env:\n  - name: DB_HOST\n    value: db.internal",
    '<add key="PasswordResetTemplate" value="reset-v2"/>',
    "Access denied for user 'app'@'10.0.0.1' (using password: YES)",
    "// a comment: to@someone",
    '{"SecretId": "prod/db", "password.$": "$.password", "ClientToken": "States.UUID()"}',
    "x-amz-id-2: " + RUN + "+/" + RUN + "=",
]


def in_forms(name: str, value: str) -> list[str]:
    """A named value as JSON, YAML, shell, a property and a header hold it."""
    return [
        json.dumps({"level": "ERROR", name: value}),
        json.dumps({"level": "ERROR", name: value}, indent=2),
        f"ERROR {name}='{value}' refused",
        f'{name}: "{value}"',
        f'export {name}="{value}"',
    ]
