"""`hardcase-collector entitlements ...`: which plan covers what, from when until when."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

import typer

from hardcase_collector.commands import books, talk
from hardcase_collector.commands.books import Scope
from hardcase_collector.commands.talk import JsonFlag
from hardcase_collector.tongue import _, heads, word

app = typer.Typer(no_args_is_help=True, help="Which plan covers which asset or part, until when.")

Number = Annotated[int, typer.Argument(help="Id from `entitlements list`.")]


@app.command("list")
def list_entitlements(
    ctx: typer.Context,
    asset: Annotated[str, typer.Option(help="Number, host name, serial or key of an asset.")] = "",
    customer: Scope = None,
    as_json: JsonFlag = False,
) -> None:
    """List entitlements, past and future ones too."""
    found = talk.get(ctx, "/entitlements", customer=customer, asset=asset)["entitlements"]
    if as_json:
        talk.show_json(found)
        return
    _show(found, last=_("cover"), values=(word(f"cover.{one['cover']}") for one in found), empty=_("No entitlements."))


@app.command()
def add(
    ctx: typer.Context,
    asset: Annotated[str, typer.Argument(help="Key, serial or host name of the asset.")],
    plan: Annotated[str, typer.Argument(help="Name of a plan, from `plans list`.")],
    starts: Annotated[str, typer.Option(help="First day, as 2026-01-31.")],
    ends: Annotated[str, typer.Option(help="Last day.")],
    part: Annotated[str, typer.Option(help='"disk", "psu@PSU2", "disk:ST4000|ZC1"; without it: the asset.')] = "",
    vendor: Annotated[str | None, typer.Option(help="Who does the work.")] = None,
    price: Annotated[str | None, typer.Option(help="As 1400.50.")] = None,
    currency: Annotated[str | None, typer.Option(help="As CNY.")] = None,
    contract: Annotated[str | None, typer.Option(help="Number of the contract.")] = None,
    customer: Annotated[str | None, typer.Option(help="Only an asset of this customer.")] = None,
) -> None:
    """Cover an asset, or one part of it, by a plan."""
    values = {
        "asset": asset,
        "plan": plan,
        "starts": starts,
        "ends": ends,
        "part": part,
        "vendor": vendor,
        "price": price,
        "currency": currency,
        "contract": contract,
    }
    books.put(ctx, "entitlement", values, fresh=True, customer=customer)


@app.command()
def end(
    ctx: typer.Context,
    number: Number,
    on: Annotated[str, typer.Option("--on", help="Last day, as 2026-01-31. Default: today.")] = "",
    customer: Annotated[str | None, typer.Option(help="Only an asset of this customer.")] = None,
) -> None:
    """Let an entitlement end on a day."""
    last = on or _today()
    ended = talk.post(ctx, f"/entitlements/{number}/end", on=last, customer=customer)
    talk.say(_("{plan} of {asset_key} ends on {ends}").format(**ended))


@app.command()
def remove(ctx: typer.Context, number: Number) -> None:
    """Remove an entitlement that never should have been there. Cases keep the terms they were opened under."""
    talk.post(ctx, f"/entitlements/{number}/remove")
    talk.say(_("{name} removed").format(name=number))


@app.command()
def expiring(
    ctx: typer.Context,
    days: Annotated[int, typer.Option(min=1, max=3660, help="How far to look ahead.")] = 90,
    customer: Scope = None,
    as_json: JsonFlag = False,
) -> None:
    """List what runs out in 30, 60 and 90 days with nothing that goes on after it."""
    found = talk.get(ctx, "/entitlements/ending", customer=customer, days=days)["entitlements"]
    if as_json:
        talk.show_json(found)
        return
    lasts = (_("{days} (within {step})").format(days=one["days_left"], step=_step(one["days_left"])) for one in found)
    _show(found, last=_("days left"), values=lasts, empty=_("Nothing runs out."))


@app.command()
def cover(
    ctx: typer.Context,
    customer: Scope = None,
    uncovered: Annotated[bool, typer.Option("--uncovered", help="Only what nothing covers now.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """List every asset, in the books or not, with what covers it."""
    found = talk.get(ctx, "/cover", customer=customer)["assets"]
    if uncovered:
        found = [one for one in found if one["cover"] != "covered"]
    if as_json:
        talk.show_json(found)
        return
    rows = (
        (
            one["id"],
            one["key"],
            one["customer"],
            one["site"] or "-",
            word(f"cover.{one['cover']}"),
            one["plan"] or "-",
            one["ends"] or "-",
            "" if one["in_books"] else _("not in the books") if one["seen"] else _("not seen yet"),
        )
        for one in found
    )
    columns = heads("id", "asset", "customer", "site", "cover", "plan", "ends", "")
    talk.show_table("", columns, rows, empty=_("No assets."))


def _show(found: list[dict[str, Any]], *, last: str, values: Any, empty: str) -> None:
    rows = (
        (
            one["id"],
            one["customer"],
            one["asset_key"],
            one["part"] or _("(all)"),
            one["plan"],
            one["vendor"] or "-",
            one["starts"],
            one["ends"],
            f"{one['price']} {one['currency']}" if one["price"] is not None else "-",
            value,
        )
        for one, value in zip(found, values, strict=True)
    )
    columns = heads("id", "customer", "asset", "part", "plan", "vendor", "starts", "ends", "price")
    talk.show_table("", (*columns, last), rows, empty=empty)


def _step(days_left: int) -> int:
    return next((step for step in (30, 60, 90) if days_left <= step), days_left)


def _today() -> str:
    return date.today().isoformat()  # noqa: DTZ011 - the day of whoever types
