"""Engineers, their visits and the way into the machine room on the control socket."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request
from pydantic import BaseModel, Field

from hardcase_collector.domain.visit import DispatchAction, Engineer, WorkHours
from hardcase_collector.service.site_access import Application, Decision, access_of
from hardcase_collector.service.visits import Errand, Word, visit_of
from hardcase_collector.web.again import AgainRoute
from hardcase_collector.web.control.plain import Json, plain
from hardcase_collector.web.control.ports import Control, who
from hardcase_collector.web.control.repairs import Line, Ms, Names, Text, found, noted
from hardcase_collector.web.control.service_words import desk_of, links_told

_HOURS = frozenset({"time_zone", "days", "opens_minute", "closes_minute"})
Seconds = Annotated[int, Field(ge=0, le=10_000_000)]


class EngineerBody(BaseModel):
    """What is not given stays as it is."""

    title: Line | None = None
    mail: Line | None = None
    phone: Line | None = None
    language: Line | None = None
    languages: Names | None = None
    components: Names | None = None
    vendors: Names | None = None
    home: Line | None = None
    sites: Names | None = None
    team: Line | None = None
    active: bool | None = None
    time_zone: Line | None = None
    days: Annotated[list[int], Field(max_length=7)] | None = None
    opens_minute: int | None = None
    closes_minute: int | None = None

    def onto(self, engineer: Engineer) -> Engineer:
        given: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in self.model_dump(exclude_none=True).items()
        }
        hours = {name: given.pop(name) for name in _HOURS & given.keys()}
        return replace(engineer, hours=replace(engineer.hours, **hours), **given)


class ErrandBody(BaseModel):
    engineer: Line = ""
    expected_ms: Ms = 0
    duration_s: Seconds = 0
    answer_within_s: Seconds = Errand().answer_within_s
    automatic: bool = True


class ApplicationBody(BaseModel):
    names: Names
    from_ms: Ms
    until_ms: Ms


class DecisionBody(BaseModel):
    who: Line
    reference: Line = ""
    reason: Text = ""
    from_ms: Ms = 0
    until_ms: Ms = 0


def router(control: Control) -> APIRouter:
    made = APIRouter(prefix="/v1", route_class=AgainRoute)
    _engineers(made, control)
    _visits(made, control)
    _access(made, control)
    return made


def _engineers(made: APIRouter, control: Control) -> None:
    shop = control.shop

    @made.get("/engineers", response_model=None)
    def engineers(all: bool = False) -> Json:
        with shop.store.read() as tx:
            loads = tx.repairs.loads()
            listed: list[Json] = []
            for one in tx.repairs.engineers(active_only=not all):
                line = plain(one)
                assert isinstance(line, dict)
                listed.append({**line, "open_visits": loads.get(one.name, 0)})
            return {"engineers": listed}

    @made.post("/engineers/{name}", response_model=None)
    def keep(request: Request, name: str, body: EngineerBody, add: bool = False) -> Json:
        desk, now_ms = desk_of(control), shop.clock_ms()
        with shop.store.write() as tx:
            if add:
                engineer = body.onto(Engineer(name=name, title=body.title or name, hours=WorkHours()))
                desk.engineers.add(tx, engineer, by=who(request), now_ms=now_ms)
            else:
                engineer = body.onto(tx.repairs.engineer(name))
                desk.engineers.change(tx, engineer, by=who(request), now_ms=now_ms)
            return {"engineer": plain(engineer)}

    @made.get("/repairs/{number}/suggestions", response_model=None)
    def suggestions(request: Request, number: str) -> Json:
        with shop.store.read() as tx:
            case = found(tx, number)
            suggested = desk_of(control).engineers.suggest(tx, case, by=who(request), now_ms=shop.clock_ms())
            return {"suggestions": plain(suggested)}


def _visits(made: APIRouter, control: Control) -> None:
    shop = control.shop

    @made.get("/visits", response_model=None)
    def open_visits(customer: str | None = None, engineer: str | None = None) -> Json:
        listed: list[Json] = []
        with shop.store.read() as tx:
            for one in tx.repairs.open_dispatches(customer=customer, engineer=engineer):
                line = plain(one)
                assert isinstance(line, dict)
                listed.append({**line, "case_number": tx.cases.get(one.case).number})
        return {"visits": listed}

    @made.post("/repairs/{number}/dispatch", response_model=None)
    def dispatch(request: Request, number: str, body: ErrandBody) -> Json:
        desk, now_ms = desk_of(control), shop.clock_ms()
        with shop.store.write() as tx:
            errand = Errand(**body.model_dump())
            sent = desk.visits.dispatch(tx, found(tx, number), errand, by=who(request), now_ms=now_ms)
            noted(tx, request, now_ms, "dispatch_requested", number)
            return {
                "visit": plain(sent.dispatch),
                "overlaps": [tx.cases.get(one.case).number for one in sent.overlaps],
                "links": links_told([sent.link], desk.maker.address),
            }

    @made.post("/repairs/{number}/visits/{visit}/{step}", response_model=None)
    def step(
        request: Request,
        number: str,
        visit: int,
        step: DispatchAction,
        text: Annotated[Text, Body(embed=True)] = "",
        expected_ms: Annotated[Ms, Body(embed=True)] = 0,
    ) -> Json:
        """Visit 0: the newest that is open."""
        desk, now_ms = desk_of(control), shop.clock_ms()
        with shop.store.write() as tx:
            case = found(tx, number)
            word, by = Word(text=text, expected_ms=expected_ms), who(request)
            stepped = desk.visits.step(tx, case, visit_of(tx, case, visit or None), step, word, by=by, now_ms=now_ms)
            noted(tx, request, now_ms, f"visit.{step}", number)
            return {"visit": plain(stepped), "state": str(found(tx, number).state)}


def _access(made: APIRouter, control: Control) -> None:
    shop = control.shop

    @made.post("/repairs/{number}/access", response_model=None)
    def apply(request: Request, number: str, body: ApplicationBody) -> Json:
        desk, now_ms = desk_of(control), shop.clock_ms()
        asked = Application(names=tuple(body.names), from_ms=body.from_ms, until_ms=body.until_ms)
        with shop.store.write() as tx:
            access = desk.access.apply(tx, found(tx, number), asked, by=who(request), now_ms=now_ms)
            noted(tx, request, now_ms, "access_applied", number)
            return {"access": plain(access)}

    @made.post("/repairs/{number}/access/{decision}", response_model=None)
    def decide(request: Request, number: str, decision: str, body: DecisionBody) -> Json:
        """`decision`: approve, withdraw; everything else refuses."""
        desk, now_ms, by = desk_of(control), shop.clock_ms(), who(request)
        with shop.store.write() as tx:
            case = found(tx, number)
            access = access_of(tx, case, None)
            if decision == "withdraw":
                decided = desk.access.withdraw(tx, case, access, by=by, now_ms=now_ms)
            else:
                take = desk.access.approve if decision == "approve" else desk.access.refuse
                decided = take(tx, case, access, Decision(**body.model_dump()), by=by, now_ms=now_ms)
            noted(tx, request, now_ms, f"access.{decided.state}", number)
            return {"access": plain(decided)}
