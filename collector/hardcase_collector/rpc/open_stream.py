"""One open stream, as `service.py` keeps it."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from hardcase_collector.domain.asset import Agent
from hardcase_collector.rpc.door import Context, Refusal
from hardcase_collector.rpc.fair_queue import Waiting
from hardcase_collector.rpc.gate import Entered


@dataclass(slots=True, eq=False)
class Stream:
    """One open stream."""

    entered: Entered
    roots: tuple[bytes, ...]
    """SHA-256 of what it says it trusts."""
    waiting: Waiting
    task: asyncio.Task[object]
    context: Context
    room: asyncio.Event = field(default_factory=asyncio.Event)
    outbox: deque[bytes] = field(default_factory=deque)
    sender: asyncio.Task[None] | None = None
    ending: Refusal | None = None

    @property
    def agent(self) -> Agent:
        return self.entered.agent
