"""Part of `hardcase-collector cases`: what people report, and the files of a case. Registered by `cli.py`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from hardcase_collector.commands import talk
from hardcase_collector.commands.talk import JsonFlag
from hardcase_collector.tongue import _, heads, language, word

app = typer.Typer()

Number = Annotated[str, typer.Argument(help="Number of the case, as HC-20260101-0001.")]
Description = Annotated[str, typer.Argument(help="What is wrong, or what is wanted.")]
Channel = Annotated[
    Literal["phone", "mail", "chat", "web", "system"], typer.Option("--channel", help="How it reached us.")
]
Slot = Annotated[str, typer.Option(help="Where the part sits, as Bay 3.")]
Serial = Annotated[str, typer.Option(help="Serial number of the part.")]
CallerName = Annotated[str, typer.Option("--name", help="Who told it.")]
CallerMail = Annotated[str, typer.Option("--mail", help="His mail address.")]
CallerPhone = Annotated[str, typer.Option("--phone", help="His phone number.")]
Occurred = Annotated[str, typer.Option("--at", help="When it happened, as 2026-01-31T08:30; local unless it says.")]
Key = Annotated[str, typer.Option(help="Idempotency key: the same key and words give the same case.")]
Files = Annotated[list[Path] | None, typer.Option("--attach", "-a", help="A file to go with it; repeat.")]
VendorBundle = Annotated[
    bool, typer.Option("--vendor-bundle", help="What a vendor's own tool collected: an archive, and larger.")
]
Inside = Annotated[bool, typer.Option("--internal", help="Never shown to the customer.")]


@app.command()
def report(
    ctx: typer.Context,
    category: Annotated[str, typer.Argument(help="What it is about; `cases categories` lists them.")],
    description: Description,
    asset: Annotated[str, typer.Option(help="Number, host name, serial or key; without it name the customer.")] = "",
    slot: Slot = "",
    serial: Serial = "",
    customer: Annotated[str, typer.Option(help="Whose asset it is, where the asset is not known.")] = "",
    site: Annotated[str, typer.Option(help="Where it stands, where the asset is not known.")] = "",
    asset_told: Annotated[str, typer.Option(help="What the caller calls the asset.")] = "",
    channel: Channel = "phone",
    name: CallerName = "",
    mail: CallerMail = "",
    phone: CallerPhone = "",
    at: Occurred = "",
    title: Annotated[str, typer.Option(help="Instead of the first line of the description.")] = "",
    severity: Annotated[
        Literal["minor", "major", "critical"] | None, typer.Option(help="Where the category's own does not fit.")
    ] = None,
    priority: Annotated[
        Literal["P1", "P2", "P3", "P4"] | None, typer.Option(help="Where the customer sets it.")
    ] = None,
    key: Key = "",
    attach: Files = None,
    as_json: JsonFlag = False,
) -> None:
    """Report a fault or a request: opens a case."""
    made = talk.post(
        ctx,
        "/reports",
        category=category,
        description=description,
        asset=asset,
        slot=slot,
        serial=serial,
        customer=customer,
        site=site,
        asset_told=asset_told,
        channel=channel,
        caller_name=name,
        caller_mail=mail,
        caller_phone=phone,
        occurred_ms=_time(at),
        title=title,
        severity=severity or "",
        priority=priority,
        key=key,
    )
    _attach_all(ctx, made["case"]["number"], attach)
    _answer(made, as_json=as_json)


@app.command()
def join(
    ctx: typer.Context,
    number: Number,
    description: Description,
    category: Annotated[str, typer.Option(help="Where it is about something else than the case.")] = "",
    channel: Channel = "phone",
    name: CallerName = "",
    mail: CallerMail = "",
    phone: CallerPhone = "",
    at: Occurred = "",
    key: Key = "",
    attach: Files = None,
    as_json: JsonFlag = False,
) -> None:
    """Report the same to a case that is open already."""
    made = talk.post(
        ctx,
        f"/reports/join/{talk.in_path(number)}",
        category=category,
        description=description,
        channel=channel,
        caller_name=name,
        caller_mail=mail,
        caller_phone=phone,
        occurred_ms=_time(at),
        key=key,
    )
    _attach_all(ctx, number, attach)
    _answer(made, as_json=as_json)


@app.command()
def identify(
    ctx: typer.Context,
    number: Number,
    asset: Annotated[str, typer.Argument(help="Number, host name, serial or key of the asset.")],
    slot: Slot = "",
    serial: Serial = "",
) -> None:
    """Name the asset of a case that was reported without it."""
    talk.post(ctx, f"/reports/identify/{talk.in_path(number)}", asset=asset, slot=slot, serial=serial)
    talk.say(_("{number} is about {asset} now").format(number=number, asset=asset))


@app.command("reports")
def list_reports(ctx: typer.Context, number: Number, as_json: JsonFlag = False) -> None:
    """What people told about a case, and whom to ask back."""
    found = talk.get(ctx, f"/cases/{talk.in_path(number)}/reports")["reports"]
    if as_json:
        talk.show_json(found)
        return
    rows = (
        (
            talk.time(one["reported_ms"]),
            word(f"channel.{one['channel']}"),
            " ".join(filter(None, one["caller"].values())) or "-",
            one["description"],
            talk.time(one["occurred_ms"]),
            one["reported_by"],
        )
        for one in found
    )
    columns = heads("time", "channel", "caller", "description", "occurred", "by")
    talk.show_table("", columns, rows, empty=_("Nobody reported it."))


@app.command()
def categories(ctx: typer.Context, as_json: JsonFlag = False) -> None:
    """What may be reported."""
    found = talk.get(ctx, "/reports/categories", language=language())["categories"]
    if as_json:
        talk.show_json(found)
        return
    rows = ((one["category"], one["title"], talk.severity(one["severity"])) for one in found)
    talk.show_table("", heads("category", "title", "severity"), rows, empty=_("None."))


@app.command()
def attach(
    ctx: typer.Context,
    number: Number,
    file: Path,
    internal: Inside = False,
    vendor_bundle: VendorBundle = False,
    as_json: JsonFlag = False,
) -> None:
    """Attach a file: text, log, CSV, JSON, PNG, JPEG, PDF, ZIP or GZ; or a vendor's own bundle."""
    made = _attach(ctx, number, file, internal=internal, kind="vendor_bundle" if vendor_bundle else "file")
    if as_json:
        talk.show_json(made)
        return
    told = _("{name}: {size} bytes, sha256 {sha256}, attachment {id}")
    talk.say(told.format(name=made["name"], size=made["size"], sha256=made["sha256"], id=made["id"]))


