"""Asks IAM Access Analyzer about single policies: its custom policy checks prove what a policy allows.

Each policy is asked about once. A refusal, or a policy that Access Analyzer cannot read, is returned as such: then the
check uses our own reading of the policy, and the finding says so. AWS bills each answer (0.002 USD in 2026).
"""

from __future__ import annotations

import json
from threading import Lock
from typing import Any

from botocore.exceptions import ClientError

from migration_ops.aws.reader import AwsReader
from migration_ops.core.facts import NOT_READ, is_failed

UNSUPPORTED = frozenset({"ValidationException", "InvalidParameterException", "UnprocessableEntityException"})
REFUSED = "ACCESS_DENIED"
# Policies that only test whether the checks can be used.
HARMLESS = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*"}],
}
OF_IDENTITY = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "iam:*", "Resource": "*"}]}


class AccessChecks:
    """
    The checks of one reader. An answer is ``{result, reasons}`` (``PASS`` or ``FAIL``), ``{unavailable: why}`` or the
    document of a failure.
    """

    def __init__(self, reader: AwsReader) -> None:
        self.reader = reader
        self._answers: dict[str, Any] = {}
        self._refused: dict[str, Any] = {}
        self._lock = Lock()

    def no_public_access(self, document: Any, resource_type: str) -> Any:
        """
        Whether the policy of a resource allows no public access (CheckNoPublicAccess).

        :param document: as text, or decoded as IAM returns it.
        :param resource_type: as CloudFormation names it, for example ``AWS::SQS::Queue``.
        """
        return self._ask("check_no_public_access", policyDocument=_text(document), resourceType=resource_type)

    def not_granted(self, document: Any, actions: list[str], resources: list[str]) -> Any:
        """Whether an identity policy allows none of the actions on any of the resources (CheckAccessNotGranted)."""
        access = [{"actions": actions, "resources": resources}]
        return self._ask(
            "check_access_not_granted", policyDocument=_text(document), access=access, policyType="IDENTITY_POLICY"
        )

    def of_policies(self, policies: Any, resource_type: str) -> Any:
        """One answer per policy of a resource, in order; the failure document if the policies were not read."""
        return policies if is_failed(policies) else [self.no_public_access(one, resource_type) for one in policies]

    def probe(self) -> dict[str, Any]:
        """Whether each of the two checks can be used here."""
        return {
            "noPublicAccess": self.no_public_access(HARMLESS, "AWS::SQS::Queue"),
            "accessNotGranted": self.not_granted(OF_IDENTITY, ["iam:PutRolePolicy"], ["*"]),
        }

    def _ask(self, operation: str, **request: Any) -> Any:
        key = json.dumps([operation, request], sort_keys=True)
        with self._lock:
            known = self._answers.get(key, self._refused.get(operation))
        if known is not None:
            return known
        answer = self.reader.guarded(f"accessanalyzer:{operation}", lambda: self._answer(operation, request))
        with self._lock:
            self._answers[key] = answer
            # The next policy would be refused as well.
            if is_failed(answer) and answer[NOT_READ]["code"] == REFUSED:
                self._refused[operation] = answer
        return answer

    def _answer(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        try:
            answer = getattr(self.reader.client("accessanalyzer"), operation)(**request)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in UNSUPPORTED:
                return {"unavailable": str(error)[:300]}
            raise
        reasons = [one.get("description", "") for one in answer.get("reasons", [])]
        return {"result": answer["result"], "reasons": [one for one in reasons if one]}


def _text(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps(document, sort_keys=True)
