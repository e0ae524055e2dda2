"""Law: streams that break off, exports, lost sticks, imports, receipts and kills of either side come in any order, and
each record that was spooled is stored once, in order, and none is lost."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hardcase_agent.airgap import export
from hardcase_agent.domain.errors import AgentError
from hardcase_agent.uplink import airgap
from hardcase_collector.domain.errors import CollectorError, FileRefused, StoreFailed
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.fakes.carried import Desk, Host


class Carrying(RuleBasedStateMachine):
    """`files` are on sticks, `receipts` on their way back; nothing but the end makes anybody tidy."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(airgap, "FULL_RECORDS", 3)
        self.patch.setattr(export, "READ_RECORDS", 2)
        self.desk = Desk()
        self.host = Host(self.desk, Path(self.folder.name))
        self.files: list[bytes] = []
        self.receipts: list[bytes] = []

    @rule(count=st.integers(1, 5))
    def sweep(self, count: int) -> None:
        self.host.sweep(count)

    @rule()
    def export(self) -> None:
        self.files += asyncio.run(self.host.files())

    @rule()
    def killed_before_the_file_appeared(self) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(export, "write_whole", _killed)
            try:
                asyncio.run(self.host.files())
            except AgentError:
                self.host.start()

    @rule(data=st.data())
    def lose_a_stick(self, data: st.DataObject) -> None:
        if self.files:
            self.files.pop(data.draw(st.integers(0, len(self.files) - 1)))

    @rule(data=st.data(), fails=st.integers(0, 1), keep=st.booleans())
    def carry(self, data: st.DataObject, fails: int, keep: bool) -> None:
        if not self.files:
            return
        at = data.draw(st.integers(0, len(self.files) - 1))
        self.desk.collector.state.fail_writes = fails
        try:
            self.desk.take(self.files[at], more=data.draw(st.booleans()))
        except StoreFailed:
            return
        except FileRefused:
            keep = True
        finally:
            self.desk.collector.state.fail_writes = 0
        if not keep:
            self.files.pop(at)

    @rule()
    def fetch_receipt(self) -> None:
        try:
            self.receipts.append(self.desk.gap.receipt("a1"))
        except CollectorError:
            assert not self.desk.collector.state.data.imports

    @rule(data=st.data())
    def apply_receipt(self, data: st.DataObject) -> None:
        if not self.receipts:
            return
        try:
            asyncio.run(self.host.receipt(self.receipts[data.draw(st.integers(0, len(self.receipts) - 1))]))
        except AgentError:
            return

    @rule(most=st.integers(1, 6))
    def stream_for_a_while(self, most: int) -> None:
        self.host.stream(most)

    @rule()
    def kill_the_agent(self) -> None:
        self.host.start()

    @rule()
    def kill_the_collector(self) -> None:
        self.desk.restart()

    @invariant()
    def nothing_twice_nothing_lost_nothing_out_of_order(self) -> None:
        if not hasattr(self, "desk"):
            return
        stored = self.desk.frames()
        keys = [(epoch, sequence) for epoch, sequence, _ in stored]
        assert [key for key, times in Counter(keys).items() if times > 1] == []
        assert {(epoch, sequence): value for epoch, sequence, value in stored}.items() <= self.host.spooled.items()
        for epoch in {epoch for epoch, _ in keys}:
            mine = [sequence for own, sequence in keys if own == epoch]
            assert mine == sorted(mine)
        assert self.desk.lost() == 0
        held = self.host.waiting()
        missing = self.host.spooled.keys() - set(keys)
        assert missing <= held.keys(), "let go of before the collector had it"

    def teardown(self) -> None:
        if not hasattr(self, "desk"):
            return
        # Once everybody does what he should, everything is there.
        for file in asyncio.run(self.host.files()):
            self.desk.take(file)
        assert {(epoch, sequence) for epoch, sequence, _ in self.desk.frames()} == self.host.spooled.keys()
        self.nothing_twice_nothing_lost_nothing_out_of_order()
        self.patch.undo()
        self.folder.cleanup()


def _killed(path: Path, content: bytes) -> None:
    raise AgentError("killed")


TestCarrying = Carrying.TestCase
TestCarrying.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
