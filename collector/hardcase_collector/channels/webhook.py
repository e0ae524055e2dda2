"""The webhook channel: POSTs a case event, signed after Standard Webhooks. Made by app.py from the configuration.

Its URL and secret are told to nobody: receivers put tokens into paths, so errors name neither.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from hardcase_collector.channels.signature import signed_headers
from hardcase_collector.domain.ports import DeliveryResult, OutboxRow

CONNECT_S = 5.0
"""A receiver that does not even accept within this time is down."""
ANSWER_S = 15.0
"""The whole attempt; httpx's own timeouts are per read and would wait for ever on a trickle."""
_ANSWER_BYTES = 64 * 1024
"""Read, so that the connection can be used again; a longer answer costs its connection."""
# Request Timeout, Too Early, Too Many Requests: RFC 9110 15.5.9, RFC 8470 5.2, RFC 6585 4.
_RETRY = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    name: str
    url: str = field(repr=False)
    key: bytes = field(repr=False)
    """From `signature.signing_key`."""
    answer_s: float = ANSWER_S


class WebhookChannel:
    """See `Channel`."""

    def __init__(self, settings: WebhookSettings, *, user_agent: str = "hardcase") -> None:
        self._settings = settings
        self._client = httpx.AsyncClient(
            # A redirect could lead a signed event anywhere; the configuration alone says where it goes.
            follow_redirects=False,
            # No proxy and no .netrc from the environment: what is not in the configuration is not used.
            trust_env=False,
            timeout=httpx.Timeout(settings.answer_s, connect=CONNECT_S),
            limits=httpx.Limits(max_connections=16, max_keepalive_connections=8, keepalive_expiry=30),
            headers={"user-agent": user_agent, "content-type": "application/cloudevents+json; charset=utf-8"},
        )

    @property
    def name(self) -> str:
        return self._settings.name

    async def deliver(self, row: OutboxRow, *, now_ms: int) -> DeliveryResult:
        headers = signed_headers(self._settings.key, event_id=row.event_id, timestamp_s=now_ms // 1000, body=row.body)
        try:
            async with (
                asyncio.timeout(self._settings.answer_s),
                self._client.stream("POST", self._settings.url, content=row.body, headers=dict(headers)) as answer,
            ):
                await _drain(answer)
        except (TimeoutError, httpx.TimeoutException):
            return DeliveryResult(delivered=False, detail="the receiver did not answer in time")
        except httpx.ConnectError:
            return DeliveryResult(
                delivered=False, detail="the receiver cannot be reached, or its certificate is refused"
            )
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            return DeliveryResult(delivered=False, permanent=True, detail="the webhook's URL cannot be used")
        except httpx.HTTPError as error:
            return DeliveryResult(delivered=False, detail=f"the connection failed: {type(error).__name__}")
        return _judge(answer, now_ms)

    async def close(self) -> None:
        await self._client.aclose()


async def _drain(answer: httpx.Response) -> None:
    # Raw: a compressed answer is not unpacked, so that it cannot grow.
    read = 0
    async for chunk in answer.aiter_raw():
        read += len(chunk)
        if read > _ANSWER_BYTES:
            return


def _judge(answer: httpx.Response, now_ms: int) -> DeliveryResult:
    status = answer.status_code
    if 200 <= status < 300:
        return DeliveryResult(delivered=True, detail=f"HTTP {status}")
    if status in _RETRY or status >= 500:
        return DeliveryResult(
            delivered=False,
            detail=f"HTTP {status}",
            retry_after_s=retry_after_s(answer.headers.get("retry-after", ""), now_ms=now_ms),
        )
    redirect = " (a redirect is not followed)" if 300 <= status < 400 else ""
    return DeliveryResult(delivered=False, permanent=True, detail=f"HTTP {status}{redirect}")


def retry_after_s(header: str, *, now_ms: int) -> float | None:
    """RFC 9110 10.2.3: seconds or a date. None where it says neither."""
    text = header.strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.fromtimestamp(now_ms / 1000, UTC)).total_seconds())
