"""The commands of part orders: list, request, and one command for each step. Joined to `parts` by `parts.py`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from hardcase_collector.commands import talk
from hardcase_collector.commands.talk import JsonFlag
from hardcase_collector.tongue import _, heads, word

Order = Annotated[int, typer.Argument(help="Number of the part order, from `parts orders`.")]
Reason = Annotated[str, typer.Option("--reason", "-r", help="Why; stands on the timeline.")]
Serial = Annotated[str, typer.Option(help="Serial of the new part.")]
OldSerial = Annotated[str, typer.Option("--old-serial", help="Serial of the part that was taken out.")]


def add_steps(app: typer.Typer) -> None:
    """The order of `--help`: as the part goes."""
    app.command()(orders)
    app.command()(reserve)
    app.command()(ship)
    app.command("receive-at-site")(receive_at_site)
    app.command()(install)
    app.command()(correct)
    app.command("return")(send_back)
    app.command("return-received")(return_received)
    for command in (dead, keep, lost, cancel):
        app.command()(command)


def orders(
    ctx: typer.Context,
    case: Annotated[str, typer.Option(help="Only this case's.")] = "",
    depot: Annotated[str, typer.Option(help="Only from this depot.")] = "",
    overdue: Annotated[bool, typer.Option("--overdue", help="Only those whose part should be back by now.")] = False,
    customer: Annotated[str | None, typer.Option(help="Only this customer's.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=5000, help="The newest so many.")] = 200,
    as_json: JsonFlag = False,
) -> None:
    """List part orders, newest first."""
    found = talk.get(ctx, "/part-orders", case=case, depot=depot, overdue=overdue, customer=customer, limit=limit)[
        "orders"
    ]
    if as_json:
        talk.show_json(found)
        return
    rows = (
        (
            one["id"],
            one["case_number"],
            one["priority"],
            word(f"order.{one['state']}"),
            one["asset_name"],
            " ".join(filter(None, (one["component"], one["old"]["slot"]))),
            one["part_number"] or ", ".join(one["wanted"]),
            one["depot"] or "-",
            one["new_serial"] or "-",
            one["old_serial"] or "-",
            talk.time(one["due_back_ms"]),
        )
        for one in found
    )
    columns = heads(
        "order", "case", "priority", "state", "asset", "part", "part number", "depot", "new serial", "old serial",
        "due back",
    )  # fmt: skip
    talk.show_table("", columns, rows, empty=_("No part orders."))


def reserve(
    ctx: typer.Context,
    case: Annotated[str, typer.Argument(help="Number of the case, or of an order that waits.")],
    part_number: Annotated[str, typer.Option("--part", help="This part number; default: what fits.")] = "",
    depot: Annotated[str, typer.Option(help="From this depot; default: the nearest that meets the clock.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Want a part for a case: reserved where one lies, else the case waits for it."""
    if case.isdecimal():
        _show(talk.post(ctx, f"/part-orders/{case}/reserve", depot=depot), as_json)
    else:
        _show(talk.post(ctx, "/part-orders", case=case, part_number=part_number, depot=depot), as_json)


def ship(
    ctx: typer.Context,
    order: Order,
    serial: Serial = "",
    tracking: Annotated[str, typer.Option(help="The carrier's number.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """A reserved part is on its way to the site."""
    _step(ctx, order, "ship", as_json, serial=serial, tracking=tracking)


def receive_at_site(ctx: typer.Context, order: Order, serial: Serial = "", as_json: JsonFlag = False) -> None:
    """The part arrived, was taken along by the engineer, or was found again."""
    _step(ctx, order, "receive", as_json, serial=serial)


def install(
    ctx: typer.Context, order: Order, serial: Serial = "", old_serial: OldSerial = "", as_json: JsonFlag = False
) -> None:
    """The new part is in the machine. Without serial: it has none."""
    _step(ctx, order, "install", as_json, serial=serial, old_serial=old_serial)


def correct(
    ctx: typer.Context, order: Order, serial: Serial = "", old_serial: OldSerial = "", as_json: JsonFlag = False
) -> None:
    """Put serials right that were entered wrong at installation; they are looked for anew."""
    _step(ctx, order, "correct", as_json, serial=serial, old_serial=old_serial)


def send_back(
    ctx: typer.Context,
    order: Order,
    tracking: Annotated[str, typer.Option(help="The carrier's number.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """The old part, a dead one or one that was not needed is on its way back."""
    _step(ctx, order, "send_back", as_json, tracking=tracking)


def return_received(ctx: typer.Context, order: Order, as_json: JsonFlag = False) -> None:
    """It is back; what was not needed is free in its depot again."""
    _step(ctx, order, "receive_back", as_json)


def dead(ctx: typer.Context, order: Order, reason: Reason = "", as_json: JsonFlag = False) -> None:
    """The new part is dead on arrival: it goes back, and another one is wanted."""
    _step(ctx, order, "declare_dead", as_json, reason=reason)


def keep(ctx: typer.Context, order: Order, reason: Reason = "", as_json: JsonFlag = False) -> None:
    """The old part stays with the customer, as a drive with data."""
    _step(ctx, order, "keep", as_json, reason=reason)


def lost(ctx: typer.Context, order: Order, reason: Reason = "", as_json: JsonFlag = False) -> None:
    """The part is missing. Where it was the new one, another is wanted."""
    _step(ctx, order, "lose", as_json, reason=reason)


def cancel(ctx: typer.Context, order: Order, reason: Reason = "", as_json: JsonFlag = False) -> None:
    """The part is not wanted any more, and has not been sent."""
    _step(ctx, order, "cancel", as_json, reason=reason)


def _step(ctx: typer.Context, order: int, step: str, as_json: bool, **details: str) -> None:
    _show(talk.post(ctx, f"/part-orders/{order}/{step}", **details), as_json)


def _show(order: dict[str, Any], as_json: bool) -> None:
    if as_json:
        talk.show_json(order)
        return
    told = _("part order {id} for {case_number}: {state}")
    line = told.format(id=order["id"], case_number=order["case_number"], state=word(f"order.{order['state']}"))
    what = ", ".join(filter(None, (order["part_number"], order["depot"], order["new_serial"])))
    talk.say(f"{line} ({what})" if what else line)
