"""A goodbye is remembered however short the stream before it was."""

from __future__ import annotations

from hardcase_collector.ingest.incoming import Farewell

from tests.fakes.collector import NOW, FakeCollector


def test_an_agent_back_for_less_than_a_tick_has_still_said_goodbye() -> None:
    collector = FakeCollector()
    agent = collector.enroll()
    for second in (0, 5):
        agent.hello()
        collector.process(agent.deliver(Farewell("stopped")))
        collector.ticker.tick(now_ms=NOW + second * 1000, monotonic_ms=second * 1000)
        assert collector.state.data.agents[agent.agent.number].stopped_cleanly