@app.command("attachments")
def list_attachments(ctx: typer.Context, number: Number, as_json: JsonFlag = False) -> None:
    """List the files of a case."""
    found = talk.get(ctx, f"/cases/{talk.in_path(number)}/attachments")["attachments"]
    if as_json:
        talk.show_json(found)
        return
    rows = (
        (
            one["id"],
            one["name"],
            one["size"],
            talk.time(one["at_ms"]),
            one["attached_by"],
            _("internal") if one["internal"] else "",
            one["sha256"],
        )
        for one in found
    )
    columns = heads("id", "name", "bytes", "attached", "by", "seen by", "sha256")
    talk.show_table("", columns, rows, empty=_("No files."))


@app.command("save-attachment")
def save_attachment(
    ctx: typer.Context,
    id: Annotated[int, typer.Argument(help="Id from `cases attachments`.")],
    target: Annotated[Path, typer.Argument(help="File to write; must not exist.")],
) -> None:
    """Save a file of a case."""
    size = talk.save_file(ctx, f"/attachments/{id}/content", target)
    talk.say(_("{path}: {size} bytes").format(path=target, size=size))


@app.command("remove-attachment")
def remove_attachment(
    ctx: typer.Context,
    id: Annotated[int, typer.Argument(help="Id from `cases attachments`.")],
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why; stands on the timeline.")],
) -> None:
    """Remove a file from its case."""
    gone = talk.post(ctx, f"/attachments/{id}/remove", reason=reason)
    talk.say(_("{name} removed").format(name=gone["name"]))


def _attach_all(ctx: typer.Context, number: str, files: list[Path] | None) -> None:
    for file in files or ():
        _attach(ctx, number, file, internal=False)


def _attach(ctx: typer.Context, number: str, file: Path, *, internal: bool, kind: str = "file") -> Any:
    path = f"/attachments/{talk.in_path(number)}"
    return talk.send_file(ctx, path, file, name=file.name, internal=internal, kind=kind)


def _time(told: str) -> int:
    if not told:
        return 0
    try:
        return int(datetime.fromisoformat(told).astimezone().timestamp() * 1000)
    except ValueError:
        talk.fail(_("{time} is no time; write it as 2026-01-31T08:30").format(time=told), 2)


def _answer(made: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        talk.show_json(made)
        return
    number = made["case"]["number"]
    talk.say(number if made["fresh"] else _("{number} (reported before under this key)").format(number=number))
    others = [case for case in made["around"]["cases"] if case["number"] != number]
    if not (others or made["around"]["findings"]):
        return
    talk.say()
    rows = [
        (
            case["number"],
            talk.severity(case["severity"]),
            word(f"state.{case['state']}"),
            talk.part(case["part"]),
            case["title"],
        )
        for case in others
    ]
    rows += [
        ("-", talk.severity(row["severity"]), _("firing"), talk.part(row["part"]), row["title"])
        for row in made["around"]["findings"]
    ]
    title = _("Also open on this asset (cases join takes a report to an open case)")
    talk.show_table(title, heads("case", "severity", "state", "part", "fault"), rows, empty="")
