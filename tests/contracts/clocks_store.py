"""What every ClockStore must do, whatever database it stands on. Run by test_clocks_store.py.

A subclass gives a fixture `store`: an open, empty store.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest
from hardcase_collector.domain.asset import Asset, Part
from hardcase_collector.domain.case import Case, CaseState, TimelineEntry, Waiting
from hardcase_collector.domain.errors import NotFound, StoreFailed
from hardcase_collector.domain.ports import StateStore, Transaction
from hardcase_collector.domain.priority import Priority
from hardcase_collector.domain.service_terms import (
    CaseClock,
    CaseTerms,
    KnownYear,
    QueueFilter,
    Shift,
    ShiftDays,
    Standing,
    Swap,
    Team,
)

from tests.contracts.state_store import NOON, a_case, an_asset

HOUR = 3_600_000


def opened(tx: Transaction, asset: Asset, slot: str = "PSU1", **changes: object) -> Case:
    case = replace(a_case(asset, Part(component="psu", slot=slot)), **changes)  # type: ignore[arg-type]
    return tx.cases.add(case)


def terms(case: Case, **changes: object) -> CaseTerms:
    given: dict[str, object] = {
        "case": case.id,
        "plan": "gold",
        "frozen": '{"plan": "gold 金牌"}',
        "priority": Priority.P2,
        "entitlement": 7,
        "vendor": "Dell",
        "contract": "SC-1",
        "site": "sh1",
        "entitled_from": date(2026, 1, 1),
        "entitled_until": date(2027, 12, 31),
        "provisional": True,
    }
    return CaseTerms(**{**given, **changes})  # type: ignore[arg-type]


def clock(case: Case, due: int = NOON + HOUR, look: int = NOON, state: Standing = Standing.RUNNING) -> CaseClock:
    return CaseClock(
        case=case.id,
        kind="on_site",
        round=1,
        state=state,
        due_ms=due,
        left_ms=due - NOON,
        looked_ms=NOON,
        look_ms=look,
    )


class TermsContract:
    def test_terms_come_back_as_they_went_and_are_replaced(self, store: StateStore) -> None:
        with store.write() as tx:
            case = opened(tx, an_asset(tx))
            kept = terms(case)
            assert tx.clocks.terms(case.id) is None
            tx.clocks.freeze(kept)
            assert tx.clocks.terms(case.id) == kept
            bare = terms(case, entitlement=None, entitled_from=None, entitled_until=None, provisional=False)
            tx.clocks.freeze(bare)
            assert tx.clocks.terms(case.id) == bare

    def test_many_cases_share_one_text(self, store: StateStore) -> None:
        with store.write() as tx:
            asset = an_asset(tx)
            cases = [opened(tx, asset, f"PSU{number}") for number in range(3)]
            for case in cases:
                tx.clocks.freeze(terms(case))
            tx.clocks.freeze(terms(cases[0], frozen="{}"))
            texts = [kept.frozen for case in cases if (kept := tx.clocks.terms(case.id))]
            assert texts == ["{}", terms(cases[1]).frozen, terms(cases[2]).frozen]

    def test_provisional_ones_are_those_that_still_owe_something(self, store: StateStore) -> None:
        with store.write() as tx:
            asset = an_asset(tx)
            open_, official, over, followed = (opened(tx, asset, f"PSU{number}") for number in range(4))
            for case in (open_, over, followed):
                tx.clocks.freeze(terms(case))
            tx.clocks.freeze(terms(official, provisional=False))
            for case in (over, followed):
                tx.cases.save(replace(case, state=CaseState.CLOSED, closed_ms=NOON))
            tx.clocks.save(clock(followed))
            assert [one.case for one in tx.clocks.provisional()] == [open_.id, followed.id]

    def test_the_cases_of_a_year_are_within_the_scope_and_no_drills_or_children(self, store: StateStore) -> None:
        with store.write() as tx:
            north, south = an_asset(tx), an_asset(tx, key="dell|2", customer="south")
            old, mine = opened(tx, north, "PSU1", opened_ms=NOON - HOUR), opened(tx, north, "PSU2")
            drill, child = opened(tx, north, "PSU3", rehearsal=True), opened(tx, north, "PSU4", parent=mine.id)
            theirs = opened(tx, south)
            for case in (old, mine, drill, child, theirs):
                tx.clocks.freeze(terms(case))

            def found(customer: str | None, asset: int | None = None) -> list[int]:
                rows = tx.clocks.terms_since(NOON, customer=customer, asset=asset)
                assert all(case.id == kept.case for case, kept in rows)
                return [case.id for case, _ in rows]

            assert found(None) == [mine.id, theirs.id]
            assert found("south") == [theirs.id]
            assert found(None, north.id) == [mine.id]
            assert found("south", north.id) == []

    def test_history_gives_the_entries_of_some_codes_in_their_order(self, store: StateStore) -> None:
        with store.write() as tx:
            case, other = (opened(tx, an_asset(tx, key=f"dell|{number}")) for number in range(2))
            for version, code in enumerate(("opened", "note", "acknowledged"), 1):
                for one in (case, other):
                    entry = TimelineEntry(
                        case=one.id, version=version, code=code, at_ms=NOON, actor="li", parameters={"n": version}
                    )
                    tx.cases.add_entry(entry)
            found = tx.clocks.history(case.id, {"acknowledged", "opened", "never"})
            assert [(entry.case, entry.code, entry.parameters["n"]) for entry in found] == [
                (case.id, "opened", 1),
                (case.id, "acknowledged", 3),
            ]


class WatchedContract:
    def test_a_row_is_kept_replaced_and_dropped(self, store: StateStore) -> None:
        with store.write() as tx:
            case = opened(tx, an_asset(tx))
            for row in (clock(case), clock(case, due=NOON, state=Standing.PAUSED)):
                tx.clocks.save(row)
                assert tx.clocks.clock(case.id) == row
            tx.clocks.drop(case.id)
            tx.clocks.drop(case.id)
            assert tx.clocks.clock(case.id) is None

    def test_what_is_due_comes_longest_waiting_first_and_never_what_waits_for_an_event(self, store: StateStore) -> None:
        with store.write() as tx:
            asset = an_asset(tx)
            for number, look in enumerate((NOON, NOON - 5, 0, NOON + 1)):
                tx.clocks.save(clock(opened(tx, asset, f"PSU{number}"), look=look))
            assert [row.look_ms for row in tx.clocks.due(NOON, limit=10)] == [NOON - 5, NOON]
            assert [row.look_ms for row in tx.clocks.due(NOON, limit=1)] == [NOON - 5]


class QueueContract:
    def queue(self, tx: Transaction, **filter: object) -> list[str]:
        which = QueueFilter(**{"customer": None, **filter})  # type: ignore[arg-type]
        return [line.case.part.slot for line in tx.clocks.queue(which)]

    def fill(self, tx: Transaction) -> Sequence[Case]:
        """Due later, overdue, paused, without a clock, closed with follow-up, closed, child."""
        north, south = an_asset(tx), an_asset(tx, key="dell|2", customer="south")
        later = opened(tx, north, "later", assignee="li", team="field", priority=Priority.P1)
        overdue = opened(tx, south, "overdue", waiting=Waiting.PART)
        paused, bare = opened(tx, north, "paused", waiting=Waiting.CUSTOMER), opened(tx, north, "bare")
        follow_up, over = opened(tx, north, "follow-up"), opened(tx, north, "over")
        child = opened(tx, north, "child", parent=later.id)
        for case in (follow_up, over):
            tx.cases.save(replace(case, state=CaseState.CLOSED, closed_ms=NOON))
        tx.clocks.save(clock(later))
        tx.clocks.save(clock(overdue, due=NOON - HOUR))
        tx.clocks.save(clock(paused, due=NOON - 2 * HOUR, state=Standing.PAUSED))
        tx.clocks.save(clock(follow_up))
        for case in (later, overdue):
            tx.clocks.freeze(terms(case, site="sh1" if case is later else "bj1"))
        return (later, overdue, paused, bare, follow_up, over, child)

    def test_what_is_due_first_is_first_then_paused_then_what_owes_nothing(self, store: StateStore) -> None:
        with store.write() as tx:
            self.fill(tx)
            assert self.queue(tx) == ["overdue", "later", "paused", "bare"]

    @pytest.mark.parametrize(
        ("filter", "slots"),
        [
            ({"customer": "south"}, ["overdue"]),
            ({"customer": "west"}, []),
            ({"assignee": "li"}, ["later"]),
            ({"unassigned": True}, ["overdue", "paused", "bare"]),
            ({"waiting": Waiting.CUSTOMER}, ["paused"]),
            ({"team": "field"}, ["later"]),
            ({"priority": Priority.P1}, ["later"]),
            ({"site": "bj1"}, ["overdue"]),
            ({"follow_ups": True}, ["follow-up"]),
            ({"children": True}, ["overdue", "later", "paused", "bare", "child"]),
            ({"rehearsal": True}, []),
            ({"limit": 2}, ["overdue", "later"]),
        ],
    )
    def test_it_is_narrowed(self, store: StateStore, filter: dict[str, object], slots: list[str]) -> None:
        with store.write() as tx:
            self.fill(tx)
            assert self.queue(tx, **filter) == slots

    def test_pages_of_it_make_the_whole(self, store: StateStore) -> None:
        with store.write() as tx:
            self.fill(tx)
            seen: list[str] = []
            after = None
            while found := tx.clocks.queue(QueueFilter(customer=None, limit=1, after=after)):
                seen += [line.case.part.slot for line in found]
                after = found[-1].place
            assert seen == self.queue(tx)

    def test_a_line_tells_the_clock_and_whose_asset_it_is(self, store: StateStore) -> None:
        with store.write() as tx:
            _, overdue, *_ = self.fill(tx)
            line, *_ = tx.clocks.queue(QueueFilter(customer="south"))
            assert line.clock == clock(overdue, due=NOON - HOUR)
            assert (line.case.id, line.customer, line.asset_name) == (overdue.id, "south", "web1")


class DutyContract:
    def team(self, **changes: object) -> Team:
        night = Shift(name="night", days=ShiftDays.REST_DAYS, opens_minute=1320, closes_minute=360, people=("ma", "胡"))
        given: dict[str, object] = {
            "name": "field",
            "title": "现场",
            "zone": "Asia/Shanghai",
            "people": ("wang", "zhao"),
            "manager": "chen",
            "country": "CN",
            "since": date(2026, 11, 23),
            "shifts": (night,),
            "default": True,
            "sites": ("sh1",),
        }
        return Team(**{**given, **changes})  # type: ignore[arg-type]

    def test_a_team_comes_back_as_it_went_and_one_is_the_default(self, store: StateStore) -> None:
        with store.write() as tx:
            tx.clocks.save_team(self.team())
            assert tx.clocks.team("field") == self.team()
            tx.clocks.save_team(self.team(name="back", shifts=()))
            assert [(team.name, team.default) for team in tx.clocks.teams()] == [("back", True), ("field", False)]
            assert tx.clocks.team("nobody") is None

    def test_swaps_are_those_not_over(self, store: StateStore) -> None:
        with store.write() as tx:
            tx.clocks.save_team(self.team())
            one = Swap(id=0, team="field", from_ms=NOON, until_ms=NOON + 10, out="wang", into="ma", by="chen")
            made = tx.clocks.add_swap(one)
            assert made == replace(one, id=made.id)
            earlier = tx.clocks.add_swap(replace(one, from_ms=NOON - 5, reason="ill"))
            assert tx.clocks.swaps("field", after_ms=NOON) == [earlier, made]
            assert tx.clocks.swaps("field", after_ms=NOON + 10) == []
            tx.clocks.remove_swap(made.id)
            with pytest.raises(NotFound):
                tx.clocks.remove_swap(made.id)

    def test_a_team_goes_with_its_swaps(self, store: StateStore) -> None:
        with store.write() as tx:
            tx.clocks.save_team(self.team())
            tx.clocks.add_swap(Swap(id=0, team="field", from_ms=0, until_ms=NOON, out="wang", into=""))
            tx.clocks.remove_team("field")
            assert tx.clocks.teams() == []
            with pytest.raises(NotFound):
                tx.clocks.remove_team("field")
            with pytest.raises(NotFound):
                tx.clocks.add_swap(Swap(id=0, team="field", from_ms=0, until_ms=NOON, out="wang", into=""))

    def test_years_are_kept_by_place_and_replaced(self, store: StateStore) -> None:
        year = KnownYear(
            country="CN",
            subdivision="",
            year=2027,
            days_off=(date(2027, 1, 1), date(2027, 2, 8)),
            workdays=(date(2027, 2, 6),),
            by="chen",
            at_ms=NOON,
        )
        with store.write() as tx:
            tx.clocks.know_year(replace(year, days_off=()))
            tx.clocks.know_year(year)
            tx.clocks.know_year(replace(year, year=2026))
            tx.clocks.know_year(replace(year, country="DE", subdivision="BY"))
            assert tx.clocks.known_years("CN", "") == [replace(year, year=2026), year]
            assert [one.year for one in tx.clocks.known_years("DE", "BY")] == [2027]
            assert tx.clocks.known_years("DE", "") == []

    def test_what_belongs_to_a_case_needs_the_case(self, store: StateStore) -> None:
        with store.write() as tx:
            case = opened(tx, an_asset(tx))
        with pytest.raises(StoreFailed), store.write() as tx:
            tx.clocks.save(clock(replace(case, id=case.id + 1)))
