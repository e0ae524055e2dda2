"""Whose a case is, and who is called next when nobody answers: teams by their conditions, then the order on duty.

Asked by `opening.py` (team) and `clockwork.py` (escalation). Turns and swaps are `plans/rota.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from hardcase_collector.domain.ports import Transaction
from hardcase_collector.domain.service_terms import Team
from hardcase_collector.plans.calendar import Year
from hardcase_collector.plans.rota import Duty, on_duty


def team_for(teams: Sequence[Team], *, customer: str, site: str, component: str) -> Team | None:
    """The team of which most conditions hold, and none fails; else the default one; of equal ones the first by name."""
    fitting = [(_fits(team, customer, site, component), team) for team in teams]
    best = max((score for score, _ in fitting if score), default=0)
    if best:
        return next(team for score, team in fitting if score == best)
    return next((team for team in teams if team.default), None)


def _fits(team: Team, customer: str, site: str, component: str) -> int:
    """How many conditions hold; 0 where one fails or there is none."""
    held = 0
    for wanted, told in ((team.customers, customer), (team.sites, site), (team.components, component)):
        if wanted:
            if told not in wanted:
                return 0
            held += 1
    return held


def duty_of(tx: Transaction, team: Team, now_ms: int) -> Duty:
    """Who is on duty now, with the swaps and official calendars that the store knows."""
    years = tx.clocks.known_years(team.country, "") if team.country and team.shifts else ()
    imported = {one.year: Year(frozenset(one.days_off), frozenset(one.workdays)) for one in years}
    return on_duty(team, tx.clocks.swaps(team.name, after_ms=now_ms), now_ms, imported)


def called(duty: Duty, manager: str, level: int) -> str:
    """Who is called at this step: 0 is the one on duty; after the last the manager, where there is one."""
    ladder = [*duty.people, *([manager] if manager else [])]
    return ladder[min(level, len(ladder) - 1)] if ladder else ""
