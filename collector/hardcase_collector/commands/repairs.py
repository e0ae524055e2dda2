"""`hardcase-collector cases propose|quote|ask|consent|refuse|...`: what is offered to the customer, and his word on it.

Visits are `visits.py`, vendors, service reports and follow-ups `aftercare.py`. All of them are commands of `cases`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer

from hardcase_collector.commands import repair_tables, talk
from hardcase_collector.commands.asking import at_ms
from hardcase_collector.commands.talk import JsonFlag
from hardcase_collector.tongue import _, heads, word

app = typer.Typer()

# Price, how many, and for a part its number: "300x2.5", "1250.50:00AB123".
_LINE = re.compile(r"(?P<price>\d+(?:\.\d+)?)(?:x(?P<quantity>\d+(?:\.\d+)?))?(?::(?P<rest>.+))?")

Number = Annotated[str, typer.Argument(help="Number of the case, as HC-20260101-0001.")]
Who = Annotated[str, typer.Option("--who", help="Who at the customer said so.")]
Reason = Annotated[str, typer.Option("--reason", "-r", help="Why; stands on the timeline.")]
AskFlag = Annotated[bool, typer.Option("--ask", help="Ask every contact who may consent at once, by link.")]
Names = Annotated[list[str] | None, typer.Option("--to", help="Only this contact; repeat. Default: all of the asset.")]


class Channel(StrEnum):
    PHONE = "phone"
    MAIL = "mail"
    CHAT = "chat"
    IN_PERSON = "in_person"


class MannerWord(StrEnum):
    REMOTE = "remote"
    ON_SITE = "on_site"
    PART = "part"


Heard = Annotated[Channel, typer.Option("--channel", help="How he said so.")]


def path(number: str, *steps: str) -> str:
    """Of a route below one case."""
    return "/".join(("/repairs", talk.in_path(number), *steps))


@app.command()
def repair(ctx: typer.Context, number: Number, as_json: JsonFlag = False) -> None:
    """Show proposals, quotes, visits, access, vendor, service reports and follow-ups of a case."""
    found = talk.get(ctx, path(number))
    if as_json:
        talk.show_json(found)
        return
    repair_tables.show_proposals(found["proposals"])
    for quote in found["quotes"]:
        show_quote(quote)
    repair_tables.show_visits(found["visits"])
    repair_tables.show_around(found)
    repair_tables.show_links(found["links"])


@app.command()
def propose(
    ctx: typer.Context,
    number: Number,
    solution: Annotated[str, typer.Argument(help="What is to be done.")],
    manner: Annotated[MannerWord, typer.Option(help="How.")],
    expected: Annotated[str, typer.Option(help="Until when, as 2026-01-31T08:00.")] = "",
    minutes: Annotated[int, typer.Option(min=0, help="How long it takes.")] = 0,
    self_repair: Annotated[bool, typer.Option("--self-repair", help="The customer fits the part himself.")] = False,
    step: Annotated[list[str] | None, typer.Option(help="A step; repeat. Default: those of the advice.")] = None,
    risk: Annotated[list[str] | None, typer.Option(help="A risk beyond the safety check; repeat.")] = None,
    instead_of: Annotated[
        int, typer.Option(min=0, help="Number of the proposal that stands, which this one replaces.")
    ] = 0,
    ask: AskFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Propose a solution to the customer. Older proposals, consents and links are void."""
    made = talk.post(
        ctx, path(number, "proposals"), solution=solution, manner=manner, self_repair=self_repair,
        expected_ms=at_ms(expected) or 0, duration_s=minutes * 60, steps=step or [], risks=risk or [],
        instead_of=instead_of, ask=ask,
    )  # fmt: skip
    if as_json:
        talk.show_json(made)
        return
    proposal = made["proposal"]
    talk.say(
        _("proposal {number}: {state}").format(number=proposal["number"], state=word(f"proposal.{proposal['state']}"))
    )
    for risk_told in proposal["risks"]:
        talk.complain(risk_told)
    if proposal["uncovered"]:
        kinds = ", ".join(word(f"quote_line.{kind}") for kind in proposal["uncovered"])
        talk.complain(_("not covered, to be quoted: {kinds}").format(kinds=kinds))
    show_links(made["links"])


