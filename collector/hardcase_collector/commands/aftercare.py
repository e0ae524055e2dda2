"""`hardcase-collector cases handoff|handoff-text|service-report|follow-up ...`: vendors, papers, afterwards."""

from __future__ import annotations

import base64
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from hardcase_collector.commands import talk
from hardcase_collector.commands.asking import at_ms
from hardcase_collector.commands.repairs import Channel, Heard, Names, Number, Reason, Who, path, show_links
from hardcase_collector.commands.talk import JsonFlag
from hardcase_collector.tongue import _, language, word

app = typer.Typer()
handoff = typer.Typer(no_args_is_help=True, help="A repair that is a vendor's: handed over, his news, done.")
report = typer.Typer(no_args_is_help=True, help="Service reports: written, sent, signed, printed.")
follow_up = typer.Typer(no_args_is_help=True, help="After the repair: is it really solved?")
app.add_typer(handoff, name="handoff")
app.add_typer(report, name="service-report")
app.add_typer(follow_up, name="follow-up")

VendorCase = Annotated[str, typer.Option("--vendor-case", help="The vendor's number of it.")]
Rma = Annotated[str, typer.Option("--rma", help="RMA number.")]
Contract = Annotated[str, typer.Option("--contract", help="Contract number, if not that of the entitlement.")]
Promised = Annotated[str, typer.Option("--promised", help="When he will be done, as 2026-01-31T18:00.")]
Which = Annotated[str, typer.Option("--report", help="As R1. Default: the newest.")]


class ResultWord(StrEnum):
    REPAIRED = "repaired"
    PARTLY = "partly"
    NOT_REPAIRED = "not_repaired"
    NO_FAULT_FOUND = "no_fault_found"


class Kind(StrEnum):
    PDF = "pdf"
    HTML = "html"


class Tongue(StrEnum):
    EN = "en"
    ZH = "zh"


@handoff.command("open")
def hand_over(
    ctx: typer.Context,
    number: Number,
    vendor: Annotated[str, typer.Option(help="Default: that of the entitlement, else the machine's.")] = "",
    vendor_case: VendorCase = "",
    rma: Rma = "",
    contract: Contract = "",
    promised: Promised = "",
    as_json: JsonFlag = False,
) -> None:
    """Hand a case to a vendor."""
    body = {"vendor": vendor, "vendor_case": vendor_case, "rma": rma, "contract": contract}
    _vendor(ctx, number, "hand_over", {**body, "promised_ms": at_ms(promised) or 0}, as_json)


@handoff.command()
def update(
    ctx: typer.Context,
    number: Number,
    text: Annotated[str, typer.Argument(help="What he says.")] = "",
    vendor_case: VendorCase = "",
    rma: Rma = "",
    contract: Contract = "",
    promised: Promised = "",
    as_json: JsonFlag = False,
) -> None:
    """Note news of the vendor."""
    body = {"text": text, "vendor_case": vendor_case, "rma": rma, "contract": contract}
    _vendor(ctx, number, "update", {**body, "promised_ms": at_ms(promised) or 0}, as_json)


@handoff.command()
def done(
    ctx: typer.Context,
    number: Number,
    result: Annotated[str, typer.Argument(help="What he did.")],
    as_json: JsonFlag = False,
) -> None:
    """The vendor is done."""
    _vendor(ctx, number, "done", {"text": result}, as_json)


def _vendor(ctx: typer.Context, number: str, deed: str, body: dict[str, object], as_json: bool) -> None:
    told = talk.post(ctx, path(number, "vendor", deed), **body)["hand_off"]
    if as_json:
        talk.show_json(told)
        return
    talk.show_facts(
        {
            _("vendor"): told["vendor"],
            _("his number"): told["vendor_case"] or "-",
            "RMA": told["rma"] or "-",
            _("contract"): told["contract"] or "-",
            _("promised"): talk.time(told["promised_ms"]),
            _("done"): talk.time(told["done_ms"]),
        }
    )


@app.command("handoff-text")
def handoff_text(
    ctx: typer.Context,
    number: Number,
    tongue: Annotated[Tongue | None, typer.Option("--language", help="en or zh. Default: as --lang.")] = None,
) -> None:
    """What a vendor asks for, to be copied into his form."""
    told = talk.get(ctx, path(number, "vendor-text"), language=str(tongue or language()))
    talk.say(told["text"].rstrip("\n"))


