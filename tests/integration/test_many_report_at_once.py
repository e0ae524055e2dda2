"""Twenty programs report the same faults and a hundred people work on them at once: nothing doubled, nothing lost."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hardcase_collector.cases.actions import CaseActions
from hardcase_collector.cases.opening import Opening
from hardcase_collector.cases.placing import Placing
from hardcase_collector.cases.reports import Reports, Telling
from hardcase_collector.domain.actor import Actor, Role
from hardcase_collector.domain.case import CaseAction, Outcome
from hardcase_collector.domain.errors import IllegalAction
from hardcase_collector.domain.ports import CaseFilter, CaseNews, Transaction
from hardcase_collector.domain.report import ReportChannel
from hardcase_collector.rules.sheet_reader import load_sheets
from hardcase_collector.storage.state import SqlStateStore

from tests.contracts.state_store import NOON, an_asset
from tests.fakes.empty_store import emptied_store, empty_store

AUTOMATIONS, ENGINEERS, KEYS = 20, 100, 10
ROBOTS = [Actor(name=f"robot {number}", role=Role.AUTOMATION, customer=None) for number in range(AUTOMATIONS)]
PEOPLE = [Actor(name=f"engineer {number}", role=Role.ENGINEER, customer=None) for number in range(ENGINEERS)]


class Nobody:
    def announce(self, tx: Transaction, news: CaseNews) -> None:
        return None


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlStateStore]:
    if request.param == "sqlite":
        opened = empty_store(tmp_path / "state.db")
    else:
        opened = emptied_store(request.getfixturevalue("server"))
    # How fast a hundred get their turn is the machine's matter.
    opened._turn_wait_s = 300.0
    yield opened
    opened.close()


def test_nothing_is_doubled_and_nothing_is_lost(store: SqlStateStore) -> None:
    with store.write() as tx:
        asset = an_asset(tx).id
    book, ticks = load_sheets(), itertools.count(1)
    reports = Reports(Nobody(), Opening(), book.categories)
    actions = CaseActions(Nobody(), Placing(Nobody(), reopen_ms=0, flap_raises=3))

    def report(robot: Actor, key: int) -> int:
        told = Telling(
            category="os.reported",
            description=f"does not start ({key})",
            channel=ReportChannel.SYSTEM,
            asset=asset,
            key=f"ticket-{key}",
        )
        return store.run(lambda tx: reports.report(tx, told, by=robot, now_ms=NOON + next(ticks))).case.id

    with ThreadPoolExecutor(AUTOMATIONS) as pool:
        tried = [(robot, key) for key in range(KEYS) for robot in ROBOTS]
        made = list(pool.map(lambda one: report(*one), tried))
    cases = {key: {case for (_, told), case in zip(tried, made, strict=True) if told == key} for key in range(KEYS)}
    assert all(len(found) == 1 for found in cases.values())
    assert len(set(made)) == KEYS

    def work(person: Actor) -> str:
        number = made[int(person.name.split()[1]) % KEYS * AUTOMATIONS]

        def do(tx: Transaction) -> str:
            case = tx.cases.get(number)
            actions.note(tx, case, by=person, text="looked at it", now_ms=NOON + next(ticks))
            case = tx.cases.get(number)
            try:
                actions.act(
                    tx,
                    case,
                    CaseAction.CLOSE,
                    by=person,
                    reason="done",
                    now_ms=NOON + next(ticks),
                    outcome=Outcome.REPAIRED,
                )
            except IllegalAction:
                return "late"
            return "closed"

        return store.run(do)

    with ThreadPoolExecutor(ENGINEERS) as pool:
        assert Counter(pool.map(work, PEOPLE)) == {"closed": KEYS, "late": ENGINEERS - KEYS}
    with store.read() as tx:
        found = tx.cases.list(CaseFilter(customer=None, open_only=False))
        told = Counter(entry.code for case in found for entry in tx.cases.timeline(case.id))
        assert told == {"opened": KEYS, "note": ENGINEERS, "closed": KEYS}
        for case in found:
            assert [entry.version for entry in tx.cases.timeline(case.id)] == list(range(1, case.version + 1))
            assert len(tx.reports.of_case(case.id)) == 1
