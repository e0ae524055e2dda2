"""What is sent was synced before: the agent's spool before each frame, both of the collector's stores before each ack.

Real agent and collector over mutual TLS, each under strace. One frame a period, so that each one's calls stand apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hardcase_agent.sensors.rehearsal.load import load_timeline

from tests.acceptance.scene import Scene
from tests.integration.strace_log import Call, Strace

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240), pytest.mark.xdist_group("durability-sync")]

SENSORS, PERIOD_S, FRAMES = 400, 1.0, 14
FRAME_BYTES = 1200
"""A frame of that many wandering sensors, compressed and encrypted, is larger; heartbeats and HTTP/2's own are not."""
ACK_BYTES = 56
"""An acknowledgement in HTTP/2 and TLS is at least this long; HTTP/2's window updates and pings are shorter."""
SENDS, RECEIVES = ("sendmsg", "sendto", "write", "writev"), ("recvmsg", "recvfrom", "read")
SYNCS, WRITES = ("fsync", "fdatasync"), ("write", "writev", "pwrite64", "pwritev")
GOOD_SHARE = 0.6
"""On a loaded machine two frames may go together, and their calls with them. A sync that is missing or late is so for
every frame."""


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
    assert min(len(written), len(sent)) >= FRAMES / 2
    # Whatever else happens: each write has a sync of its own, before the next write.
    for write, following in pairwise(written):
        assert any(write.ended < sync.began and sync.ended < following.began for sync in synced)
    good = [write for write, until in windows(written) if in_order(write, [synced], sent, until)]
    assert len(good) >= GOOD_SHARE * (len(written) - 1), (len(good), len(written))


def test_the_collector_syncs_both_stores_before_it_acknowledges(traced: Traced) -> None:
    came = [call for call in traced.collector if is_socket(call, RECEIVES, traced.port) and call.result >= FRAME_BYTES]
    acked = [call for call in traced.collector if is_socket(call, SENDS, traced.port) and call.result >= ACK_BYTES]
    telemetry = [call for call in traced.collector if call.name in SYNCS and "telemetry.duckdb" in call.path]
    state = [call for call in traced.collector if call.name in SYNCS and "state.sqlite" in call.path]
    assert min(len(came), len(acked)) >= FRAMES / 2
    good = [frame for frame, until in windows(came) if in_order(frame, [telemetry, state], acked, until)]
    assert len(good) >= GOOD_SHARE * (len(came) - 1), (len(good), len(came), len(telemetry), len(state), len(acked))


def is_socket(call: Call, names: Sequence[str], port: str) -> bool:
    return call.name in names and call.path.startswith("TCP") and port in call.path


def windows(calls: Sequence[Call]) -> Iterator[tuple[Call, int]]:
    """Each call with the place where the next one begins; the last is left out, its end was not seen."""
    for call, following in pairwise(calls):
        yield call, following.began


def in_order(first: Call, syncs: Sequence[Sequence[Call]], sends: Sequence[Call], until: int) -> bool:
    """First, then a sync of each kind in turn, then a send, and no send before that."""
    at = first.ended
    for kind in syncs:
        ended = [sync.ended for sync in kind if at < sync.began and sync.ended < until]
        if not ended:
            return False
        at = ended[0]
    began = [send.began for send in sends if first.ended < send.began < until]
    return bool(began) and began[0] > at
