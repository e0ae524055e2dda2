"""The channel contract, on the fake and on the webhook channel with a real receiver."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from hardcase_collector.channels.signature import signing_key
from hardcase_collector.channels.webhook import WebhookChannel, WebhookSettings
from hardcase_collector.domain.ports import Channel, DeliveryResult

from tests.contracts.channel import NOW_MS, ChannelBench, ChannelContract
from tests.fakes.channel import FakeChannel
from tests.peers.webhook_sink import SECRET, Answer, Sink


class FakeBench:
    def __init__(self) -> None:
        self.fake = FakeChannel()

    @property
    def channel(self) -> Channel:
        return self.fake

    def refuse(self, *, permanent: bool, times: int = 1) -> None:
        self.fake.script.extend([DeliveryResult(delivered=False, permanent=permanent, detail="no")] * times)

    def hang(self) -> None:
        self.fake.gate.clear()

    def holds(self) -> bool:
        return len(self.fake.attempts) > len(self.fake.taken)

    def go_on(self) -> None:
        self.fake.gate.set()

    def received(self) -> list[str]:
        return [row.event_id for row in self.fake.taken]


class WebhookBench:
    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self._channel = WebhookChannel(WebhookSettings(name="hook", url=sink.url, key=signing_key(SECRET)))

    @property
    def channel(self) -> Channel:
        return self._channel

    def refuse(self, *, permanent: bool, times: int = 1) -> None:
        self.sink.script.extend([Answer(410 if permanent else 503)] * times)

    def hang(self) -> None:
        self.sink.script.append(Answer(204, before_s=600))

    def holds(self) -> bool:
        return bool(self.sink.received)

    def go_on(self) -> None:
        return

    def received(self) -> list[str]:
        return self.sink.ids()


class TestFakeChannel(ChannelContract):
    @pytest.fixture
    def bench(self) -> ChannelBench:
        return FakeBench()


class TestWebhookChannel(ChannelContract):
    @pytest.fixture
    async def bench(self) -> AsyncIterator[ChannelBench]:
        with Sink(SECRET, clock_s=lambda: NOW_MS / 1000) as sink:
            made = WebhookBench(sink)
            yield made
            await made.channel.close()
