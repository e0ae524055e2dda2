"""A loop that ends by itself ends the agent by name, so that systemd starts it anew."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest
from hardcase_agent.app import Agent


@dataclass
class LinkWith:
    task: asyncio.Task[None] | None


async def for_ever() -> None:
    await asyncio.Event().wait()


async def at_once() -> None:
    return


async def broken() -> None:
    raise KeyError("a defect")


def agent_with(uplink: asyncio.Task[None] | None) -> Agent:
    agent = Agent(Path("agent.toml"), missing_is_default=True, insecure=False)
    agent._link = LinkWith(uplink)  # type: ignore[assignment]  # all that is looked at
    agent._tasks = [asyncio.create_task(for_ever(), name="sweeps")]
    return agent


async def test_an_uplink_that_ended_ends_the_agent() -> None:
    agent = agent_with(asyncio.create_task(at_once(), name="uplink"))
    with pytest.raises(RuntimeError, match="uplink ended by itself"):
        await asyncio.wait_for(agent._until_stopped(), 10)


async def test_the_defect_that_ended_it_is_told() -> None:
    agent = agent_with(asyncio.create_task(broken(), name="uplink"))
    with pytest.raises(KeyError, match="a defect"):
        await asyncio.wait_for(agent._until_stopped(), 10)


async def test_without_a_collector_there_is_no_uplink_to_watch() -> None:
    agent = agent_with(None)
    running = asyncio.create_task(agent._until_stopped())
    await asyncio.sleep(0)
    agent._stop.set()
    await asyncio.wait_for(running, 10)
