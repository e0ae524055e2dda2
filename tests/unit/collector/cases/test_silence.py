"""An agent that falls silent: a host that is off is no fault, one that is on is, and nobody is told twice."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hardcase_collector.cases.desk import CaseDesk
from hardcase_collector.cases.silence import HostPower
from hardcase_collector.domain.asset import Asset, Part
from hardcase_collector.domain.finding import Transition
from hardcase_collector.domain.noise import Breadth
from hardcase_collector.domain.observation import Maintenance, Stamp
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.ingest.settling import end_planned

from tests.unit.collector.cases.bench import HOUR, MINUTE, NOON, Bench, cleared, raised
from tests.unit.collector.cases.noisy import Noisy, noisy


@dataclass
class Powered:
    """What the BMCs say."""

    said: dict[int, HostPower] = field(default_factory=dict)
    asked: int = 0

    def __call__(self, tx: Transaction, asset: int, now_ms: int) -> HostPower:
        self.asked += 1
        return self.said.get(asset, HostPower.UNKNOWN)


@pytest.fixture
def power() -> Powered:
    return Powered()


@pytest.fixture
def desk(bench: Bench, power: Powered) -> Noisy:
    made = noisy(bench.store)
    made.desk = CaseDesk(made.announcements, made.settings, storms=lambda: made.kinds, power_of=power)
    return made


def silent(asset: Asset, at: int = NOON) -> Transition:
    return raised(asset, "agent.silent", part=Part(component="agent"), group="agent", sensor="", at=at)


def test_a_host_that_is_off_opens_nothing_and_the_answer_is_stored(desk: Noisy, power: Powered) -> None:
    asset = desk.machine()
    power.said[asset.id] = HostPower.OFF
    desk.apply(silent(asset))
    for minutes in range(0, 120, 5):
        desk.tick(NOON + minutes * MINUTE)
    assert desk.cases() == []
    assert [(why.reason, why.opened) for why in desk.whys(asset)] == [("host_off", False)]


def test_a_host_that_is_on_again_and_still_without_a_voice_opens(desk: Noisy, power: Powered) -> None:
    asset = desk.machine()
    power.said[asset.id] = HostPower.OFF
    desk.apply(silent(asset))
    power.said[asset.id] = HostPower.ON
    desk.tick(NOON + 4 * MINUTE)
    assert desk.cases() == []
    desk.tick(NOON + 5 * MINUTE)
    assert desk.only_case().since_ms == NOON


def test_an_agent_that_is_back_ends_it_without_a_case(desk: Noisy, power: Powered) -> None:
    asset = desk.machine()
    power.said[asset.id] = HostPower.OFF
    desk.apply(silent(asset), cleared(silent(asset), NOON + MINUTE))
    desk.tick(NOON + HOUR)
    assert desk.cases() == []


def test_where_nobody_knows_silence_is_a_fault(desk: Noisy) -> None:
    asset = desk.machine()
    desk.apply(silent(asset))
    assert "host_power" not in desk.finding(silent(asset)).evidence
    assert len(desk.cases()) == 1


def test_a_host_that_is_on_is_said_so_with_the_evidence(desk: Noisy, power: Powered) -> None:
    asset = desk.machine()
    power.said[asset.id] = HostPower.ON
    desk.apply(silent(asset))
    assert desk.finding(silent(asset)).evidence["host_power"] == "on"


def test_only_silence_asks_for_power(desk: Noisy, power: Powered) -> None:
    desk.apply(raised(desk.machine()))
    assert power.asked == 0


def test_the_host_ends_a_window_that_was_opened_for_it_from_afar_and_not_its_sites(desk: Noisy) -> None:
    own, beside = desk.machine("gz"), desk.machine("gz")
    desk.open_now(Breadth.ASSET, str(own.id))
    desk.open_now(Breadth.SITE, "gz", at=NOON + 1)
    desk.apply(raised(own, at=NOON + 2), raised(beside, at=NOON + 2), at=NOON + 2)
    stamp = Stamp(
        agent=1, asset=own.id, source="", epoch=b"", sequence=1, time_ms=NOON + MINUTE, received_ms=NOON + MINUTE,
        flag=0, backlog=False,
    )  # fmt: skip
    with desk.store.write() as tx:
        end_planned(tx, Maintenance(stamp=stamp, window_id=b"x", duration_s=0, reason="", by="root"))
        running = desk.windows.list(tx, customer=None, now_ms=NOON + MINUTE, over_since_ms=NOON + MINUTE)
    assert [one.breadth for one in running] == [Breadth.SITE]
    desk.tick(NOON + MINUTE)
    assert desk.cases() == []
