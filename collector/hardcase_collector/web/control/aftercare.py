"""Hand-off to vendors, service reports, follow-ups and satisfaction on the control socket."""

from __future__ import annotations

import base64
from typing import Annotated

from fastapi import APIRouter, Body, Query, Request
from pydantic import BaseModel, Field

from hardcase_collector.domain.repair import ConsentChannel, RepairResult, ReplacedPart
from hardcase_collector.service.follow_ups import Rating
from hardcase_collector.service.service_reports import ReportDraft, Signature, report_of
from hardcase_collector.service.vendor_text import vendor_text
from hardcase_collector.service.vendors import VendorWord
from hardcase_collector.web.again import AgainRoute
from hardcase_collector.web.control.plain import Json, plain
from hardcase_collector.web.control.ports import Control, who
from hardcase_collector.web.control.repairs import Line, Ms, Names, Text, found, noted
from hardcase_collector.web.control.service_words import desk_of, links_told
from hardcase_collector.web.texts import component_title

_DAY_MS = 86_400_000


class VendorBody(BaseModel):
    vendor: Line = ""
    vendor_case: Line = ""
    rma: Line = ""
    contract: Line = ""
    promised_ms: Ms = 0
    text: Text = ""


class PartBody(BaseModel):
    name: Line
    slot: Line = ""
    part_number: Line = ""
    old_serial: Line = ""
    new_serial: Line = ""


class ReportBody(BaseModel):
    found: Text
    done: Text
    result: RepairResult
    visit: int | None = None
    engineer: Line = ""
    parts: Annotated[list[PartBody], Field(max_length=20)] | None = None

    def draft(self) -> ReportDraft:
        parts = None if self.parts is None else tuple(ReplacedPart(**one.model_dump()) for one in self.parts)
        return ReportDraft(**{**self.model_dump(), "parts": parts})


class RatingBody(BaseModel):
    who: Line
    channel: ConsentChannel
    score: int
    comment: Text = ""


def router(control: Control) -> APIRouter:
    made = APIRouter(prefix="/v1", route_class=AgainRoute)
    _vendor(made, control)
    _reports(made, control)
    _follow_ups(made, control)
    _satisfaction(made, control)
    return made


def _vendor(made: APIRouter, control: Control) -> None:
    shop = control.shop

    @made.post("/repairs/{number}/vendor/{deed}", response_model=None)
    def vendor(request: Request, number: str, deed: str, body: VendorBody) -> Json:
        """`deed`: hand_over, done (with what he did as text); everything else is news of him."""
        vendors, now_ms, by = desk_of(control).vendors, shop.clock_ms(), who(request)
        word = VendorWord(**body.model_dump())
        with shop.store.write() as tx:
            case = found(tx, number)
            if deed == "done":
                hand_off = vendors.done(tx, case, body.text, by=by, now_ms=now_ms)
            else:
                take = vendors.hand_over if deed == "hand_over" else vendors.update
                hand_off = take(tx, case, word, by=by, now_ms=now_ms)
            noted(tx, request, now_ms, f"vendor.{deed}", number)
            return {"hand_off": plain(hand_off)}

    @made.get("/repairs/{number}/vendor-text", response_model=None)
    def text(number: str, language: Annotated[str, Query(pattern="^(en|zh)$")] = "en") -> Json:
        with shop.store.read() as tx:
            return {"text": vendor_text(tx, found(tx, number), shop.title, component_title, language)}


