"""`hardcase-collector assets ...`, and the clients of `rules`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from hardcase_collector.commands import books, depots, talk
from hardcase_collector.commands.talk import JsonFlag
from hardcase_collector.tongue import _, heads, word

app = typer.Typer(no_args_is_help=True, help="List and show assets, their readings, coverage and gaps.")
joining = typer.Typer(no_args_is_help=True, help="Settle what was found while an asset was joining.")
app.add_typer(joining, name="joining")
app.command()(depots.record)

Name = Annotated[str, typer.Argument(help="Number, host name, serial or key of the asset.")]
Reason = Annotated[str, typer.Option("--reason", "-r", help="Why; kept with the decision.")]

Findings = Annotated[list[int] | None, typer.Option("--finding", help="Number of one finding; repeat. Default: all.")]


class Mode(StrEnum):
    JOINING = "joining"
    LIVE = "live"
    OBSERVE = "observe"


@app.command("list")
def list_assets(
    ctx: typer.Context,
    search: Annotated[str, typer.Argument(help="Words of host name, vendor, model or serial.")] = "",
    customer: Annotated[str | None, typer.Option(help="Only this customer's.")] = None,
    page: Annotated[int, typer.Option(min=1, help="Which page of up to 5,000.")] = 1,
    as_json: JsonFlag = False,
) -> None:
    """List assets, worst first."""
    answer = talk.get(ctx, "/assets", search=search, customer=customer, page=page)
    lines = answer["assets"]
    if as_json:
        talk.show_json(lines)
        return
    rows = (
        (
            line["asset"]["id"],
            _name(line["asset"]),
            talk.condition(line["condition"]),
            word(f"mode.{line['asset']['mode']}"),
            line["open_cases"],
            _("{watched} watched, {unreadable} unreadable").format(**line),
            talk.time(line["last_reading_ms"]),
            _watched_by(line),
        )
        for line in lines
    )
    columns = heads("id", "asset", "condition", "mode", "cases", "coverage", "last reading", "watched by")
    talk.show_table("", columns, rows, empty=_("No assets."))
    if answer["pages"] > 1:
        talk.complain(_("page {page} of {pages}, {found} assets in all").format(**answer))


def _name(asset: dict[str, Any]) -> str:
    facts = asset["facts"]
    name = facts["hostname"] or facts["address"] or facts["serial"] or asset["key"]
    return _("{name} (rehearsal)").format(name=name) if facts["rehearsal"] else str(name)


def _watched_by(line: dict[str, Any]) -> str:
    agents = ", ".join(line["agents"])
    if not agents:
        return _("no agent yet")
    return _("{agents} (silent)").format(agents=agents) if line["silent"] else agents


@app.command()
def show(ctx: typer.Context, name: Name, as_json: JsonFlag = False) -> None:
    """Show one asset: readings with gaps and limits, coverage, findings."""
    picture = talk.get(ctx, f"/assets/{talk.in_path(name)}")
    if as_json:
        talk.show_json(picture)
        return
    line = picture["line"]
    asset = line["asset"]
    facts = asset["facts"]
    talk.show_facts(
        {
            _("asset"): f"{asset['id']} {_name(asset)}",
            _("key"): _("{key} (by {basis})").format(key=asset["key"], basis=word(f"basis.{asset['basis']}")),
            _("hardware"): " ".join(filter(None, (facts["vendor"], facts["model"], facts["serial"]))) or "-",
            _("condition"): talk.condition(line["condition"]),
            _("mode"): word(f"mode.{asset['mode']}"),
            _("watched by"): _watched_by(line),
            _("last reading"): talk.time(line["last_reading_ms"]),
        }
    )
    _show_readings(picture)
    _show_coverage(picture)
    talk.say()
    talk.show_table(
        _("What is wrong now"),
        heads("id", "severity", "fault", "part", "since", "held", "what"),
        (
            (
                row["id"],
                talk.severity(row["severity"]),
                row["fault_class"],
                talk.part(row["part"]),
                talk.time(row["since_ms"]),
                word(f"why.{row['held']}") if row["held"] else "-",
                talk.pairs(row["evidence"]),
            )
            for row in picture["findings"]
        ),
        empty=_("Nothing known."),
    )


def _show_coverage(picture: dict[str, Any]) -> None:
    talk.say()
    talk.show_table(
        _("Coverage"),
        heads("component", "source", "status", "reason", "what to do"),
        (
            (
                word(f"component.{row['component']}"),
                source,
                word(f"coverage.{row['status']}"),
                row["reason"],
                row["cure"],
            )
            for source, row in picture["coverage"]
        ),
        empty=_("Not told yet."),
    )


def _show_readings(picture: dict[str, Any]) -> None:
    talk.say()
    talk.show_table(
        _("Readings"),
        heads("source", "sensor", "value", "level", "limits", "taken"),
        (
            (
                row["source"],
                row["name"],
                _value(row),
                talk.severity(row["severity"]) if row["severity"] != "cleared" else "",
                ", ".join(f"{limit['name']} {limit['value']:g} ({limit['source']})" for limit in row["limits"]),
                talk.time(row["time_ms"]),
            )
            for row in picture["readings"]
        ),
        empty=_("No reading has arrived yet."),
    )


def _value(row: dict[str, Any]) -> str:
    if row["gap"]:
        age = row["gap_age_s"]
        gap = word(f"gap.{row['gap']}")
        if age is None:
            return _("gap: {gap}, never a value").format(gap=gap)
        return _("gap: {gap}, last {age} s before").format(gap=gap, age=age)
    if row["has_states"]:
        return ", ".join(row["states"]) or _("nothing asserted")
    unit = {"Cel": "°C", "1": ""}.get(row["unit"], row["unit"])
    value = f"{row['value']:g} {unit}".strip()
    if not row.get("worn_out_ms"):
        return value
    return _("{value}, worn out about {month}").format(value=value, month=talk.time(row["worn_out_ms"])[:7])


@app.command()
def mode(
    ctx: typer.Context,
    name: Name,
    mode: Annotated[Mode, typer.Argument(help="joining, live or observe.")],
    hours: Annotated[float, typer.Option(help="How long joining lasts.")] = 24.0,
) -> None:
    """Change how findings of an asset are treated."""
    asset = talk.post(ctx, f"/assets/{talk.in_path(name)}/mode", mode=mode.value, hours=hours)
    talk.say(f"{_name(asset)}: {word('mode.' + asset['mode'])}")


@app.command("accept-baseline")
def accept_baseline(
    ctx: typer.Context,
    name: Name,
    sensor: Annotated[str, typer.Argument(help="Id or name of the sensor, from `assets show --json`.")],
    rule: Annotated[str, typer.Argument(help="Name of the rule, from `rules list`.")],
    reason: Reason,
) -> None:
    """Accept a counter's present value: tell me only if it grows."""
    accepted = talk.post(ctx, f"/assets/{talk.in_path(name)}/baseline", sensor=sensor, rule=rule, reason=reason)
    talk.say(_("{sensor}: {value:g} accepted for {rule}").format(**accepted))


