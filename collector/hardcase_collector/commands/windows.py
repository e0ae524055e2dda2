"""`hardcase-collector windows ...`: maintenance windows, in which findings are recorded and shown but open nothing."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from hardcase_collector.commands import talk
from hardcase_collector.commands.talk import JsonFlag
from hardcase_collector.tongue import _, heads, word

app = typer.Typer(
    no_args_is_help=True, help="Maintenance windows: findings are recorded and shown, but open no case until the end."
)

AssetOption = Annotated[str, typer.Option("--asset", help="Number, host name, serial or key of an asset.")]
SiteOption = Annotated[str, typer.Option("--site", help="Name of a site.")]
RackOption = Annotated[str, typer.Option("--rack", help="A rack, as site/rack.")]
TagOption = Annotated[str, typer.Option("--tag", help="Every asset with this tag.")]
WholeFlag = Annotated[bool, typer.Option("--whole-customer", help="Every asset of the customer.")]
CustomerOption = Annotated[str, typer.Option(help="Whose site, rack or tag; without it: the configured customer.")]
ReasonOption = Annotated[str, typer.Option("--reason", "-r", help="Why; stands in every answer to why.")]
WindowArgument = Annotated[str, typer.Argument(help="Id of the window, from `windows list`.")]


@app.command()
def now(
    ctx: typer.Context,
    asset: AssetOption = "",
    site: SiteOption = "",
    rack: RackOption = "",
    tag: TagOption = "",
    whole_customer: WholeFlag = False,
    customer: CustomerOption = "",
    hours: Annotated[float, typer.Option(min=0.01, max=8760, help="How long.")] = 2.0,
    reason: ReasonOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Open a window now. An asset that joins the site, rack or tag while it runs is inside."""
    target = _target(asset, site, rack, tag, whole_customer, customer)
    _tell(talk.post(ctx, "/windows", target=target, hours=hours, reason=reason), as_json)


@app.command()
def plan(
    ctx: typer.Context,
    begins: Annotated[str, typer.Option("--from", help="As 2026-12-24T22:00, local time of the site.")],
    ends: Annotated[str, typer.Option("--until", help="As 2026-12-25T02:00, local time of the site.")],
    asset: AssetOption = "",
    site: SiteOption = "",
    rack: RackOption = "",
    tag: TagOption = "",
    whole_customer: WholeFlag = False,
    customer: CustomerOption = "",
    weekly: Annotated[bool, typer.Option("--weekly", help="Again every week at these local hours.")] = False,
    last: Annotated[str, typer.Option(help="Weekly: over for good then; without it: until it is ended.")] = "",
    zone: Annotated[str, typer.Option(help="As Asia/Shanghai; without it: the site's, else UTC.")] = "",
    reason: ReasonOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Plan a window, once or every week."""
    if last and not weekly:
        talk.fail(_("--last is for weekly windows"), 2)
    hours = {"begins": begins, "ends": ends, "weekly": weekly, "last": last, "time_zone": zone}
    target = _target(asset, site, rack, tag, whole_customer, customer)
    _tell(talk.post(ctx, "/windows/plan", target=target, hours=hours, reason=reason), as_json)


@app.command("list")
def list_windows(
    ctx: typer.Context,
    customer: Annotated[str | None, typer.Option(help="Only this customer's.")] = None,
    past: Annotated[int, typer.Option(min=0, max=731, help="Also those that ended in the last so many days.")] = 0,
    as_json: JsonFlag = False,
) -> None:
    """List windows that run or are to come."""
    found = talk.get(ctx, "/windows", customer=customer, past_days=past)["windows"]
    if as_json:
        talk.show_json(found)
        return
    rows = (
        (
            one["id"],
            word(f"breadth.{one['breadth']}"),
            one["name"] or "-",
            one["customer"],
            _("runs") if one["running"] else "",
            talk.time(one["from_ms"]),
            talk.time(one["until_ms"]),
            _("weekly") if one["weekly"] else "",
            one["by"],
            one["reason"],
        )
        for one in found
    )
    columns = heads("id", "for", "name", "customer", "now", "from", "until", "again", "by", "reason")
    talk.show_table("", columns, rows, empty=_("No window runs or is planned."))


@app.command()
def extend(
    ctx: typer.Context,
    window: WindowArgument,
    hours: Annotated[float, typer.Option(min=0.01, max=8760, help="So long from now on.")] = 2.0,
    as_json: JsonFlag = False,
) -> None:
    """Let the running window end so many hours from now."""
    _tell(talk.post(ctx, f"/windows/{talk.in_path(window)}/extend", hours=hours), as_json)


@app.command()
def end(
    ctx: typer.Context,
    window: WindowArgument,
    for_good: Annotated[bool, typer.Option("--for-good", help="A weekly one does not come again either.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """End a running window now, or call a planned one off. What still fires opens its cases."""
    ended = talk.post(ctx, f"/windows/{talk.in_path(window)}/end", for_good=for_good)
    if as_json:
        talk.show_json(ended)
        return
    talk.say(_("window {id} ended").format(id=ended["id"]))


def _target(asset: str, site: str, rack: str, tag: str, whole_customer: bool, customer: str) -> dict[str, str]:
    named = [
        (breadth, name) for breadth, name in (("asset", asset), ("site", site), ("rack", rack), ("tag", tag)) if name
    ]
    if whole_customer:
        named.append(("customer", ""))
    if len(named) != 1:
        talk.fail(_("say one of --asset, --site, --rack, --tag, --whole-customer"), 2)
    breadth, name = named[0]
    return {"breadth": breadth, "name": name, "customer": customer}


def _tell(window: dict[str, Any], as_json: bool) -> None:
    if as_json:
        talk.show_json(window)
        return
    told = _("window {id} for {breadth} {name}: from {begins} until {ends}")
    talk.say(
        told.format(
            id=window["id"],
            breadth=word(f"breadth.{window['breadth']}"),
            name=window["name"] or window["customer"],
            begins=talk.time(window["from_ms"]),
            ends=talk.time(window["until_ms"]),
        )
    )
