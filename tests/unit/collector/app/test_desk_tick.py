"""The desk's share of a tick: what fails in one part of it stops no other."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from hardcase_collector.composition import DeskTick
from hardcase_collector.domain.ports import Transaction
from hardcase_collector.storage.state import SqlStateStore


class Share:
    def __init__(self, *, fails: bool = False) -> None:
        self.fails = fails
        self.ticks: list[int] = []
        self.unreadable: dict[str, str] = {}

    def tick(self, tx: Transaction, *, now_ms: int) -> None:
        if self.fails:
            raise ValueError("a bad row")
        self.ticks.append(now_ms)


def test_what_fails_in_one_share_is_told_and_the_others_have_their_turn(tmp_path: Path) -> None:
    store = SqlStateStore.open(f"sqlite:///{tmp_path}/s.db", migrate=True)
    intake = SimpleNamespace(settler=SimpleNamespace(judge=None))
    desk, broken, last = Share(fails=True), Share(fails=True), Share()
    tick = DeskTick(desk, intake, store, lambda: 7, (broken, last))  # type: ignore[arg-type]  # as much as it asks
    with pytest.raises(ExceptionGroup) as raised:
        tick()
    assert len(raised.value.exceptions) == 2
    desk.fails = broken.fails = False
    tick()
    assert (desk.ticks, broken.ticks, last.ticks) == ([7], [7], [7, 7])
    store.close()
