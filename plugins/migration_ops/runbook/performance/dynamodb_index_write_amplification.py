"""Tables whose indexes cost many times the writes of the table itself."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import FindingVerdict, Judgement, above, ok, unknown
from migration_ops.core.series import total
from migration_ops.core.thresholds import Thresholds


def judge(table: Facts, estate: Facts, limits: Thresholds) -> Judgement:
    """A change of an index key is two writes there: the old entry goes, the new one comes."""
    name = table["name"]
    if not table["indexes"]:
        return ok("it has no index")
    parts = [one for one in estate.at("performance_table.parts") if one["table"] == name]
    own = sum(total(one["writes"]) for one in parts if one["kind"] == "table")
    by_index = {one["name"]: total(one["writes"]) for one in parts if one["kind"] == "index"}
    written = sum(by_index.values())
    if not own:
        return unknown("its indexes were written and the table was not") if written else ok("nothing was written")
    most = limits.performance.max_index_to_table_write_ratio
    said = "units written to its indexes for each unit to the table"
    return above(round(written / own, 2), most, said, FindingVerdict.WARNING, evidence=({"table": own} | by_index,))