def _settle(ctx: typer.Context, name: str, reason: str, findings: list[int] | None, *, open_cases: bool) -> None:
    settled = talk.post(
        ctx, f"/assets/{talk.in_path(name)}/joining", open_cases=open_cases, reason=reason, findings=findings or []
    )
    done = _("{findings} findings opened") if open_cases else _("{findings} findings accepted as baseline")
    talk.say(done.format(**settled))


@joining.command("accept")
def joining_accept(ctx: typer.Context, name: Name, reason: Reason, finding: Findings = None) -> None:
    """Accept what was found at joining as baseline: all of it, then the asset is live, or single findings."""
    _settle(ctx, name, reason, finding, open_cases=False)


@joining.command("open")
def joining_open(ctx: typer.Context, name: Name, reason: Reason, finding: Findings = None) -> None:
    """Open cases for what was found at joining: for all of it, then the asset is live, or for single findings."""
    _settle(ctx, name, reason, finding, open_cases=True)


class Importance(StrEnum):
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


@app.command()
def edit(
    ctx: typer.Context,
    name: Name,
    owner: Annotated[str | None, typer.Option(help="Whose it is; its agents go with it.")] = None,
    site: Annotated[str | None, typer.Option(help="Where it stands.")] = None,
    rack: Annotated[str | None, typer.Option()] = None,
    unit: Annotated[int | None, typer.Option(min=0, max=100, help="Lowest height unit; 0: not told.")] = None,
    feed: Annotated[list[str] | None, typer.Option(help="Power feed it hangs on; repeat, all of them.")] = None,
    group: Annotated[str | None, typer.Option(help="Group with contacts of its own.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Repeat, all of them.")] = None,
    importance: Annotated[Importance | None, typer.Option(help="Weighs in its cases' priority.")] = None,
    installed: Annotated[str | None, typer.Option(help="Day, as 2026-01-31.")] = None,
    customer: Annotated[str | None, typer.Option(help="Only an asset of this customer.")] = None,
) -> None:
    """Change what the books say of an asset: what is given; "" empties."""
    values = {
        "asset": name,
        "customer": owner,
        "site": site,
        "rack": rack,
        "unit": unit,
        "feeds": ";".join(feed) if feed is not None else None,
        "group": group,
        "tags": ";".join(tag) if tag is not None else None,
        "importance": importance.value if importance else None,
        "installed": installed,
    }
    books.put(ctx, "asset", values, fresh=None, customer=customer)


@app.command("add")
def add_asset(
    ctx: typer.Context,
    owner: Annotated[str, typer.Argument(help="Whose it is.")],
    vendor: Annotated[str, typer.Argument(help="As its label says.")],
    serial: Annotated[str, typer.Argument(help="Its system serial.")],
    model: Annotated[str | None, typer.Option()] = None,
    node: Annotated[str | None, typer.Option(help="Of a chassis with several: which.")] = None,
    site: Annotated[str | None, typer.Option(help="Where it stands.")] = None,
    rack: Annotated[str | None, typer.Option()] = None,
) -> None:
    """Add an asset to the books that no agent has seen yet; it is bound when one does."""
    values = {
        "customer": owner,
        "vendor": vendor,
        "serial": serial,
        "model": model,
        "node": node,
        "site": site,
        "rack": rack,
    }
    books.put(ctx, "asset", values, fresh=True, customer=owner)
