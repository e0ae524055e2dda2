"""`hardcase-collector depots ...`, and `assets record`: where spare parts lie, and what was put into which machine."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from hardcase_collector.commands import talk
from hardcase_collector.commands.talk import JsonFlag
from hardcase_collector.tongue import _, heads, word

app = typer.Typer(no_args_is_help=True, help="Depots of spare parts and the sites they serve.")


@app.command("list")
def list_depots(
    ctx: typer.Context,
    customer: Annotated[str | None, typer.Option(help="Only those that serve this customer.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """List depots with the sites they serve, in the order in which they are asked."""
    found = talk.get(ctx, "/depots", customer=customer)["depots"]
    if as_json:
        talk.show_json(found)
        return
    rows = (
        (
            one["name"],
            one["title"] or "-",
            " ".join(filter(None, (one["country"], one["place"]))) or "-",
            one["customer"] or _("all"),
            ", ".join(map(_served, one["serves"])) or "-",
        )
        for one in found
    )
    talk.show_table("", heads("depot", "title", "place", "for", "serves"), rows, empty=_("No depots."))


def _served(service: dict[str, Any]) -> str:
    where = "/".join(filter(None, (service["customer"], service["site"])))
    return _("{where} ({rank}, {minutes} min)").format(
        where=where, rank=service["rank"], minutes=service["travel_minutes"]
    )


@app.command()
def add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Short name, the key of the depot.")],
    title: Annotated[str, typer.Option(help="As people call it.")] = "",
    country: Annotated[str, typer.Option(help="Two letters, as CN.")] = "",
    place: Annotated[str, typer.Option(help="Address or town.")] = "",
    dedicated: Annotated[str, typer.Option(help="A store for this customer alone.")] = "",
    serves: Annotated[
        list[str] | None, typer.Option("--serves", help="customer/site, or a customer for all of his sites; repeat.")
    ] = None,
    travel: Annotated[int, typer.Option(min=0, max=43_200, help="Minutes to those sites.")] = 60,
    rank: Annotated[int, typer.Option(min=1, max=99, help="1 = asked first by those sites.")] = 1,
    as_json: JsonFlag = False,
) -> None:
    """Add a depot, or change it; further sites may be given later."""
    made = talk.post(
        ctx,
        "/depots",
        name=name,
        title=title,
        country=country,
        place=place,
        customer=dedicated,
        serves=serves or [],
        travel_minutes=travel,
        rank=rank,
    )
    if as_json:
        talk.show_json(made)
    else:
        talk.say(_("{name} is in the books").format(name=made["name"]))


def record(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Number, host name, serial or key of the asset.")],
    as_json: JsonFlag = False,
) -> None:
    """Show the maintenance record of an asset: what failed, what was replaced by whom, how often which slot."""
    found = talk.get(ctx, f"/assets/{talk.in_path(name)}/record")
    if as_json:
        talk.show_json(found)
        return
    rows = [
        (
            repair["case"],
            talk.time(repair["opened_ms"]),
            talk.part(repair["part"]),
            ", ".join(repair["fault_classes"]),
            "; ".join(map(_replaced, repair["replaced"])) or "-",
            word(f"state.{repair['state']}"),
            word(f"outcome.{repair['outcome']}") if repair["outcome"] else "-",
            repair["reopened"] or "-",
            repair["linked"] or "-",
        )
        for repair in found["repairs"]
    ]
    columns = heads(
        "case", "opened", "part", "fault", "replaced", "state", "result", "reopened", "recurrence of"
    )  # fmt: skip
    talk.show_table(_("Maintenance record"), columns, rows, empty=_("Nothing was ever repaired on it."))
    if not rows:
        return
    talk.say()
    slots = (
        (
            " ".join(filter(None, (slot["component"], slot["slot"]))),
            slot["failures"],
            slot["replaced"],
            " → ".join(slot["serials"]) or "-",
        )
        for slot in found["slots"]
    )
    talk.show_table(_("By place"), heads("place", "failures", "replaced", "serials"), slots, empty="")


def _replaced(one: dict[str, Any]) -> str:
    told = f"{one['part_number']} {one['old_serial'] or '?'} → {one['new_serial'] or '?'}"
    by = _("{time} by {name}").format(time=talk.time(one["at_ms"]), name=one["by"])
    words = [told, by, word(f"sighting.{one['sighting']}") if one["sighting"] else ""]
    if one["warranty_until"]:
        words.append(_("warranty until {day}").format(day=one["warranty_until"]))
    if one["in_use_again"]:
        words.append(_("the old part is in use again"))
    return ", ".join(filter(None, words))
