"""Teams, swaps and imported calendars over SQL: the part of ClockStore that is not about one case."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import date

from sqlalchemy import Connection, RowMapping, delete, insert, select

from hardcase_collector.domain.errors import NotFound
from hardcase_collector.domain.service_terms import KnownYear, Shift, ShiftDays, Swap, Team
from hardcase_collector.storage.state.models import KnownYearRow, SwapRow, TeamRow
from hardcase_collector.storage.state.upserts import table_of, upsert

_SWAPS = table_of(SwapRow)
_TEAMS = table_of(TeamRow)
_YEARS = table_of(KnownYearRow)
_LISTS = ("people", "customers", "sites", "components")


class SqlDuty:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def save_team(self, team: Team) -> None:
        if team.default:
            for other in self.teams():
                if other.default and other.name != team.name:
                    self._write_team(replace(other, default=False))
        self._write_team(team)

    def _write_team(self, team: Team) -> None:
        body = json.dumps({**asdict(team), "since": team.since.isoformat()}, ensure_ascii=False)
        values = {"name": team.name, "is_default": team.default, "body": body}
        self._connection.execute(upsert(self._connection, _TEAMS), values)

    def remove_team(self, name: str) -> None:
        self._connection.execute(delete(_SWAPS).where(_SWAPS.c.team == name))
        if self._connection.execute(delete(_TEAMS).where(_TEAMS.c.name == name)).rowcount == 0:
            raise NotFound("there is no team {name}", name=name)

    def team(self, name: str) -> Team | None:
        body = self._connection.execute(select(_TEAMS.c.body).where(_TEAMS.c.name == name)).scalar_one_or_none()
        return None if body is None else _team(body)

    def teams(self) -> Sequence[Team]:
        """By name."""
        return [
            _team(body) for body in self._connection.execute(select(_TEAMS.c.body).order_by(_TEAMS.c.name)).scalars()
        ]

    def add_swap(self, swap: Swap) -> Swap:
        """Raises NotFound where there is no such team."""
        if self.team(swap.team) is None:
            raise NotFound("there is no team {team}", team=swap.team)
        made = self._connection.execute(insert(_SWAPS).values(_columns(swap)).returning(_SWAPS)).mappings().one()
        return _swap(made)

    def remove_swap(self, swap: int) -> None:
        if self._connection.execute(delete(_SWAPS).where(_SWAPS.c.id == swap)).rowcount == 0:
            raise NotFound("there is no swap {swap}", swap=swap)

    def swaps(self, team: str, *, after_ms: int) -> Sequence[Swap]:
        query = select(_SWAPS).where(_SWAPS.c.team == team, _SWAPS.c.until_ms > after_ms)
        return [
            _swap(row) for row in self._connection.execute(query.order_by(_SWAPS.c.from_ms, _SWAPS.c.id)).mappings()
        ]

    def know_year(self, year: KnownYear) -> None:
        self._connection.execute(
            upsert(self._connection, _YEARS),
            {
                "country": year.country,
                "subdivision": year.subdivision,
                "year": year.year,
                "days_off": _dates(year.days_off),
                "workdays": _dates(year.workdays),
                "made_by": year.by,
                "at_ms": year.at_ms,
            },
        )

    def known_years(self, country: str, subdivision: str) -> Sequence[KnownYear]:
        """In their order."""
        query = select(_YEARS).where(_YEARS.c.country == country, _YEARS.c.subdivision == subdivision)
        return [_year(row) for row in self._connection.execute(query.order_by(_YEARS.c.year)).mappings()]


def _team(body: str) -> Team:
    stored = json.loads(body)
    stored.update({name: tuple(stored[name]) for name in _LISTS}, since=date.fromisoformat(stored["since"]))
    stored["shifts"] = tuple(
        Shift(**{**shift, "days": ShiftDays(shift["days"]), "people": tuple(shift["people"])})
        for shift in stored["shifts"]
    )
    return Team(**stored)


def _columns(swap: Swap) -> dict[str, object]:
    return {
        "team": swap.team,
        "from_ms": swap.from_ms,
        "until_ms": swap.until_ms,
        "goes_out": swap.out,
        "comes_in": swap.into,
        "reason": swap.reason,
        "made_by": swap.by,
    }


def _swap(row: RowMapping) -> Swap:
    return Swap(
        id=row["id"],
        team=row["team"],
        from_ms=row["from_ms"],
        until_ms=row["until_ms"],
        out=row["goes_out"],
        into=row["comes_in"],
        reason=row["reason"],
        by=row["made_by"],
    )


def _dates(days: Sequence[date]) -> str:
    return json.dumps([day.isoformat() for day in sorted(days)])


def _year(row: RowMapping) -> KnownYear:
    return KnownYear(
        country=row["country"],
        subdivision=row["subdivision"],
        year=row["year"],
        days_off=tuple(map(date.fromisoformat, json.loads(row["days_off"]))),
        workdays=tuple(map(date.fromisoformat, json.loads(row["workdays"]))),
        by=row["made_by"],
        at_ms=row["at_ms"],
    )
