"""What people do with teams and their duty rota: set up, swap, ask who is on duty.

Turns themselves are `plans/rota.py`; who is called when is `clockwork.py`. All raise NotAllowed;
each call is within the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

from hardcase_collector.cases.duty import duty_of
from hardcase_collector.cases.workflow import Deed, require
from hardcase_collector.domain.actor import Actor
from hardcase_collector.domain.errors import IllegalAction, NotFound
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.domain.said import Said
from hardcase_collector.domain.service_terms import Swap, Team
from hardcase_collector.plans.almanac import known
from hardcase_collector.plans.rota import Duty

_DAY_MINUTES = 1440


class Rotas:
    def teams(self, tx: Transaction, *, by: Actor) -> Sequence[Team]:
        """Those that take cases of his customer; all for who sees all."""
        require(by, Deed.SEE_INTERNAL)
        return [team for team in tx.clocks.teams() if by.customer is None or by.customer in team.customers]

    def set(self, tx: Transaction, team: Team, *, by: Actor, now_ms: int) -> None:
        """Makes or replaces a team. Raises IllegalAction naming every mistake."""
        require(by, Deed.EDIT_ROTA)
        mistakes = mistakes_of(team)
        if mistakes:
            raise IllegalAction("{mistakes}", mistakes=mistakes)
        tx.clocks.save_team(team)
        self._audit(tx, by, now_ms, "rota.set", team.name)

    def remove(self, tx: Transaction, name: str, *, by: Actor, now_ms: int) -> None:
        """Its open cases keep the name and call nobody. Raises NotFound."""
        require(by, Deed.EDIT_ROTA)
        tx.clocks.remove_team(name)
        self._audit(tx, by, now_ms, "rota.removed", name)

    def swap(self, tx: Transaction, swap: Swap, *, by: Actor, now_ms: int) -> Swap:
        """Raises NotFound for an unknown team, IllegalAction for a person who is not in it or times that are over."""
        require(by, Deed.EDIT_ROTA)
        team = self._team(tx, swap.team)
        people = {*team.people, *(one for shift in team.shifts for one in shift.people)}
        if swap.out not in people:
            raise IllegalAction("{who} is not in team {team}", who=swap.out, team=team.name)
        if swap.into == swap.out:
            raise IllegalAction("nobody swaps with himself")
        if swap.until_ms <= max(swap.from_ms, now_ms):
            raise IllegalAction("a swap must end after it begins, and not in the past")
        made = tx.clocks.add_swap(replace(swap, by=by.name))
        self._audit(tx, by, now_ms, "rota.swapped", f"{team.name}/{made.id}")
        return made

    def unswap(self, tx: Transaction, swap: int, *, by: Actor, now_ms: int) -> None:
        """Raises NotFound."""
        require(by, Deed.EDIT_ROTA)
        tx.clocks.remove_swap(swap)
        self._audit(tx, by, now_ms, "rota.unswapped", str(swap))

    def who(self, tx: Transaction, name: str, *, by: Actor, at_ms: int) -> Duty:
        """Raises NotFound."""
        if name not in {team.name for team in self.teams(tx, by=by)}:
            raise NotFound("there is no team {name}", name=name)
        return duty_of(tx, self._team(tx, name), at_ms)

    def _team(self, tx: Transaction, name: str) -> Team:
        team = tx.clocks.team(name)
        if team is None:
            raise NotFound("there is no team {name}", name=name)
        return team

    def _audit(self, tx: Transaction, by: Actor, now_ms: int, action: str, subject: str) -> None:
        tx.access.audit(at_ms=now_ms, actor=by.name, action=action, subject=subject, facts={})


def mistakes_of(team: Team) -> Sequence[Said]:
    """What cannot be meant, one sentence each."""
    found = []
    if not team.name.strip():
        found.append(Said("the name is missing"))
    if not team.title.strip():
        found.append(Said("the title is missing"))
    try:
        ZoneInfo(team.zone)
    except (OSError, ValueError, KeyError):
        found.append(Said("there is no time zone {zone}", {"zone": team.zone}))
    if team.country:
        try:
            known(team.country)
        except ValueError:
            found.append(Said("{country} is no country code with a known calendar", {"country": team.country}))
    return [*found, *_wrong_hours(team), *_named_twice(team)]


def _wrong_hours(team: Team) -> Iterator[Said]:
    if not 0 <= team.hand_over_weekday <= 6 or not 0 <= team.hand_over_minute < _DAY_MINUTES:
        yield Said("the hand-over is a day of the week and a minute of that day")
    for shift in team.shifts:
        if not (0 <= shift.opens_minute < _DAY_MINUTES and 0 < shift.closes_minute <= _DAY_MINUTES):
            yield Said("shift {shift}: hours are minutes of a day", {"shift": shift.name})


def _named_twice(team: Team) -> Iterator[Said]:
    for order in (team.people, *(shift.people for shift in team.shifts)):
        if len(set(order)) != len(order):
            yield Said("somebody is named twice: {people}", {"people": tuple(order)})
