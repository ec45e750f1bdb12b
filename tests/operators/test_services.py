"""Where a step's services come from."""

from __future__ import annotations

import pytest

from migration_ops.core.errors import InvalidInput
from migration_ops.operators.services import require_connection


def test_a_connection_that_does_not_exist_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_THE_ONE", '{"conn_type": "aws"}')
    require_connection("the_one")
    with pytest.raises(InvalidInput, match="no connection another_one") as refused:
        require_connection("another_one")
    assert refused.value.context["path"] == "awsConnId"