def _reports(made: APIRouter, control: Control) -> None:
    shop = control.shop

    @made.post("/repairs/{number}/service-reports", response_model=None)
    def write(request: Request, number: str, body: ReportBody) -> Json:
        desk, now_ms = desk_of(control), shop.clock_ms()
        with shop.store.write() as tx:
            report = desk.reports.write(tx, found(tx, number), body.draft(), by=who(request), now_ms=now_ms)
            noted(tx, request, now_ms, "service_report", report.number)
            return {"service_report": plain(report)}

    @made.post("/repairs/{number}/service-reports/send", response_model=None)
    def send(
        request: Request,
        number: str,
        report: Annotated[Line, Body(embed=True)] = "",
        names: Annotated[Names, Body(embed=True)] = [],  # noqa: B006  # read only
    ) -> Json:
        desk, now_ms, by = desk_of(control), shop.clock_ms(), who(request)
        with shop.store.write() as tx:
            case = found(tx, number)
            sent = report_of(tx, case, report)
            links = desk.reports.send(tx, case, sent, by=by, now_ms=now_ms, names=tuple(names))
            noted(tx, request, now_ms, "service_report_sent", sent.number)
            return {"service_report": sent.number, "links": links_told(links, desk.maker.address)}

    @made.post("/repairs/{number}/service-reports/sign", response_model=None)
    def sign(
        request: Request,
        number: str,
        signed_by: Annotated[Line, Body(embed=True)],
        channel: Annotated[ConsentChannel, Body(embed=True)] = ConsentChannel.IN_PERSON,
        report: Annotated[Line, Body(embed=True)] = "",
    ) -> Json:
        desk, now_ms, by = desk_of(control), shop.clock_ms(), who(request)
        with shop.store.write() as tx:
            case = found(tx, number)
            signature = Signature(who=signed_by, channel=channel)
            signed = desk.reports.sign(tx, case, report_of(tx, case, report), signature, by=by, now_ms=now_ms)
            noted(tx, request, now_ms, "service_report_signed", signed.number)
            return {"service_report": plain(signed)}

    @made.get("/repairs/{number}/service-reports/paper", response_model=None)
    def paper(number: str, report: str = "", language: str = "zh", kind: str = "pdf") -> Json:
        with shop.store.read() as tx:
            printed = report_of(tx, found(tx, number), report)
        content = desk_of(control).reports.print(printed, language, kind)
        return {"name": f"{printed.number}-{language}.{kind}", "content": base64.b64encode(content).decode()}


def _follow_ups(made: APIRouter, control: Control) -> None:
    shop = control.shop

    @made.post("/repairs/{number}/follow-up/ask", response_model=None)
    def ask(request: Request, number: str, names: Annotated[Names, Body(embed=True)] = []) -> Json:  # noqa: B006  # read only
        desk, now_ms, by = desk_of(control), shop.clock_ms(), who(request)
        with shop.store.write() as tx:
            asked = desk.follow_ups.ask(tx, found(tx, number), by=by, now_ms=now_ms, names=tuple(names))
            noted(tx, request, now_ms, "follow_up_asked", number)
            return {"follow_up": plain(asked.follow_up), "links": links_told(asked.links, desk.maker.address)}

    @made.post("/repairs/{number}/follow-up/rate", response_model=None)
    def rate(request: Request, number: str, body: RatingBody) -> Json:
        desk, now_ms = desk_of(control), shop.clock_ms()
        with shop.store.write() as tx:
            rating = Rating(**body.model_dump())
            answered = desk.follow_ups.rate(tx, found(tx, number), rating, by=who(request), now_ms=now_ms)
            noted(tx, request, now_ms, "followed_up", number)
            return {"follow_up": plain(answered), "reopen_offered": answered.low}

    @made.post("/repairs/{number}/follow-up/{deed}", response_model=None)
    def end(request: Request, number: str, deed: str, reason: Annotated[Text, Body(embed=True)]) -> Json:
        """`deed`: reopen, as a low score offers; everything else asks no further."""
        desk, now_ms = desk_of(control), shop.clock_ms()
        take = desk.follow_ups.reopen if deed == "reopen" else desk.follow_ups.drop
        with shop.store.write() as tx:
            take(tx, found(tx, number), reason, by=who(request), now_ms=now_ms)
            noted(tx, request, now_ms, f"follow_up.{deed}", number)
            return {"state": str(found(tx, number).state)}


def _satisfaction(made: APIRouter, control: Control) -> None:
    shop = control.shop

    @made.get("/satisfaction", response_model=None)
    def satisfaction(
        by: Annotated[str, Query(pattern="^(engineer|plan)$")] = "engineer",
        days: Annotated[int, Query(ge=1, le=3660)] = 365,
        customer: str | None = None,
    ) -> Json:
        now_ms = shop.clock_ms()
        with shop.store.read() as tx:
            lines = desk_of(control).follow_ups.statistics(
                tx, customer=customer, by=by, from_ms=now_ms - days * _DAY_MS, until_ms=now_ms + 1
            )
        return {
            "satisfaction": [
                {
                    "name": one.name,
                    "answers": one.answers,
                    "low": one.low,
                    "mean": str(one.mean),
                    "scores": plain(one.scores),
                }
                for one in lines
            ]
        }
