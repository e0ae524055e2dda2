"""Teams, duty rotas, swaps and official calendars on the control socket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request

from hardcase_collector.cases.workflow import Deed, require
from hardcase_collector.domain.errors import IllegalAction
from hardcase_collector.domain.service_terms import KnownYear, Shift, ShiftDays, Swap, Team
from hardcase_collector.plans.almanac import known
from hardcase_collector.plans.rota import Duty
from hardcase_collector.web.again import AgainRoute
from hardcase_collector.web.control.plain import Json, plain
from hardcase_collector.web.control.ports import Control, who

_MAX_DAYS = 366
_TEAM_WORDS = tuple(one.name for one in fields(Team))


def router(control: Control) -> APIRouter:
    made = APIRouter(prefix="/v1", route_class=AgainRoute)
    _rota(made, control)
    _swaps(made, control)
    _calendars(made, control)
    return made


def _rota(made: APIRouter, control: Control) -> None:
    shop = control.shop

    @made.get("/rota", response_model=None)
    def rota(request: Request, team: str = "", at_ms: int = 0) -> Json:
        """Every team with its order, swaps to come and who is on duty at that time, or now."""
        by, now_ms = who(request), at_ms or shop.clock_ms()
        with shop.store.read() as tx:
            teams = [one for one in shop.rotas.teams(tx, by=by) if team in ("", one.name)]
            found: list[Json] = []
            for one in teams:
                facts = _team_facts(one)
                facts["swaps"] = plain(tx.clocks.swaps(one.name, after_ms=now_ms))
                facts["duty"] = _duty(shop.rotas.who(tx, one.name, by=by, at_ms=now_ms))
                found.append(facts)
            return {"teams": found}

    @made.post("/rota", response_model=None)
    def set_team(request: Request, team: Annotated[Mapping[str, Any], Body(embed=True)]) -> Json:
        made_of = team_of(team)
        with shop.store.write() as tx:
            shop.rotas.set(tx, made_of, by=who(request), now_ms=shop.clock_ms())
        return {"team": made_of.name}

    @made.post("/rota/remove", response_model=None)
    def remove(request: Request, team: Annotated[str, Body(embed=True)]) -> Json:
        with shop.store.write() as tx:
            shop.rotas.remove(tx, team, by=who(request), now_ms=shop.clock_ms())
        return {"removed": team}


def _swaps(made: APIRouter, control: Control) -> None:
    shop = control.shop

    @made.post("/rota/swap", response_model=None)
    def swap(
        request: Request,
        team: Annotated[str, Body(embed=True)],
        out: Annotated[str, Body(embed=True)],
        into: Annotated[str, Body(embed=True)],
        from_ms: Annotated[int, Body(embed=True)],
        until_ms: Annotated[int, Body(embed=True)],
        reason: Annotated[str, Body(embed=True, max_length=400)] = "",
    ) -> Json:
        wanted = Swap(id=0, team=team, from_ms=from_ms, until_ms=until_ms, out=out, into=into, reason=reason)
        with shop.store.write() as tx:
            return plain(shop.rotas.swap(tx, wanted, by=who(request), now_ms=shop.clock_ms()))

    @made.post("/rota/unswap", response_model=None)
    def unswap(request: Request, swap: Annotated[int, Body(embed=True)]) -> Json:
        with shop.store.write() as tx:
            shop.rotas.unswap(tx, swap, by=who(request), now_ms=shop.clock_ms())
        return {"removed": swap}


def _calendars(made: APIRouter, control: Control) -> None:
    shop = control.shop

    @made.post("/calendars", response_model=None)
    def learn(request: Request, years: Annotated[list[Mapping[str, Any]], Body(embed=True)]) -> Json:
        """Official years of a country: open cases that were under a provisional one are worked out anew."""
        by, now_ms = who(request), shop.clock_ms()
        require(by, Deed.EDIT_BOOKS)
        told = [_year_of(one, by.name, now_ms) for one in years]
        assert shop.calendars is not None
        with shop.store.write() as tx:
            cases, moved = shop.calendars.learn(tx, told, actor=by.name, now_ms=now_ms)
            for one in told:
                subject = f"{one.country} {one.year}"
                tx.access.audit(at_ms=now_ms, actor=by.name, action="calendar.known", subject=subject, facts={})
        return {"years": [one.year for one in told], "cases": cases, "moved": moved}

    @made.get("/calendars", response_model=None)
    def calendars(country: str, subdivision: str = "") -> Json:
        with shop.store.read() as tx:
            found = tx.clocks.known_years(country, subdivision)
        return {"years": [_year_facts(one) for one in found]}


def _duty(duty: Duty) -> dict[str, Json]:
    return {"people": list(duty.people), "shift": duty.shift, "hands_over_ms": duty.hands_over_ms}


def _team_facts(team: Team) -> dict[str, Json]:
    facts: dict[str, Json] = {name: plain(getattr(team, name)) for name in _TEAM_WORDS if name != "since"}
    facts["since"] = team.since.isoformat()
    return facts


def team_of(facts: Mapping[str, Any]) -> Team:
    """Raises IllegalAction for what is no team."""
    unknown = set(facts) - set(_TEAM_WORDS)
    if unknown:
        raise IllegalAction("a team has no {unknown}", unknown=sorted(unknown))
    try:
        given: dict[str, Any] = dict(facts)
        for name in ("people", "customers", "sites", "components"):
            given[name] = tuple(given.get(name, ()))
        if "since" in given:
            given["since"] = date.fromisoformat(given["since"])
        given["shifts"] = tuple(_shift(one) for one in given.get("shifts", ()))
        return Team(**given)
    except (TypeError, ValueError, KeyError) as error:
        raise IllegalAction("this is no team: {error}", error=error) from None


def _shift(facts: Mapping[str, Any]) -> Shift:
    return Shift(**{**facts, "days": ShiftDays(facts["days"]), "people": tuple(facts.get("people", ()))})


def _year_of(facts: Mapping[str, Any], by: str, now_ms: int) -> KnownYear:
    try:
        days_off, workdays = (tuple(map(date.fromisoformat, facts.get(key, ()))) for key in ("days_off", "workdays"))
        year, country, subdivision = int(facts["year"]), str(facts["country"]), str(facts.get("subdivision", ""))
        known(country, subdivision)
    except (TypeError, ValueError, KeyError) as error:
        raise IllegalAction("this is no year of a country's calendar: {error}", error=error) from None
    if len(days_off) + len(workdays) > _MAX_DAYS or any(day.year != year for day in (*days_off, *workdays)):
        raise IllegalAction("every day must be of {year}", year=year)
    if set(days_off) & set(workdays):
        raise IllegalAction("a day is either off or worked")
    return KnownYear(
        country=country,
        subdivision=subdivision,
        year=year,
        days_off=days_off,
        workdays=workdays,
        by=by,
        at_ms=now_ms,
    )


def _year_facts(one: KnownYear) -> dict[str, Json]:
    return {
        "country": one.country,
        "subdivision": one.subdivision,
        "year": one.year,
        "days_off": [day.isoformat() for day in one.days_off],
        "workdays": [day.isoformat() for day in one.workdays],
        "by": one.by,
        "at_ms": one.at_ms,
    }
