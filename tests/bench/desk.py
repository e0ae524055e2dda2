"""A finding's way through the case desk with a thousand and with a hundred thousand closed cases behind it.

Raised (a case is opened under a frozen plan), worsened, cleared, and the tick that follows: each step on both stores in
turn, so that whatever else the machine does meets both. What is compared is the time within the transaction; the commit
waits for the disk, which does not know how many cases there are.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from hardcase_collector.cases.desk import CaseDesk, DeskSettings
from hardcase_collector.domain.asset import AssetFacts, AssetMode, IdentityBasis, Part
from hardcase_collector.domain.customer import Custody, Customer, Entitlement, Site
from hardcase_collector.domain.finding import Change, FindingKey, Severity, Transition
from hardcase_collector.domain.ports import CaseNews, Transaction
from hardcase_collector.domain.service_terms import Team
from hardcase_collector.rules.sheet_reader import load_sheets
from hardcase_collector.storage.state.connections import parse_url, writer_engine
from hardcase_collector.storage.state.store import SqlStateStore
from sqlalchemy import text

from tests.bench.processes import Row

NOON = 1_795_521_600_000
"""2026-11-24 12:00:00 UTC."""
MINUTE, DAY = 60_000, 86_400_000
BAR = 1.3
CASES_OF_AN_ASSET = 10
ENTRIES = (
    ("opened", {}),
    ("acknowledged", {}),
    ("contacted", {}),
    ("moved", {"action": "confirm", "from": "new", "to": "confirmed"}),
    ("finding_cleared", {}),
    ("moved", {"action": "verify", "from": "confirmed", "to": "verifying"}),
    ("closed", {}),
    ("followed_up", {}),
)
SLOTS = ("PSU1", "PSU2")


class Outbox:
    """Owes every event to one channel, as a collector with a ticket system does."""

    def announce(self, tx: Transaction, news: CaseNews) -> None:
        tx.outbox.owe(
            channel="hook",
            case=news.case.id,
            version=news.entry.version,
            event_id=f"{news.case.number}-{news.entry.version}",
            body=b"{}",
            at_ms=news.entry.at_ms,
            not_before_ms=news.not_before_ms,
            critical=False,
        )


def bulk(url: str, table: str, rows: Sequence[dict[str, object]]) -> None:
    """Written past the desk: what is measured is what comes after them."""
    engine = writer_engine(parse_url(url))
    columns = ", ".join(rows[0])
    marks = ", ".join(f":{name}" for name in rows[0])
    with engine.begin() as connection:
        for start in range(0, len(rows), 10_000):
            connection.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({marks})"), rows[start : start + 10_000])
    engine.dispose()


def books(store: SqlStateStore, assets: int) -> None:
    with store.write() as tx:
        tx.registry.save_customer(Customer(name="north", title="North"))
        tx.registry.save_site(
            Site(customer="north", name="sh1", title="Shanghai", time_zone="Asia/Shanghai", country="CN")
        )
        tx.clocks.save_team(
            Team(name="field", title="Field", zone="Asia/Shanghai", people=("wang", "zhao"), default=True)
        )
        for number in range(assets):
            asset = tx.assets.add(
                key=f"dell|{number}",
                basis=IdentityBasis.SERIAL,
                facts=AssetFacts(vendor="Dell", serial=str(number), hostname=f"web{number}"),
                customer="north",
                mode=AssetMode.LIVE,
                joined_ms=NOON - 400 * DAY,
                live_from_ms=NOON - 399 * DAY,
            )
            tx.registry.save_custody(Custody(asset=asset.id, site="sh1"))
            tx.registry.save_entitlement(
                Entitlement(
                    id=0,
                    asset=asset.id,
                    part="",
                    plan="gold-7x24x4",
                    vendor="Dell",
                    starts=date(2025, 1, 1),
                    ends=date(2028, 1, 1),
                )
            )


def history(url: str, store: SqlStateStore, cases: int, assets: int) -> None:
    """Closed cases with findings, timelines, whys, terms and delivered notifications of the last year."""
    part = json.dumps({"component": "psu", "slot": "PSU1"})
    closed, entries, findings, whys, terms, letters = [], [], [], [], [], []
    for number in range(1, cases + 1):
        asset, opened = number % assets + 1, NOON - 300 * DAY + number * 200_000
        own = {"asset": asset, "part": part, "part_key": "psu@PSU1", "repair_group": "psu", "severity": 3}
        times = {"since_ms": opened, "soak_s": 600, "self_clearing": True, "rehearsal": False}
        closed.append(
            {
                "id": number,
                "number": f"HC-20260101-{number:06d}",
                **own,
                **times,
                "slot_key": "psu@PSU1",
                "state": "closed",
                "fault_classes": '["psu.input_lost"]',
                "opened_ms": opened,
                "version": len(ENTRIES),
                "acknowledged_ms": opened,
                "acknowledged_by": "wang",
                "closed_ms": opened + 3_600_000,
                "clear_since_ms": opened,
                "reopened": 0,
                "unstable": False,
                "linked": None,
            }
        )
        findings.append(
            {
                "id": number,
                **own,
                **times,
                "feed": 0,
                "rule": f"old-{number // assets}",
                "sensor": "s1",
                "firing": False,
                "fault_class": "psu.input_lost",
                "changed_ms": opened,
                "case_id": number,
                "held": "",
                "held_until_ms": 0,
                "evidence": "{}",
            }
        )
        for version, (code, parameters) in enumerate(ENTRIES, 1):
            entries.append(
                {
                    "case_id": number,
                    "version": version,
                    "code": code,
                    "at_ms": opened + version * MINUTE,
                    "actor": "wang",
                    "parameters": json.dumps(parameters),
                }
            )
        whys.append(
            {
                "asset": asset,
                "rule": "psu-input",
                "part_key": "psu@PSU1",
                "sensor": "s1",
                "time_ms": opened,
                "decided_ms": opened,
                "opened": True,
                "case_id": number,
                "reason": "opened",
                "facts": "{}",
            }
        )
        terms.append(
            {
                "case_id": number,
                "frozen": "old",
                "plan": "gold-7x24x4",
                "priority": "P3",
                "entitlement": None,
                "vendor": "",
                "contract": "",
                "site": "sh1",
                "entitled_from": "",
                "entitled_until": "",
                "provisional": number % 2 == 0,
            }
        )
        letters.append(
            {
                "channel": "hook",
                "case_id": number,
                "version": 1,
                "event_id": f"old-{number}",
                "body": b"{}",
                "created_ms": opened,
                "attempts": 1,
                "next_try_ms": 0,
                "state": "delivered",
                "last_error": "",
                "critical": False,
                "owner": "",
                "lease_until_ms": 0,
                "done_ms": NOON,
            }
        )
    bulk(url, "cases", closed)
    bulk(url, "findings", findings)
    bulk(url, "timeline", entries)
    bulk(url, "whys", whys)
    bulk(url, "frozen_terms", [{"hash": "old", "body": "{}"}])
    bulk(url, "case_terms", terms)
    bulk(url, "outbox", letters)
    engine = writer_engine(parse_url(url))
    with engine.begin() as connection:
        connection.execute(text("ANALYZE"))
    engine.dispose()


@dataclass
class Office:
    """A desk on a store with a past."""

    store: SqlStateStore
    assets: int
    times_ms: dict[str, list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        book = load_sheets(None)
        self.desk = CaseDesk(Outbox(), DeskSettings(), joins=lambda: book.joins, storms=lambda: book.storms)

    def timed(self, what: str, work: Callable[[Transaction], None]) -> None:
        with self.store.write() as tx:
            begun = time.perf_counter()
            work(tx)
            self.times_ms.setdefault(what, []).append((time.perf_counter() - begun) * 1000)

    def finding(self, number: int, now: int) -> Iterator[None]:
        """One finding's way; it stands still between two steps."""
        asset = number * 7919 % self.assets + 1
        slot = Part(component="psu", slot=SLOTS[number % 2])
        raised = Transition(
            key=FindingKey(asset=asset, feed=0, rule=f"bench-{number}", part=slot.key(), sensor="s1"),
            change=Change.RAISED,
            severity=Severity.MINOR,
            fault_class="psu.input_lost",
            repair_group="psu",
            part=slot,
            time_ms=now,
            backlog=False,
            rehearsal=False,
            self_clearing=True,
            soak_s=0,
            opens=True,
            evidence={"sensor": "s1", "value": 1.0},
        )
        worse = replace(raised, change=Change.WORSENED, severity=Severity.CRITICAL, time_ms=now + 1000)
        cleared = replace(raised, change=Change.CLEARED, severity=Severity.CLEARED, time_ms=now + 2000)
        for what, transition in (("raised", raised), ("worsened", worse), ("cleared", cleared)):
            at = transition.time_ms
            self.timed(what, lambda tx, one=transition, at=at: self.desk.apply(tx, [one], now_ms=at))
            yield
        self.timed("tick", lambda tx: self.desk.tick(tx, now_ms=now + 3000))
        yield

    def median_ms(self, what: str) -> float:
        return statistics.median(self.times_ms[what])

    @property
    def whole_ms(self) -> float:
        return sum(self.median_ms(what) for what in self.times_ms)


