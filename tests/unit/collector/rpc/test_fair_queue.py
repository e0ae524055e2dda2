"""Streams take turns, live ones first, and nobody's memory is without end."""

from __future__ import annotations

from hardcase_collector.rpc.fair_queue import BACKLOG_SHARE, LANE_BYTES, STREAM_BYTES, FairQueue, Waiting


def stream(agent: int, *, backlog: bool = False) -> Waiting:
    return Waiting(agent, 1, backlog)


def taken(queue: FairQueue, count: int = 1000) -> list[tuple[int, bytes]]:
    found = []
    for _ in range(count):
        turn = queue.take()
        if turn is None:
            break
        found.append((turn[0].agent, turn[2]))
    return found


def test_streams_take_turns_and_keep_their_own_order() -> None:
    queue = FairQueue()
    one, two = stream(1), stream(2)
    for at in range(3):
        queue.put(one, b"a%d" % at, 0)
    for at in range(2):
        queue.put(two, b"b%d" % at, 0)
    assert taken(queue) == [(1, b"a0"), (2, b"b0"), (1, b"a1"), (2, b"b1"), (1, b"a2")]
    assert queue.take() is None


def test_a_live_stream_does_not_wait_for_one_that_catches_up() -> None:
    queue = FairQueue()
    behind, live = stream(1, backlog=True), stream(2)
    for _ in range(100):
        queue.put(behind, b"old", 0)
    for _ in range(3):
        queue.put(live, b"new", 0)
    first = [agent for agent, _ in taken(queue, 4)]
    assert first.count(2) == 3


def test_a_stream_that_catches_up_has_its_share_while_others_are_live() -> None:
    queue = FairQueue()
    behind, live = stream(1, backlog=True), stream(2)
    for _ in range(1000):
        queue.put(behind, b"old", 0)
        queue.put(live, b"new", 0)
    agents = [agent for agent, _ in taken(queue, 400)]
    assert agents.count(1) == 400 // BACKLOG_SHARE


def test_what_streams_of_a_lane_may_have_on_their_way_is_its_room_however_many_they_are() -> None:
    queue = FairQueue()
    streams = [stream(at, backlog=True) for at in range(1000)]
    assert queue.credit(streams[0]) == STREAM_BYTES // 2
    for one in streams:
        queue.put(one, b"old", 0)
    assert sum(queue.credit(one) for one in streams) <= LANE_BYTES
    assert queue.credit(stream(1000)) == STREAM_BYTES // 2, "live ones have a lane of their own"


def test_a_stream_with_too_much_waiting_is_told_to_pause_and_goes_on_at_half() -> None:
    queue = FairQueue()
    one = stream(1)
    half = bytes(STREAM_BYTES // 2)
    assert queue.put(one, half[:-1], 0)
    assert not queue.put(one, half + b"x", 0)
    assert not queue.has_room(one)
    queue.take()
    assert not queue.has_room(one)
    queue.take()
    assert queue.has_room(one)
    assert queue.bytes == 0


def test_a_live_stream_has_room_however_many_catch_up() -> None:
    queue = FairQueue()
    crowd = [stream(agent, backlog=True) for agent in range(200)]
    piece = bytes(100_000)
    going_on = crowd
    while going_on:
        going_on = [one for one in going_on if queue.put(one, piece, 0)]
    assert queue.bytes <= LANE_BYTES + len(crowd) * len(piece) + STREAM_BYTES * 8
    live = stream(1000)
    assert queue.put(live, b"new", 0)
    assert queue.has_room(live)


def test_streams_that_catch_up_share_the_room_evenly() -> None:
    queue = FairQueue()
    crowd = [stream(agent, backlog=True) for agent in range(1000)]
    for one in crowd:
        queue.put(one, bytes(1000), 0)
    share = LANE_BYTES // len(crowd)
    greedy, late = crowd[0], crowd[-1]
    while queue.put(greedy, bytes(1000), 0):
        pass
    assert share <= greedy.bytes <= share + 1000
    assert queue.has_room(late)


def test_what_a_gone_stream_had_waiting_is_dropped() -> None:
    queue = FairQueue()
    one, two = stream(1), stream(2)
    queue.put(one, b"a", 0)
    queue.put(two, b"b", 0)
    queue.drop(one)
    queue.put(one, b"more", 0)
    assert taken(queue) == [(2, b"b")]
    assert queue.bytes == 0
    assert queue.has_room(one)


def test_the_writer_wakes_when_something_comes() -> None:
    queue = FairQueue()
    assert not queue.wait(0)
    queue.put(stream(1), b"a", 0)
    assert queue.wait(0)
    taken(queue)
    assert not queue.wait(0)
    queue.wake()
    assert queue.wait(0)