@report.command()
def write(
    ctx: typer.Context,
    number: Number,
    found: Annotated[str, typer.Option(help="What was found.")],
    done: Annotated[str, typer.Option(help="What was done.")],
    result: Annotated[ResultWord, typer.Option(help="What came of it.")],
    visit: Annotated[int | None, typer.Option(help="Number of the visit. Default: the last one.")] = None,
    engineer: Annotated[str, typer.Option(help="Default: of the visit.")] = "",
    part: Annotated[
        list[str] | None, typer.Option(help="name,slot,part number,old serial,new serial. Default: of part orders.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Write a service report; its papers are kept with the case."""
    keys = ("name", "slot", "part_number", "old_serial", "new_serial")
    parts = None if not part else [dict(zip(keys, (one + ",,,,").split(","), strict=False)) for one in part]
    body = {"found": found, "done": done, "result": result, "visit": visit, "engineer": engineer, "parts": parts}
    made = talk.post(ctx, path(number, "service-reports"), **body)["service_report"]
    if as_json:
        talk.show_json(made)
    else:
        talk.say(made["number"])


@report.command()
def send(ctx: typer.Context, number: Number, report: Which = "", to: Names = None, as_json: JsonFlag = False) -> None:
    """Send it to the customer: links to read and sign it, shown once."""
    sent = talk.post(ctx, path(number, "service-reports", "send"), report=report, names=to or [])
    if as_json:
        talk.show_json(sent)
    else:
        show_links(sent["links"])


@report.command()
def sign(
    ctx: typer.Context,
    number: Number,
    who: Annotated[str, typer.Option("--who", help="Name of the one who signed.")],
    channel: Heard = Channel.IN_PERSON,
    report: Which = "",
    as_json: JsonFlag = False,
) -> None:
    """Note that the customer signed it."""
    route = path(number, "service-reports", "sign")
    signed = talk.post(ctx, route, signed_by=who, channel=channel, report=report)["service_report"]
    if as_json:
        talk.show_json(signed)
    else:
        talk.say(_("{report}: signed by {who}").format(report=signed["number"], who=signed["signed_by"]))


@report.command("print")
def print_report(
    ctx: typer.Context,
    number: Number,
    out: Annotated[Path | None, typer.Option("--out", help="File or folder. Default: this folder.")] = None,
    report: Which = "",
    tongue: Annotated[Tongue | None, typer.Option("--language", help="en or zh. Default: as --lang.")] = None,
    kind: Annotated[Kind, typer.Option(help="pdf or html.")] = Kind.PDF,
) -> None:
    """Write the paper into a file."""
    query = {"report": report, "language": str(tongue or language()), "kind": str(kind)}
    paper = talk.get(ctx, path(number, "service-reports", "paper"), **query)
    target = out or Path()
    if target.is_dir():
        target /= paper["name"]
    try:
        target.write_bytes(base64.b64decode(paper["content"]))
    except OSError as error:
        talk.fail(_("{path} cannot be written: {error}").format(path=target, error=error.strerror))
    talk.say(target)


@follow_up.command("ask")
def ask(ctx: typer.Context, number: Number, to: Names = None, as_json: JsonFlag = False) -> None:
    """Ask whether it is really solved: a link for each contact, shown once."""
    asked = talk.post(ctx, path(number, "follow-up", "ask"), names=to or [])
    if as_json:
        talk.show_json(asked)
    else:
        show_links(asked["links"])


@follow_up.command()
def rate(
    ctx: typer.Context,
    number: Number,
    score: Annotated[int, typer.Argument(min=1, max=5, help="1 to 5.")],
    who: Who,
    channel: Heard,
    comment: Annotated[str, typer.Option(help="What he said.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Record the customer's answer."""
    body: dict[str, Any] = {"who": who, "channel": channel, "score": score, "comment": comment}
    answered = talk.post(ctx, path(number, "follow-up", "rate"), **body)
    if as_json:
        talk.show_json(answered)
        return
    talk.say(f"{answered['follow_up']['score']}/5")
    if answered["reopen_offered"]:
        talk.complain(_("Not satisfied: open it again with `cases follow-up reopen`; he is asked again in any case."))


@follow_up.command()
def reopen(ctx: typer.Context, number: Number, reason: Reason, as_json: JsonFlag = False) -> None:
    """Open the case again after a low score."""
    _end(ctx, number, "reopen", reason, as_json)


@follow_up.command()
def drop(ctx: typer.Context, number: Number, reason: Reason, as_json: JsonFlag = False) -> None:
    """The customer wishes no further question."""
    _end(ctx, number, "drop", reason, as_json)


def _end(ctx: typer.Context, number: str, deed: str, reason: str, as_json: bool) -> None:
    told = talk.post(ctx, path(number, "follow-up", deed), reason=reason)
    if as_json:
        talk.show_json(told)
    else:
        talk.say(word(f"state.{told['state']}"))
