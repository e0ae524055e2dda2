"""Maintenance windows that are asked for on the host: opened, and ended by whoever is there."""

from __future__ import annotations

from tests.fakes.collector import FakeCollector


def test_a_length_of_nothing_ends_every_window_that_holds_whoever_opened_it() -> None:
    """The agent may have been started anew since: it knows no window's id."""
    collector = FakeCollector()
    agent = collector.enroll()
    agent.hello()
    agent.offer()
    agent.maintenance(600, window=b"one")
    agent.maintenance(7200, window=b"two")
    agent.send()
    opened = {one.id: one.from_ms for one in collector.state.data.windows}

    sequence = agent.maintenance(0, window=b"three")
    agent.send(sequence)

    windows = {one.id: one for one in collector.state.data.windows}
    assert set(windows) == {b"one", b"two"}
    ended_ms = {one.until_ms for one in windows.values()}
    assert len(ended_ms) == 1
    assert all(one.until_ms < one.from_ms + 600_000 for one in windows.values())
    assert {one.id: one.from_ms for one in windows.values()} == opened
