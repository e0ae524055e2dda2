"""`hardcase-collector rules why` and `rules replay`: why a case was (not) opened, and what other sheets would open."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from hardcase_collector.commands import talk
from hardcase_collector.commands.talk import JsonFlag
from hardcase_collector.tongue import _, heads, language

CustomerOption = Annotated[str | None, typer.Option(help="Only this customer's.")]
AssetOption = Annotated[str, typer.Option(help="Number, host name, serial or key of an asset.")]
FromOption = Annotated[str, typer.Option("--from", help="From this time on, as 2026-01-31 or 2026-01-31T08:00.")]
UntilOption = Annotated[str, typer.Option("--until", help="Until before this time.")]


def why(
    ctx: typer.Context,
    asset: AssetOption = "",
    case: Annotated[str, typer.Option(help="Number of a case.")] = "",
    part: Annotated[str, typer.Option(help='A part as "psu@PSU2", or a component as "disk".')] = "",
    rule: Annotated[str, typer.Option(help="Name of a rule.")] = "",
    reason: Annotated[str, typer.Option(help="Code of the answer, as window, joining, opened.")] = "",
    begins: FromOption = "",
    ends: UntilOption = "",
    opened: Annotated[bool | None, typer.Option("--opened/--not-opened", help="With a case, or without.")] = None,
    customer: CustomerOption = None,
    limit: Annotated[int, typer.Option(min=1, max=5000, help="The newest so many.")] = 100,
    as_json: JsonFlag = False,
) -> None:
    """Why did this (not) open a case?"""
    found = talk.get(
        ctx, "/why", asset=asset, case=case, part=part, rule=rule, reason=reason, from_ms=at_ms(begins),
        until_ms=at_ms(ends), opened=opened, customer=customer, limit=limit,
    )["whys"]  # fmt: skip
    if as_json:
        talk.show_json(found)
        return
    rows = (
        (talk.time(row["time_ms"]), row["asset"], row["case_number"] or "-", row["sentence"][language()])
        for row in found
    )
    talk.show_table("", heads("time", "asset", "case", "answer"), rows, empty=_("No decision yet."))


def at_ms(text: str) -> int | None:
    """A date, with or without time, local where it has no offset; None for nothing. Ends the command for others."""
    if not text:
        return None
    try:
        return round(datetime.fromisoformat(text).astimezone().timestamp() * 1000)
    except ValueError:
        talk.fail(_("{text} is no date and time; write 2026-01-31T08:00").format(text=text), 2)