@contextmanager
def office(cases: int) -> Iterator[Office]:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder)}/state.db"
        store = SqlStateStore.open(url, migrate=True)
        assets = max(1, cases // CASES_OF_AN_ASSET)
        books(store, assets)
        store.close()
        store = SqlStateStore.open(url, migrate=False)
        history(url, store, cases, assets)
        yield Office(store, assets)
        store.close()


def run(few: int = 1_000, many: int = 100_000, findings: int = 300) -> list[Row]:
    with office(few) as small, office(many) as large:
        for number in range(findings):
            now = NOON + number * MINUTE
            # Which of the two comes first changes: the second finds the processor warm.
            pair = (small, large) if number % 2 else (large, small)
            for _ in zip(*(one.finding(number, now) for one in pair), strict=True):
                pass
            if number == findings // 10:
                for one in pair:
                    one.times_ms.clear()
        steps = ", ".join(f"{what} {large.median_ms(what):.1f}" for what in large.times_ms)
        ratio = large.whole_ms / small.whole_ms
        return [
            Row(
                f"desk: a finding's way with {many:,} closed cases against {few:,}",
                f"{ratio:.2f} x ({small.whole_ms:.1f} ms -> {large.whole_ms:.1f} ms: {steps})",
                f"<= {BAR} x",
                ratio <= BAR,
            )
        ]


if __name__ == "__main__":
    for row in run():
        print(row.what, "|", row.measured, "|", row.bar)
