"""What is sent was synced before: the agent's spool before each frame, both of the collector's stores before each ack.

Real agent and collector over mutual TLS, each under strace. One frame a period, so that each one's calls stand apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from math import inf

import pytest
from hardcase_agent.sensors.rehearsal.load import load_timeline

from tests.acceptance.scene import Scene
from tests.integration.strace_log import Call, Strace

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SENSORS, PERIOD_S, FRAMES = 400, 1.0, 14
FRAME_BYTES = 1200
"""A frame of that many wandering sensors, compressed and encrypted, is larger; nothing else here is."""
TLS_RECORD_BYTES = 22
"""What TLS 1.3 adds to a record: header 5, content type 1, tag 16 (RFC 8446, 5.2)."""
WINDOW_UPDATE_BYTES, PING_BYTES = 13, 17
"""HTTP/2's frames that carry none of our messages, and come at any time (RFC 9113, 6.7 and 6.9)."""
SENDS, RECEIVES = ("sendmsg", "sendto", "write", "writev"), ("recvmsg", "recvfrom", "read")
SYNCS, WRITES = ("fsync", "fdatasync"), ("write", "writev", "pwrite64", "pwritev")


@dataclass(frozen=True, slots=True)
class Traced:
    agent: Sequence[Call]
    collector: Sequence[Call]
    port: str


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traced]:
    folder = tmp_path_factory.mktemp("sync")
    timeline = folder / "timeline.toml"
    timeline.write_text(load_timeline(1, sensors=SENSORS, period_s=PERIOD_S, faults=[]))
    with ExitStack() as stack:
        scene = Scene(folder, stack)
        scene.open()
        agent = scene.agent("drill", f'[helper]\nsocket = ""\n[rehearsal]\ntimeline = "{timeline}"\n')
        agent.program.start()
        scene.until(lambda: scene.numbers()["frames"] > 2, "frames arrive")
        with (
            Strace(agent.program.pid, folder / "agent.trace") as of_agent,
            Strace(scene.collector.program.pid, folder / "collector.trace") as of_collector,
        ):
            enough = scene.numbers()["frames"] + FRAMES
            scene.until(lambda: scene.numbers()["frames"] >= enough, "frames arrive under strace")
        yield Traced(of_agent.calls(), of_collector.calls(), f":{scene.collector.telemetry_port}")


def test_the_agent_syncs_its_spool_before_it_sends_a_frame(traced: Traced) -> None:
    written = [call for call in traced.agent if call.name in WRITES and call.path.endswith(".seg")]
    synced = [call for call in traced.agent if call.name in SYNCS and call.path.endswith(".seg")]
    sent = [call for call in traced.agent if is_socket(call, SENDS, traced.port) and call.result >= FRAME_BYTES]
    # Fewer than frames: a machine that stands still for a while sends some together.
    assert min(len(written), len(sent)) >= FRAMES / 4
    # Whatever else happens: each write has a sync of its own, before the next write.
    for write, following in pairwise(written):
        assert any(write.ended < sync.began and sync.ended < following.began for sync in synced)
    assert premature(written, [synced], sent) == []


def test_the_collector_syncs_both_stores_before_it_acknowledges(traced: Traced) -> None:
    came = [call for call in traced.collector if is_socket(call, RECEIVES, traced.port) and tells(call)]
    acked = [call for call in traced.collector if is_socket(call, SENDS, traced.port) and tells(call)]
    telemetry = [call for call in traced.collector if call.name in SYNCS and "telemetry.duckdb" in call.path]
    state = [call for call in traced.collector if call.name in SYNCS and "state.sqlite" in call.path]
    assert min(sum(call.result >= FRAME_BYTES for call in came), len(acked)) >= FRAMES / 4
    # The first may be owed to what came before the trace began.
    assert premature(came, [telemetry, state], acked[1:]) == []


FIRST, ONE, OTHER, SEND = ("came", "telemetry", "state", "ack")


@pytest.mark.parametrize(
    ("order", "early"),
    [
        ([FIRST, ONE, OTHER, SEND, FIRST, ONE, OTHER, SEND], 0),
        # Two together; the second while the first is synced, so that its acknowledgement follows its own syncs.
        ([FIRST, FIRST, ONE, OTHER, SEND], 0),
        ([FIRST, ONE, FIRST, OTHER, SEND, ONE, OTHER, SEND], 0),
        ([FIRST, SEND, ONE, OTHER, FIRST, SEND, ONE, OTHER], 2),
        ([FIRST, ONE, SEND, OTHER, FIRST, ONE, SEND, OTHER], 2),
        ([FIRST, OTHER, ONE, SEND], 1),
        ([FIRST, ONE, FIRST, OTHER, SEND, SEND, ONE, OTHER], 1),
    ],
)
def test_a_send_before_its_syncs_is_seen(order: Sequence[str], early: int) -> None:
    calls = {
        name: [Call(name, "", at, at, 0) for at, one in enumerate(order) if one == name]
        for name in (FIRST, ONE, OTHER, SEND)
    }
    assert len(premature(calls[FIRST], [calls[ONE], calls[OTHER]], calls[SEND])) == early


def is_socket(call: Call, names: Sequence[str], port: str) -> bool:
    return call.name in names and call.path.startswith("TCP") and port in call.path


def tells(call: Call) -> bool:
    """False: only window updates and pings, by their length; above a few of them, any length is a sum of such."""
    left = call.result - TLS_RECORD_BYTES
    return left > 4 * PING_BYTES or all(
        (left - pings * PING_BYTES) % WINDOW_UPDATE_BYTES for pings in range(left // PING_BYTES + 1)
    )


def premature(begun: Sequence[Call], syncs: Sequence[Sequence[Call]], sends: Sequence[Call]) -> list[Call]:
    """Sends that went while nothing of what was open had, after it began, a sync of each kind in turn.

    A send settles all that was synced before it: on a loaded machine two may go together.
    """
    settled_at = [settled(call, syncs) for call in begun]
    early, done = [], 0
    for send in sends:
        opened = sum(call.ended < send.began for call in begun)
        ready = sum(at < send.began for at in settled_at)
        if opened > done and ready <= done:
            early.append(send)
            done = opened
        done = max(done, ready)
    return early


def settled(call: Call, syncs: Sequence[Sequence[Call]]) -> float:
    """When a sync of each kind in turn had ended."""
    at: float = call.ended
    for kind in syncs:
        at = min((sync.ended for sync in kind if sync.began > at), default=inf)
    return at
