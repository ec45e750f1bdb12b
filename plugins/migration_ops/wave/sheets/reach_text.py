"""What an approval allows, where, and what it would cost to go back, as Markdown for the sheets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migration_ops.core.markdown import code, plain

_MOST_SERVERS = 20
_CALLS = {"goNoGo": "StartCutover", "finalize": "FinalizeCutover"}
Document = Mapping[str, Any]


def allowed_text(kind: str, reach: Document | None) -> str:
    """What the answer lets the run do, and until when."""
    if not reach:
        return ""
    hours = reach.get("approvalValidHours")
    begins = "the answer, or after the window opens" if kind == "goNoGo" else "the answer"
    return (
        f"Your approval lets this run, and no other, call `{_CALLS[kind]}` for each server of the applications that "
        f"you approve. It can be used for {hours:g} h after {begins}."
    )


def reach_text(reach: Document | None) -> str:
    """Where the wave acts, and which systems outside AWS are notified."""
    if not reach:
        return ""
    host = reach.get("callbackHost")
    callback = f"Callbacks go to {code(host)}." if host else "No callback is sent."
    cmdb = "The CMDB is written." if reach.get("writesCmdb") else "The CMDB is not written."
    return f"{place_text(reach)} {callback} {cmdb}"


def place_text(reach: Document) -> str:
    """Account, Region, connection."""
    account = code(reach["accountId"]) if reach.get("accountId") else _unknown(reach.get("accountUnknownBecause"))
    region = code(reach["region"]) if reach.get("region") else _unknown("neither conf nor connection names one")
    return f"Account {account}, Region {region}, connection {code(reach.get('awsConnId'))}."


def source_commands_text(found: Document | None) -> str:
    """What runs on the source servers before the launch; also when nothing does."""
    if found is None:
        return (
            "### Source servers\n\nNothing is stopped on them: the conf has no `quiesce`. What they write after the "
            "snapshot of the launch is not on the new instances."
        )
    lines = [f"### Run on the source servers, for at most {found['timeoutMinutes']:g} min"]
    for group in found["groups"]:
        lines += [f"{code(group['documentName'])}, {plain(group['platform'])}, on {_nodes(group['servers'])}:"]
        lines += ["\n".join(f"- {code(one)}" for one in group["commands"])]
        undo = ", ".join(code(one) for one in group["undoCommands"])
        lines += [f"A rollback runs {undo}." if undo else "A rollback runs nothing: the conf names no undo commands."]
    return "\n\n".join(lines)


def rollback_text(price: Document | None, closes: Any = None) -> str:
    """How long a rollback takes, what is lost, the last moment that fits the window.

    :param closes: end of the cutover window.
    """
    if price is None:
        return ""
    takes = duration_text(price)
    lost = "It terminates the new instances: what was written on them since their launch is lost."
    if price.get("lastStart"):
        last = f" To end before the window closes at {code(closes)} it must begin by {code(price['lastStart'])}."
    else:
        last = " The last moment that fits the window is unknown, too." if closes else " The window has no end."
    return f"### The way back\n\n{takes} {lost}{last}"


def duration_text(price: Document) -> str:
    """How long a rollback takes, from past rollbacks; unknown, with the reason, when there is none."""
    if price.get("medianMinutes") is None:
        return f"How long a rollback takes is {_unknown(price.get('unknownBecause'))}."
    counted = price["countedRollbacks"]
    of = f"the median of {counted} in the ledger" if counted > 1 else "the only one in the ledger"
    return f"A rollback of one server took {price['medianMinutes']:g} min ({of})."


def _nodes(servers: list[Document]) -> str:
    shown = [
        f"{code(one.get('hostName') or one['sourceServerId'])} ({code(one.get('instanceId') or 'no node')})"
        for one in servers
    ]
    more = f" and {len(shown) - _MOST_SERVERS} more" if len(shown) > _MOST_SERVERS else ""
    return ", ".join(shown[:_MOST_SERVERS]) + more


def _unknown(why: Any) -> str:
    return f"unknown ({plain(why or 'nobody said why')})"
