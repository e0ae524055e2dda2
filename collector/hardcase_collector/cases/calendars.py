"""A year's official calendar becomes known: cases that were opened under a provisional one are worked out anew.

Called by the control socket after an import, and at the start, when a newer library may know what it did not know. What
was official when a case was opened stays as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace

from hardcase_collector.cases.case_file import COLLECTOR, CaseFile, Occasion
from hardcase_collector.cases.clockwork import CALENDAR_KNOWN, clocks_of
from hardcase_collector.domain.errors import TermsUnreadable
from hardcase_collector.domain.finding import Fact
from hardcase_collector.domain.ports import Announcer, Transaction
from hardcase_collector.domain.service_terms import CaseTerms, KnownYear
from hardcase_collector.plans.almanac import official_year
from hardcase_collector.plans.calendar import Year
from hardcase_collector.plans.clocks import Clock
from hardcase_collector.plans.frozen import FrozenTerms, dump, frozen_of

_DAY_MS = 86_400_000


def year_of(known: KnownYear) -> Year:
    return Year(days_off=frozenset(known.days_off), workdays=frozenset(known.workdays))


class Calendars:
    """Within the caller's transaction."""

    def __init__(self, announcer: Announcer) -> None:
        self._announcer = announcer
        self._looked_ms = 0

    def tick(self, tx: Transaction, *, now_ms: int) -> None:
        """Once after a start, because this program may know more than the last one; then once a day."""
        if now_ms - self._looked_ms >= _DAY_MS:
            self.look_up(tx, actor=COLLECTOR, now_ms=now_ms)
            self._looked_ms = now_ms

    def learn(self, tx: Transaction, years: Iterable[KnownYear], *, actor: str, now_ms: int) -> tuple[int, int]:
        """Keeps the imported years; how many cases were under a provisional one, and in how many a clock moved."""
        places: dict[tuple[str, str], dict[int, Year]] = {}
        for known in years:
            tx.clocks.know_year(known)
            places.setdefault((known.country, known.subdivision), {})[known.year] = year_of(known)
        return self._work_out_anew(tx, places, actor, now_ms)

    def look_up(self, tx: Transaction, *, actor: str, now_ms: int) -> tuple[int, int]:
        """What was imported or is official meanwhile counts for the cases that still lack it."""
        places: dict[tuple[str, str], dict[int, Year]] = {}
        for _, frozen in _readable(tx.clocks.provisional()):
            for place, number in _lacking(frozen):
                imported = {one.year: year_of(one) for one in tx.clocks.known_years(*place)}
                year = imported.get(number) or official_year(*place, number)
                if not year.provisional:
                    places.setdefault(place, {})[number] = year
        return self._work_out_anew(tx, places, actor, now_ms)

    def _work_out_anew(
        self, tx: Transaction, places: Mapping[tuple[str, str], Mapping[int, Year]], actor: str, now_ms: int
    ) -> tuple[int, int]:
        cases = moved = 0
        for kept, frozen in _readable(tx.clocks.provisional() if places else ()):
            learned = sorted({number for place, number in _lacking(frozen) if number in places.get(place, {})})
            if learned:
                for place, known in places.items():
                    frozen = frozen.with_years(*place, known)
                cases += 1
                moved += self._replace(tx, kept, frozen, learned, Occasion(now_ms=now_ms, actor=actor))
        return cases, moved

    def _replace(
        self, tx: Transaction, kept: CaseTerms, frozen: FrozenTerms, learned: list[int], occasion: Occasion
    ) -> bool:
        """True: a clock that is still owed is due at another time."""
        file = CaseFile(tx, self._announcer)
        case = file.tell_clocks(tx.cases.get(kept.case), occasion.now_ms)
        before = _due(clocks_of(tx, case, occasion.now_ms))
        tx.clocks.freeze(replace(kept, frozen=dump(frozen), provisional=frozen.provisional))
        after = _due(clocks_of(tx, case, occasion.now_ms))
        changed = [key for key in after if before.get(key) != after[key]]
        told: dict[str, Fact] = {
            "year": ", ".join(map(str, learned)),
            "country": frozen.calendar.country,
            "moved": ", ".join(dict.fromkeys(key[0] for key in changed)),
        }
        for key in changed:
            told |= {f"{key[0]}_from_ms": before.get(key), f"{key[0]}_to_ms": after[key]}
        # Nobody is woken because a holiday of next year became official and nothing follows from it.
        file.change(case, CALENDAR_KNOWN, replace(occasion, quiet=not changed), told)
        return bool(changed)


def _lacking(frozen: FrozenTerms) -> set[tuple[tuple[str, str], int]]:
    return {
        ((one.country, one.subdivision), number)
        for one in (frozen.calendar, *frozen.calendars.values())
        for number in one.provisional()
    }


def _due(found: Iterable[Clock]) -> dict[tuple[str, int, int], int]:
    return {(str(one.kind), one.round, one.started_ms): one.due_ms for one in found if one.owed}


def _readable(found: Iterable[CaseTerms]) -> Iterator[tuple[CaseTerms, FrozenTerms]]:
    """Without those that the desk skips and names."""
    for kept in found:
        with suppress(TermsUnreadable):
            yield kept, frozen_of(kept)
