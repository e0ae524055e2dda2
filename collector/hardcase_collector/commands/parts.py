"""`hardcase-collector parts ...`: spare parts, what lies where, orders, what runs low, which promises are at risk.

Depots and the maintenance record of an asset are `depots.py`, the steps of orders `order_steps.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hardcase_collector.commands import talk
from hardcase_collector.commands.books import Form
from hardcase_collector.commands.order_steps import add_steps
from hardcase_collector.commands.talk import JsonFlag
from hardcase_collector.tongue import _, heads, ngettext, word

app = typer.Typer(no_args_is_help=True, help="Spare parts: catalogue, stock, orders, what runs low, spare risk.")
add_steps(app)

Scope = Annotated[str | None, typer.Option(help="Only this customer's.")]
DepotName = Annotated[str, typer.Argument(help="A depot, from `depots list`.")]
PartNumber = Annotated[str, typer.Argument(help="A part number, from `parts list`.")]
Serials = Annotated[list[str] | None, typer.Option("--serial", help="Serial of one of them; repeat.")]


@app.command("list")
def list_parts(
    ctx: typer.Context,
    search: Annotated[str, typer.Argument(help="Words of part number, title or vendor.")] = "",
    component: Annotated[str, typer.Option(help="As disk, psu, memory.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """List the catalogue of spares with what is free in all depots."""
    found = talk.get(ctx, "/parts", search=search, component=component)["parts"]
    if as_json:
        talk.show_json(found)
        return
    rows = (
        (
            one["part_number"],
            one["component"],
            one["title"] or "-",
            one["vendor"] or "-",
            one["free"],
            ", ".join(one["interchangeable"]) or "-",
            "; ".join(map(_fit, one["fits"])) or "-",
        )
        for one in found
    )
    columns = heads("part number", "component", "title", "vendor", "free", "interchangeable", "fits")
    talk.show_table("", columns, rows, empty=_("No spares: import the site's with `parts import`."))


def _fit(fit: dict[str, Any]) -> str:
    told = (fit["vendor"], fit["asset_model"], fit["part_model"], fit["part_number"])
    return " ".join(filter(None, told))


@app.command("import")
def load(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="CSV files, one a kind, or TOML files with all kinds.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and every mistake.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Take depots, spares, what fits what, and counted stock from files: all of it, or with any mistake nothing."""
    texts = {str(file): _read(file) for file in files}
    answer = talk.post(ctx, "/parts/import", files=texts, dry_run=dry_run)
    if as_json:
        talk.show_json(answer)
    else:
        _show_changes(answer)
    if answer["mistakes"]:
        raise typer.Exit(talk.FAILED)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        talk.fail(_("{file}: is not UTF-8; save it as UTF-8 (in Excel: CSV UTF-8)").format(file=file), 2)
    except OSError as error:
        talk.fail(_("{path}: cannot be read: {error}").format(path=file, error=error.strerror), 2)


def _show_changes(answer: dict[str, Any]) -> None:
    for mistake in answer["mistakes"]:
        talk.complain(mistake)
    if answer["mistakes"]:
        count = len(answer["mistakes"])
        said = ngettext("{count} mistake; nothing was changed.", "{count} mistakes; nothing was changed.", count)
        talk.complain(said.format(count=count))
        return
    rows = (
        (word(f"turn.{one['turn']}"), word(f"kind.{one['kind']}"), " ".join(filter(None, one["key"])))
        for one in answer["changes"]
    )
    talk.show_table("", heads("turn", "kind", "which"), rows, empty=_("Nothing changes."))
    if not answer["done"] and answer["changes"]:
        talk.say(_("Nothing was changed: this was a dry run."))


@app.command("export")
def save(
    ctx: typer.Context,
    to: Annotated[
        Path | None, typer.Option("--to", help="Folder for the files. Default: one form to the screen.")
    ] = None,
    form: Annotated[Form, typer.Option("--form", help="csv: one file a kind; toml: one file for all.")] = Form.TOML,
    as_json: JsonFlag = False,
) -> None:
    """Write depots, spares, fits and stock to files that import takes back."""
    files: dict[str, str] = talk.get(ctx, "/parts/export", form=form.value)["files"]
    if as_json:
        talk.show_json(files)
        return
    for name, text in files.items():
        if to is None:
            if form is Form.CSV:
                talk.complain(name)
            talk.say(text.rstrip("\n"))
            continue
        try:
            to.mkdir(parents=True, exist_ok=True)
            # With a byte order mark a spreadsheet knows that it is UTF-8; reading takes it off.
            (to / name).write_text(text, encoding="utf-8-sig" if form is Form.CSV else "utf-8")
        except OSError as error:
            talk.fail(_("{path}: cannot be written: {error}").format(path=to / name, error=error.strerror))
        talk.say(str(to / name))


