"""Reads our own Airflow through its REST API: tasks of Airflow 3 have no access to its database."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import requests
from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from migration_ops.errors import Unknown
from migration_ops.mgn.faults import Unreachable

TIMEOUT_SECONDS = 15


class AirflowRest:
    """
    This Airflow as a connection names it; one token for all that is asked.

    The connection's login and password get the token; without a login the server is asked for one, which it gives
    where everybody is an administrator.
    """

    def __init__(self, conn_id: str) -> None:
        self._conn_id = conn_id

    def get(self, path: str, query: Mapping[str, Any]) -> Any:
        """
        One GET below ``/api/v2``.

        :raises Unknown: there is no such connection, or the answer is no document.
        :raises Unreachable: no answer, or a server's error.
        """
        try:
            answer = self._session.get(f"{self._base}/api/v2{path}", params=dict(query), timeout=TIMEOUT_SECONDS)
            answer.raise_for_status()
            return answer.json()
        except requests.HTTPError as error:
            raise Unreachable(f"Airflow answered {error.response.status_code} to {path}") from error
        except (requests.RequestException, ValueError) as error:
            raise Unreachable(f"Airflow did not answer {path}: {type(error).__name__}") from error

    @cached_property
    def _connection(self) -> Any:
        try:
            return BaseHook.get_connection(self._conn_id)
        except AirflowNotFoundException as error:
            raise Unknown(
                f"there is no connection {self._conn_id}: our own Airflow cannot be asked", path=self._conn_id
            ) from error

    @property
    def _base(self) -> str:
        return (self._connection.host or "").rstrip("/")

    @cached_property
    def _session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        url = f"{self._base}/auth/token"
        if self._connection.login:
            body = {"username": self._connection.login, "password": self._connection.password}
            answer = session.post(url, json=body, timeout=TIMEOUT_SECONDS)
        else:
            answer = session.get(url, timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
        session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return session
