"""What got better while it was held back: a warning opens nothing, whatever it was when the hold began."""

from __future__ import annotations

from dataclasses import replace

from hardcase_collector.domain.asset import AssetMode
from hardcase_collector.domain.finding import Change, Severity
from hardcase_collector.domain.ports import Window

from tests.unit.collector.cases.bench import DAY, HOUR, MINUTE, NOON, Bench, raised


def test_what_is_a_warning_at_the_end_of_its_window_opens_nothing_and_says_why(bench: Bench) -> None:
    asset = bench.asset()
    with bench.store.write() as tx:
        tx.assets.open_window(
            Window(id=b"w", asset=asset.id, from_ms=NOON, until_ms=NOON + HOUR, reason="fans", by="li")
        )
    fault = raised(asset, "thermal.high", at=NOON)
    bench.apply(fault)
    eased = replace(fault, change=Change.EASED, severity=Severity.WARNING, time_ms=NOON + MINUTE, opens=False)
    bench.apply(eased, at=NOON + MINUTE)
    bench.tick(NOON + HOUR)
    assert bench.cases() == []
    assert bench.finding(fault).held == "warning"
    assert [why.reason for why in bench.whys(asset)] == ["window", "warning_only"]


def test_what_is_a_warning_at_the_end_of_joining_opens_nothing(bench: Bench) -> None:
    asset = bench.asset(mode=AssetMode.JOINING, live_from_ms=NOON + DAY)
    fault = raised(asset, "thermal.high", at=NOON)
    bench.apply(fault)
    bench.apply(
        replace(fault, change=Change.EASED, severity=Severity.WARNING, time_ms=NOON + MINUTE, opens=False),
        at=NOON + MINUTE,
    )
    bench.tick(NOON + DAY)
    assert bench.cases() == []


def test_a_warning_that_a_sheet_lets_open_opens_after_its_window_too(bench: Bench) -> None:
    asset = bench.asset()
    with bench.store.write() as tx:
        tx.assets.open_window(
            Window(id=b"w", asset=asset.id, from_ms=NOON, until_ms=NOON + HOUR, reason="fans", by="li")
        )
    bench.apply(raised(asset, "disk.predicted", at=NOON, severity=Severity.WARNING))
    bench.tick(NOON + HOUR)
    assert bench.only_case().severity is Severity.WARNING


def test_what_the_device_calls_critical_opens_after_a_window_while_the_asset_still_joins(bench: Bench) -> None:
    asset = bench.asset(mode=AssetMode.JOINING, live_from_ms=NOON + DAY)
    with bench.store.write() as tx:
        tx.assets.open_window(
            Window(id=b"w", asset=asset.id, from_ms=NOON, until_ms=NOON + HOUR, reason="fans", by="li")
        )
    bench.apply(raised(asset, at=NOON, severity=Severity.CRITICAL, device_asserted=True))
    bench.tick(NOON + HOUR)
    assert bench.only_case().severity is Severity.CRITICAL