@app.command()
def stock(
    ctx: typer.Context,
    depot: Annotated[str, typer.Option(help="Only this depot.")] = "",
    part_number: Annotated[str, typer.Option("--part", help="Only this part number.")] = "",
    customer: Scope = None,
    as_json: JsonFlag = False,
) -> None:
    """Show how many of which part are where."""
    _show_stock(
        talk.get(ctx, "/stock", depot=depot, part_number=part_number, customer=customer)["stock"],
        as_json,
        _("Nothing in stock."),
    )


@app.command()
def low(ctx: typer.Context, customer: Scope = None, as_json: JsonFlag = False) -> None:
    """List stock at its reorder point or below its minimum."""
    lines = talk.get(ctx, "/stock", low=True, customer=customer)["stock"]
    _show_stock(lines, as_json, _("No stock is low."))


def _show_stock(lines: list[dict[str, Any]], as_json: bool, empty: str) -> None:
    if as_json:
        talk.show_json(lines)
        return
    rows = (
        (
            line["depot"],
            line["part_number"],
            line["title"] or line["component"],
            line["free"],
            line["reserved"],
            line["in_transit"] + line["at_site"],
            line["installed"],
            line["returned"] + line["lost"],
            f"{line['minimum']} / {line['reorder_point']}",
            word(f"level.{line['level']}") if line["level"] else "-",
            ", ".join(line["serials"]) or "-",
        )
        for line in lines
    )
    columns = heads(
        "depot", "part number", "what", "free", "reserved", "out", "installed", "bad or lost", "minimum / reorder",
        "level", "serials",
    )  # fmt: skip
    talk.show_table("", columns, rows, empty=empty)


@app.command()
def receive(
    ctx: typer.Context,
    depot: DepotName,
    part_number: PartNumber,
    count: Annotated[int, typer.Option(min=0, help="How many; default: as many as serials are given.")] = 0,
    serials: Serials = None,
    as_json: JsonFlag = False,
) -> None:
    """Goods came into a depot: cases that wait for them are served at once, by priority, then age."""
    told = serials or []
    line = talk.post(
        ctx, "/stock/receive", depot=depot, part_number=part_number, count=count or len(told) or 1, serials=told
    )
    _told(line, as_json)


@app.command()
def withdraw(
    ctx: typer.Context,
    depot: DepotName,
    part_number: PartNumber,
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why; stands in the audit log.")],
    count: Annotated[int, typer.Option(min=1, help="How many.")] = 1,
    serials: Serials = None,
    as_json: JsonFlag = False,
) -> None:
    """Take free parts out of the books: scrapped, given elsewhere, counted wrong."""
    line = talk.post(
        ctx,
        "/stock/withdraw",
        depot=depot,
        part_number=part_number,
        count=max(count, len(serials or [])),
        serials=serials or [],
        reason=reason,
    )
    _told(line, as_json)


@app.command()
def marks(
    ctx: typer.Context,
    depot: DepotName,
    part_number: PartNumber,
    minimum: Annotated[int, typer.Option(min=0, help="Below this stock is low.")],
    reorder: Annotated[int, typer.Option(min=0, help="At this many it is time to order.")] = 0,
    as_json: JsonFlag = False,
) -> None:
    """Say at how many it is told that stock runs low."""
    line = talk.post(ctx, "/stock/marks", depot=depot, part_number=part_number, minimum=minimum, reorder_point=reorder)
    _told(line, as_json)


def _told(line: dict[str, Any], as_json: bool) -> None:
    if as_json:
        talk.show_json(line)
        return
    told = _("{depot}: {part_number}: {free} free, {reserved} reserved")
    talk.say(told.format(**line))


@app.command()
def risk(
    ctx: typer.Context,
    within: Annotated[float, typer.Option(min=0.1, max=240, help="Promises of at most this many hours.")] = 8.0,
    customer: Scope = None,
    as_json: JsonFlag = False,
) -> None:
    """Show which depots can still keep the plans' promises, and what to order."""
    lines = talk.get(ctx, "/spare-risk", within_hours=f"{within:g}", customer=customer)["risk"]
    if as_json:
        talk.show_json(lines)
        return
    rows = (
        (
            line["depot"] or _("(no depot)"),
            line["part_number"] or _("(no spare known)"),
            line["free"],
            line["open_demand"],
            line["predicted_demand"],
            line["left"],
            len(line["at_risk"]),
            line["to_order"] or "-",
        )
        for line in lines
    )
    columns = heads(
        "depot", "part number", "free", "open demand", "predicted", "left", "promises at risk", "to order"
    )  # fmt: skip
    talk.show_table("", columns, rows, empty=_("No demand, and no promise at risk."))
    _show_promises([one for line in lines for one in line["at_risk"]])


def _show_promises(at_risk: list[dict[str, Any]]) -> None:
    if not at_risk:
        return
    talk.say()
    rows = (
        (one["asset"], one["plan"], f"{one['within_minutes'] / 60:g} h", word(f"danger.{one['danger']}"), one["what"])
        for one in at_risk
    )
    talk.show_table(_("Promises at risk"), heads("asset", "plan", "within", "why", "what"), rows, empty="")
