"""Diagnostics on the pages: the panel of an asset or a case, one request with its answer, and files as downloads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from hardcase_collector.diagnostics.asking import Diagnostics, Question
from hardcase_collector.diagnostics.kinds import KINDS
from hardcase_collector.domain.actor import Actor
from hardcase_collector.domain.asset import Asset
from hardcase_collector.domain.case import Case
from hardcase_collector.domain.diagnostic import DiagnosticKind
from hardcase_collector.domain.errors import IllegalAction, NotFound
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.web import diagnostics as shown
from hardcase_collector.web.access import Person
from hardcase_collector.web.again import AgainRoute
from hardcase_collector.web.diagnostics import Panel
from hardcase_collector.web.files import download
from hardcase_collector.web.pages.forms import Answers, filled_in
from hardcase_collector.web.pages.frame import Frame, Visitor, check_form
from hardcase_collector.web.pages.steps import Field, FieldKind
from hardcase_collector.web.ports import Shop

MEDIA = "application/octet-stream"
Form = Annotated[Mapping[str, str], Depends(filled_in)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Something to ask for, as a form."""

    kind: DiagnosticKind
    fields: tuple[Field, ...]

    @property
    def grave(self) -> bool:
        """Hard to take back."""
        return self.kind is DiagnosticKind.CLEAR_SEL


def offers(panel: Panel) -> Sequence[Offer]:
    """A self-test without a disk that is known by name cannot be asked for."""
    kinds = [kind for kind in panel.offers if kind is not DiagnosticKind.SELF_TEST or panel.disks]
    return tuple(Offer(kind=kind, fields=tuple(_fields(kind, panel))) for kind in kinds)


def panel_of(tx: Transaction, shop: Shop, asset: Asset, *, case: Case | None = None, by: Actor) -> Panel | None:
    """None: nothing of it is for him, or nothing is asked of agents here."""
    return shown.panel(tx, shop.diagnostics, asset, case=case, by=by) if shop.diagnostics else None


def _fields(kind: DiagnosticKind, panel: Panel) -> Sequence[Field]:
    known = KINDS[kind]
    fields = []
    if kind is DiagnosticKind.SELF_TEST:
        fields.append(Field(name="disk", kind=FieldKind.CHOICE, required=True, choices=panel.disks))
        tests = tuple((test, f"diagnostic.test.{test}") for test in ("short", "long", "abort"))
        fields.append(Field(name="test", kind=FieldKind.CHOICE, choices=tests, value="short"))
    if kind is DiagnosticKind.IDENTIFY:
        lamps = (("chassis", "diagnostic.target.chassis"), *panel.disks)
        fields.append(Field(name="lamp", kind=FieldKind.CHOICE, choices=lamps, value="chassis"))
        fields.append(Field(name="seconds", kind=FieldKind.COUNT, value=known.defaults["seconds"]))
    fields.append(Field(name="reason", label="diagnostic.reason", required=known.needs_reason))
    return fields


def arguments_of(kind: DiagnosticKind, answers: Answers) -> Mapping[str, str]:
    """As the desk takes them; it checks them."""
    told = {name: answers.line(name) for name in KINDS[kind].arguments}
    lamp = answers.line("lamp")
    if kind is DiagnosticKind.IDENTIFY and lamp not in ("", "chassis"):
        told |= {"target": "disk", "disk": lamp}
    return told


class DiagnosticPages:
    def __init__(self, shop: Shop, frame: Frame) -> None:
        self._shop = shop
        self._frame = frame

    @property
    def _desk(self) -> Diagnostics:
        if self._shop.diagnostics is None:
            raise NotFound("nothing is asked of agents here")
        return self._shop.diagnostics

    def one(self, request: Request, person: Person, id: str) -> HTMLResponse:
        with self._shop.store.read() as tx:
            whole = shown.whole(tx, self._desk, id, by=person.actor)
        return self._frame.page(request, "diagnostic.html", person=person, whole=whole, here="fleet")

    def ask(self, person: Person, asset: int, answers: Answers) -> None:
        kind = answers.choice("kind", DiagnosticKind)
        question = Question(
            asset=asset,
            kind=kind,
            arguments=arguments_of(kind, answers),
            reason=answers.text("reason"),
            case=answers.line("case"),
        )
        self._desk.ask(question, by=person.actor, now_ms=self._shop.clock_ms())

    def act(self, person: Person, id: str, answers: Answers) -> str:
        """The whole id of what was acted upon."""
        by, now_ms, text = person.actor, self._shop.clock_ms(), answers.text("text", limit=500)
        match answers.line("action"):
            case "withdraw":
                done = self._desk.withdraw(id, by=by, reason=text, now_ms=now_ms)
            case "consent":
                done = self._desk.consent(id, by=by, who=text, now_ms=now_ms)
            case "refuse":
                done = self._desk.refuse(id, by=by, reason=text, now_ms=now_ms)
            case _:
                raise IllegalAction("there is no such action")
        return done.name

    def give(self, person: Person, id: str, file: int) -> Response:
        with self._shop.store.read() as tx:
            self._desk.find(tx, id, by=person.actor)
        found, chunks = self._desk.open_file(file, of=id, by=person.actor, now_ms=self._shop.clock_ms())
        return download(found.name, MEDIA, found.size, chunks)


def router(shop: Shop, frame: Frame) -> APIRouter:
    made = APIRouter(route_class=AgainRoute)
    pages = DiagnosticPages(shop, frame)

    @made.get("/diagnostics/{id}")
    def one(request: Request, person: Visitor, id: str) -> HTMLResponse:
        return pages.one(request, person, id)

    @made.get("/diagnostics/{id}/files/{file}")
    def give(person: Visitor, id: str, file: int) -> Response:
        return pages.give(person, id, file)

    @made.post("/assets/{number}/diagnostics")
    def ask(person: Visitor, number: int, given: Form) -> RedirectResponse:
        check_form(person, given.get("form_token", ""))
        pages.ask(person, number, Answers(given=given, time_zone=person.user.time_zone))
        case = given.get("case", "")
        back = f"/cases/{quote(case, safe='')}" if case else f"/assets/{number}"
        return RedirectResponse(f"{back}#diagnostics", 303)

    @made.post("/diagnostics/{id}")
    def act(person: Visitor, id: str, given: Form) -> RedirectResponse:
        check_form(person, given.get("form_token", ""))
        done = pages.act(person, id, Answers(given=given, time_zone=person.user.time_zone))
        return RedirectResponse(f"/diagnostics/{done}", 303)

    return made
