"""Messages of all streams between the event loop, which puts, and the writer's thread, which takes; bounded, fair.

Streams take turns, one message a turn. Live streams go first; those that catch up get a fixed share besides, so that
neither starves the other. Bytes are handed over as they came: the loop parses nothing.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field

STREAM_BYTES = 1 << 20
"""Bytes one stream may have waiting before its reading pauses; the most that is granted as credit is half of it."""
LANE_BYTES = 64 << 20
"""Bytes the streams of one lane share evenly, so that none waits for room that others took: a thousand agents that
catch up fill whatever they are given. Both lanes are a sixth of the memory the collector may use at 5,000 streams."""
LEAST_BYTES = 16 << 10
"""What a stream may always have waiting: a few of the messages of live agents."""
BACKLOG_SHARE = 4
"""Every fourth turn belongs to a stream that catches up, where one waits."""


@dataclass(slots=True, eq=False)
class Waiting:
    """What one stream has waiting. `backlog` is set by the writer after each group."""

    agent: int
    session: int
    backlog: bool
    messages: deque[tuple[int, bytes]] = field(default_factory=deque)
    """(received ms, bytes)."""
    bytes: int = 0
    queued: bool = False
    dropped: bool = False


class FairQueue:
    """Thread-safe. `put` never waits; it says when the stream should pause."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._arrived = threading.Event()
        self._live: deque[Waiting] = deque()
        self._behind: deque[Waiting] = deque()
        self._turn = 0
        self.bytes = 0

    def put(self, stream: Waiting, message: bytes, received_ms: int) -> bool:
        """False: the stream has enough waiting and should pause until `has_room`."""
        size = len(message)
        with self._lock:
            if stream.dropped:
                return True
            stream.messages.append((received_ms, message))
            stream.bytes += size
            self.bytes += size
            if not stream.queued:
                stream.queued = True
                (self._behind if stream.backlog else self._live).append(stream)
        if not self._arrived.is_set():
            self._arrived.set()
        return stream.bytes < self._share(stream)

    def credit(self, stream: Waiting) -> int:
        """Bytes the stream may have on its way, by how many share its lane now. What an agent keeps within waits here
        and not in the transport, whose buffers are counted nowhere and are a stream's own."""
        return min(self._share(stream), STREAM_BYTES // 2)

    def has_room(self, stream: Waiting) -> bool:
        return stream.dropped or stream.bytes < self._share(stream) // 2

    def _share(self, stream: Waiting) -> int:
        lane = self._behind if stream.backlog else self._live
        return max(LEAST_BYTES, min(STREAM_BYTES, LANE_BYTES // max(1, len(lane))))

    def take(self) -> tuple[Waiting, int, bytes] | None:
        """The next message in turn, or None where nothing waits."""
        with self._lock:
            while True:
                lane = self._next_lane()
                if lane is None:
                    self._arrived.clear()
                    return None
                stream = lane.popleft()
                if not stream.messages:
                    stream.queued = False
                    continue
                received_ms, message = stream.messages.popleft()
                stream.bytes -= len(message)
                self.bytes -= len(message)
                if stream.messages:
                    (self._behind if stream.backlog else self._live).append(stream)
                else:
                    stream.queued = False
                return stream, received_ms, message

    def _next_lane(self) -> deque[Waiting] | None:
        self._turn += 1
        if self._behind and (not self._live or self._turn % BACKLOG_SHARE == 0):
            return self._behind
        return self._live or None

    def drop(self, stream: Waiting) -> None:
        """The stream is gone; what it has waiting is not acknowledged and comes again."""
        with self._lock:
            stream.dropped = True
            stream.messages.clear()
            self.bytes -= stream.bytes
            stream.bytes = 0

    def wait(self, timeout_s: float) -> bool:
        """Blocks the writer until something waits, `wake` is called, or the time is over."""
        return self._arrived.wait(timeout_s)

    def wake(self) -> None:
        self._arrived.set()
