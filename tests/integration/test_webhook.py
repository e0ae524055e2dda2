"""The webhook channel against a real HTTP server: what is retried, what is not, and what nobody ever reads."""

from __future__ import annotations

import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import urlsplit

import pytest
from hardcase_collector.channels.signature import signing_key
from hardcase_collector.channels.webhook import WebhookChannel, WebhookSettings, retry_after_s

from tests.contracts.channel import NOW_MS, a_row
from tests.peers.webhook_sink import SECRET, Answer, Sink


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink(SECRET, clock_s=lambda: NOW_MS / 1000) as running:
        yield running


@pytest.fixture
async def channel(sink: Sink) -> AsyncIterator[WebhookChannel]:
    made = a_channel(sink.url)
    yield made
    await made.close()


def a_channel(url: str) -> WebhookChannel:
    return WebhookChannel(WebhookSettings(name="hook", url=url, key=signing_key(SECRET)))


RETRIED = (408, 425, 429, 500, 502, 503, 504, 507)
FOR_GOOD = (301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 409, 410, 413, 422, 451)


@pytest.mark.parametrize("status", RETRIED)
async def test_a_status_that_may_pass_is_tried_again(sink: Sink, channel: WebhookChannel, status: int) -> None:
    sink.script.append(Answer(status))
    result = await channel.deliver(a_row(), now_ms=NOW_MS)
    assert (result.delivered, result.permanent, result.detail) == (False, False, f"HTTP {status}")


@pytest.mark.parametrize("status", FOR_GOOD)
async def test_a_status_that_stays_is_a_dead_letter(sink: Sink, channel: WebhookChannel, status: int) -> None:
    sink.script.append(Answer(status, {"location": "/elsewhere"}))
    result = await channel.deliver(a_row(), now_ms=NOW_MS)
    assert (result.delivered, result.permanent) == (False, True)
    assert result.detail.startswith(f"HTTP {status}")


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_every_2xx_is_a_delivery(sink: Sink, channel: WebhookChannel, status: int) -> None:
    sink.script.append(Answer(status, body=b"" if status == 204 else b"ok"))
    assert (await channel.deliver(a_row(), now_ms=NOW_MS)).delivered


async def test_a_redirect_is_not_followed(sink: Sink, channel: WebhookChannel) -> None:
    with Sink(SECRET, clock_s=lambda: NOW_MS / 1000) as elsewhere:
        sink.script.append(Answer(307, {"location": elsewhere.url}))
        result = await channel.deliver(a_row(), now_ms=NOW_MS)
        assert result.permanent
        assert elsewhere.received == []


async def test_retry_after_is_told(sink: Sink, channel: WebhookChannel) -> None:
    sink.script.append(Answer(429, {"retry-after": "120"}))
    assert (await channel.deliver(a_row(), now_ms=NOW_MS)).retry_after_s == 120


def test_retry_after_is_seconds_or_a_date_or_nothing() -> None:
    date = format_datetime(datetime.fromtimestamp(NOW_MS / 1000 + 90, UTC), usegmt=True)
    assert retry_after_s(date, now_ms=NOW_MS) == 90
    assert retry_after_s("7", now_ms=NOW_MS) == 7
    assert retry_after_s("Thu, 01 Jan 1970 00:00:00 GMT", now_ms=NOW_MS) == 0
    for nonsense in ("", "soon", "-5", "9" * 400, "Thu, 99 Foo 2026 99:99:99 GMT"):
        assert retry_after_s(nonsense, now_ms=NOW_MS) is None


async def test_the_receiver_verifies_id_time_and_body(sink: Sink, channel: WebhookChannel) -> None:
    await channel.deliver(a_row(), now_ms=NOW_MS)
    stale = await channel.deliver(a_row("HC-20261124-0001-v2"), now_ms=NOW_MS - 301_000)
    other = WebhookChannel(WebhookSettings(name="hook", url=sink.url, key=b"x" * 32))
    forged = await other.deliver(a_row("HC-20261124-0001-v3"), now_ms=NOW_MS)
    await other.close()
    assert sink.ids() == ["HC-20261124-0001-v1"]
    assert sink.refused == ["its time is missing or too far from now", "no signature fits"]
    assert (stale.permanent, forged.permanent) == (True, True)


@pytest.mark.parametrize(
    "sent", [b"", b"POST / HTTP/1.1\r\nHost: c\r\n", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n{"]
)
def test_a_request_cut_off_by_its_senders_death_is_none(sink: Sink, sent: bytes) -> None:
    with socket.create_connection((urlsplit(sink.url).hostname, urlsplit(sink.url).port), timeout=90) as sender:
        sender.sendall(sent)
        sender.shutdown(socket.SHUT_WR)
        while sender.recv(4096):
            pass
    assert (sink.received, sink.refused) == ([], [])


async def test_a_receiver_that_is_down_is_tried_again_and_its_url_is_told_to_nobody() -> None:
    with socket.socket() as closed:
        # Bound and not listening: refused, and nobody else's meanwhile.
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        channel = a_channel(f"http://127.0.0.1:{port}/hooks/T0KEN?key=S3CRET")
        result = await channel.deliver(a_row(), now_ms=NOW_MS)
        await channel.close()
    assert (result.delivered, result.permanent) == (False, False)
    assert "T0KEN" not in result.detail
    assert "S3CRET" not in result.detail
    assert str(port) not in result.detail


def test_settings_do_not_show_their_secret() -> None:
    shown = repr(WebhookSettings(name="hook", url="https://host/T0KEN", key=b"K" * 32))
    assert "T0KEN" not in shown
    assert "KKK" not in shown


async def test_a_url_nobody_can_use_is_a_dead_letter() -> None:
    channel = a_channel("gopher://127.0.0.1/")
    result = await channel.deliver(a_row(), now_ms=NOW_MS)
    await channel.close()
    assert result.permanent


@contextmanager
def answering(send: bytes, *, again: bool) -> Iterator[str]:
    """A server that says this to whoever connects, once or until nobody listens."""
    stopping = threading.Event()
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(60)

    def serve() -> None:
        try:
            client, _ = server.accept()
        except OSError:
            return
        with client:
            client.settimeout(60)
            try:
                client.recv(65536)
                client.sendall(send)
                while again and not stopping.wait(0.01):
                    client.sendall(b"x" * 8192)
            except OSError:
                return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
    finally:
        stopping.set()
        server.close()
        thread.join(timeout=60)


async def test_an_answer_without_end_is_read_to_a_limit_and_counts() -> None:
    with answering(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", again=True) as url:
        channel = a_channel(url)
        result = await channel.deliver(a_row(), now_ms=NOW_MS)
        await channel.close()
    assert result.delivered


async def test_an_answer_that_is_no_http_is_tried_again() -> None:
    with answering(b"SSH-2.0-OpenSSH\r\n", again=False) as url:
        channel = a_channel(url)
        result = await channel.deliver(a_row(), now_ms=NOW_MS)
        await channel.close()
    assert (result.delivered, result.permanent) == (False, False)


async def test_a_receiver_that_never_answers_is_given_up(sink: Sink) -> None:
    channel = WebhookChannel(WebhookSettings(name="hook", url=sink.url, key=signing_key(SECRET), answer_s=0.2))
    sink.script.append(Answer(204, before_s=30))
    result = await channel.deliver(a_row(), now_ms=NOW_MS)
    await channel.close()
    assert (result.delivered, result.permanent) == (False, False)
    assert "in time" in result.detail
