"""`hardcase-collector rules precision`: how good each rule is, by how its cases ended."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from hardcase_collector.commands import talk
from hardcase_collector.commands.talk import JsonFlag
from hardcase_collector.tongue import _, heads

_DAY_MS = 86_400_000


def precision(
    ctx: typer.Context,
    days: Annotated[int, typer.Option(min=1, max=36500, help="Cases that ended within so many days.")] = 365,
    customer: Annotated[str | None, typer.Option(help="Only this customer's.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """How often each rule was right, from how cases were closed."""
    from_ms = max(0, time.time_ns() // 1_000_000 - days * _DAY_MS)
    found = talk.get(ctx, "/precision", from_ms=from_ms, customer=customer)
    if as_json:
        talk.show_json(found)
        return
    rows = (
        (
            one["rule"],
            "-" if one["share"] is None else f"{one['share']:.0%}",
            one["confirmed"],
            one["accepted"],
            one["false_alarm"],
            one["no_fault_found"],
            one["duplicate"],
            one["unknown"],
        )
        for one in found["rules"]
    )
    columns = heads("rule", "right", "repaired", "accepted", "false alarm", "no fault found", "duplicate", "not told")
    talk.show_table("", columns, rows, empty=_("No case ended in this time."))