@app.command()
def quote(
    ctx: typer.Context,
    number: Number,
    currency: Annotated[str, typer.Option(help="Three letters, as CNY.")],
    labour: Annotated[list[str] | None, typer.Option(help="Price, as 300 or 300x2.5; repeat.")] = None,
    travel: Annotated[list[str] | None, typer.Option(help="Price; repeat.")] = None,
    part: Annotated[
        list[str] | None, typer.Option(help="Price, with its part number as 1250.50:00AB123; repeat.")
    ] = None,
    goodwill: Annotated[bool, typer.Option("--goodwill", help="Nothing is asked for it.")] = False,
    days: Annotated[int, typer.Option(min=1, max=365, help="Valid for so many days.")] = 14,
    tax_note: Annotated[str, typer.Option(help="What the customer has to know about tax.")] = "",
    ask: AskFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Quote what the plan does not cover; a revision takes the place of the one before. Covered items stand as 0."""
    items = [
        _item(kind, text, goodwill)
        for kind, texts in (("labour", labour), ("travel", travel), ("part", part))
        for text in texts or []
    ]
    made = talk.post(
        ctx, path(number, "quotes"), items=items, currency=currency, tax_note=tax_note,
        valid_days=days, ask=ask,
    )  # fmt: skip
    if as_json:
        talk.show_json(made)
    else:
        show_quote(made["quote"])
        show_links(made["links"])


def _item(kind: str, text: str, goodwill: bool) -> dict[str, object]:
    told = _LINE.fullmatch(text)
    if told is None:
        talk.fail(_("{text} is no price; write 300, 300x2.5 or 1250.50:part-number").format(text=text), 2)
    rest = told["rest"] or ""
    named = {"part_number": rest} if kind == "part" else {"text": rest}
    return {
        "kind": kind,
        "unit_price": told["price"],
        "quantity": told["quantity"] or "1",
        "goodwill": goodwill,
        **named,
    }


def show_quote(quote: Mapping[str, Any]) -> None:
    rows = [
        (
            word(f"quote_line.{line['kind']}"),
            line["part_number"] or line["text"] or "-",
            line["quantity"],
            line["unit_price"],
            word(f"line_why.{line['why']}"),
            line["amount"],
        )
        for line in quote["lines"]
    ]
    rows.append((_("total"), quote["tax_note"], "", "", quote["currency"], quote["total"]))
    title = _("Quote {revision}: {state}, valid until {until}").format(
        revision=quote["revision"],
        state=word(f"quote.{quote['state']}"),
        until=talk.time(quote["valid_until_ms"]),
    )
    talk.show_table(title, heads("item", "what", "quantity", "price", "why", "amount"), rows, empty="")


@app.command()
def ask(ctx: typer.Context, number: Number, to: Names = None, as_json: JsonFlag = False) -> None:
    """Ask for consent: a link for each contact who may give it. Links are shown once."""
    made = talk.post(ctx, path(number, "ask"), names=to or [])
    if as_json:
        talk.show_json(made)
    else:
        show_links(made["links"])


def show_links(links: Sequence[Mapping[str, Any]]) -> None:
    for link in links:
        talk.say(f"{link['whom']}: {link['url']}")
    if links:
        talk.complain(_("Shown once; good until {until}.").format(until=talk.time(links[0]["expires_ms"])))


@app.command()
def consent(
    ctx: typer.Context,
    number: Number,
    who: Who,
    channel: Heard,
    quote: Annotated[int | None, typer.Option(help="Revision of the quote that is accepted with it.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Record the customer's consent to the proposal."""
    _decide(ctx, path(number, "consent"), who, channel, "", quote, as_json)


@app.command()
def refuse(
    ctx: typer.Context, number: Number, who: Who, channel: Heard, reason: Reason, as_json: JsonFlag = False
) -> None:
    """Record that the customer refuses the proposal."""
    _decide(ctx, path(number, "refuse"), who, channel, reason, None, as_json)


@app.command("accept-quote")
def accept_quote(
    ctx: typer.Context,
    number: Number,
    revision: Annotated[int, typer.Argument(help="Of the quote.")],
    who: Who,
    channel: Heard,
    as_json: JsonFlag = False,
) -> None:
    """Record that the customer accepts a quote after his consent."""
    _decide(ctx, path(number, "quotes", "accept"), who, channel, "", revision, as_json)


@app.command("refuse-quote")
def refuse_quote(
    ctx: typer.Context, number: Number, who: Who, channel: Heard, reason: Reason, as_json: JsonFlag = False
) -> None:
    """Record that the customer refuses a quote after his consent."""
    _decide(ctx, path(number, "quotes", "refuse"), who, channel, reason, None, as_json)


def _decide(
    ctx: typer.Context, route: str, who: str, channel: Channel, reason: str, quote: int | None, as_json: bool
) -> None:
    decided = talk.post(ctx, route, who=who, channel=channel, reason=reason, quote=quote)
    if as_json:
        talk.show_json(decided)
        return
    kind, told = next(iter(decided.items()))
    talk.say(word(f"{kind}.{told['state']}"))


@app.command("revoke-link")
def revoke_link(
    ctx: typer.Context,
    number: Number,
    link: Annotated[int, typer.Argument(help="Number of the link, from `cases repair`.")],
) -> None:
    """Take back a link without login."""
    talk.post(ctx, path(number, "links", str(link), "revoke"))
    talk.say(_("taken back"))
