"""What every Channel must do, whatever it speaks. Run by test_channel.py.

A subclass gives a fixture `bench`: a channel and its receiver.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

import pytest
from hardcase_collector.domain.ports import Channel, OutboxRow

NOW_MS = 1_795_521_600_000


class ChannelBench(Protocol):
    """A channel with a receiver at its end that a test can direct."""

    @property
    def channel(self) -> Channel: ...

    def refuse(self, *, permanent: bool, times: int = 1) -> None: ...

    def hang(self) -> None:
        """The receiver does not answer the next event before `go_on`, or for very long."""

    def holds(self) -> bool:
        """The receiver has an event that it does not answer."""

    def go_on(self) -> None: ...

    def received(self) -> list[str]:
        """Ids of the events the receiver took, in order, once for each time."""


def a_row(event_id: str = "HC-20261124-0001-v1", version: int = 1) -> OutboxRow:
    return OutboxRow(
        id=version,
        channel="hook",
        case=1,
        version=version,
        event_id=event_id,
        body=b'{"specversion":"1.0"}',
        created_ms=NOW_MS,
        attempts=0,
        next_try_ms=NOW_MS,
        state="owed",
        last_error="",
    )


class ChannelContract:
    async def test_an_event_arrives_under_its_id(self, bench: ChannelBench) -> None:
        result = await bench.channel.deliver(a_row(), now_ms=NOW_MS)
        assert result.delivered
        assert bench.received() == ["HC-20261124-0001-v1"]

    async def test_it_never_retries_by_itself(self, bench: ChannelBench) -> None:
        bench.refuse(permanent=False)
        result = await bench.channel.deliver(a_row(), now_ms=NOW_MS)
        assert (result.delivered, result.permanent) == (False, False)
        assert result.detail
        assert bench.received() == []

    async def test_an_attempt_again_has_the_same_id(self, bench: ChannelBench) -> None:
        bench.refuse(permanent=False)
        await bench.channel.deliver(a_row(), now_ms=NOW_MS)
        assert (await bench.channel.deliver(a_row(), now_ms=NOW_MS)).delivered
        assert bench.received() == ["HC-20261124-0001-v1"]

    async def test_a_refusal_for_good_is_told_apart(self, bench: ChannelBench) -> None:
        bench.refuse(permanent=True)
        result = await bench.channel.deliver(a_row(), now_ms=NOW_MS)
        assert (result.delivered, result.permanent) == (False, True)

    async def test_several_deliveries_may_run_at_once(self, bench: ChannelBench) -> None:
        rows = [a_row(f"HC-20261124-000{number}-v1", number) for number in range(1, 6)]
        results = await asyncio.gather(*(bench.channel.deliver(row, now_ms=NOW_MS) for row in rows))
        assert all(result.delivered for result in results)
        assert sorted(bench.received()) == [row.event_id for row in rows]

    async def test_it_has_a_name_and_can_be_closed_twice(self, bench: ChannelBench) -> None:
        assert bench.channel.name == "hook"
        await bench.channel.close()
        await bench.channel.close()

    async def test_a_delivery_can_be_abandoned(self, bench: ChannelBench) -> None:
        bench.hang()
        delivery = asyncio.create_task(bench.channel.deliver(a_row(), now_ms=NOW_MS))
        async with asyncio.timeout(90):
            while not bench.holds():  # noqa: ASYNC110  # a receiver of its own thread
                await asyncio.sleep(0.01)
        delivery.cancel()
        with pytest.raises(asyncio.CancelledError):
            await delivery
        bench.go_on()
        assert (await bench.channel.deliver(a_row("HC-20261124-0002-v1", 2), now_ms=NOW_MS)).delivered
