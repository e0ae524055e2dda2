"""Runs a request that brings an idempotency key once, and answers it again as it was answered; see `kept.py`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hardcase_collector.domain.errors import CollectorError, StoreFailed
from hardcase_collector.domain.people import KeptAnswer
from hardcase_collector.web.api.door import ADMITTED, Admitted
from hardcase_collector.web.api.kept import MAX_ANSWER, Call, Keys, Told, calling, fingerprint_of
from hardcase_collector.web.api.problems import Problem, problem_of

KEY = "idempotency-key"
_STREAMED = "/v1/attachments/{number}"
"""Its body is a file, that flows by: its length stands for it."""


class Once:
    def __init__(self, app: ASGIApp, keys: Keys, *, clock_ms: Callable[[], int]) -> None:
        self._app = app
        self._keys = keys
        self._clock_ms = clock_ms

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        admitted: Admitted = scope[ADMITTED]
        told = Headers(scope=scope).getlist(KEY)
        call = Call(name=admitted.actor.name, token=admitted.token.id, path=admitted.path, address=admitted.address)
        if scope["method"] != "POST" or not told:
            await self._run(call, scope, receive, send)
            return
        try:
            fingerprint, again = await _fingerprint(scope, receive, admitted)
            begun = await asyncio.to_thread(
                self._keys.begin, admitted.token.id, ",".join(told), fingerprint, now_ms=self._clock_ms()
            )
        except Problem as problem:
            await problem.response()(scope, receive, send)
            return
        except CollectorError as error:
            await problem_of(error).response()(scope, receive, send)
            return
        if isinstance(begun, Told):
            response = Response(
                begun.body, begun.status, {"Idempotent-Replayed": "true"}, media_type="application/json"
            )
            await response(scope, receive, send)
            return
        try:
            await self._keyed(call, begun, admitted, scope, again, send)
        finally:
            self._keys.end(begun.token, begun.key)

    async def _keyed(
        self, call: Call, begun: KeptAnswer, admitted: Admitted, scope: Scope, receive: Receive, send: Send
    ) -> None:
        call.keyed = begun
        status, body = 0, bytearray()

        async def listen(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            elif len(body) <= MAX_ANSWER:
                body.extend(message.get("body", b""))
            await send(message)

        await self._run(call, scope, receive, listen)
        if 200 <= status < 300 and call.keyed is not None:
            keeps = admitted.permit is not None and admitted.permit.keeps_answer and len(body) <= MAX_ANSWER
            told = (status, body.decode("utf-8", "replace")) if keeps else (0, "")
            # Lost, it is answered later that it was done.
            with suppress(StoreFailed):
                await asyncio.to_thread(self._keys.keep, begun, status=told[0], body=told[1])

    async def _run(self, call: Call, scope: Scope, receive: Receive, send: Send) -> None:
        set_before = calling.set(call)
        try:
            await self._app(scope, receive, send)
        finally:
            calling.reset(set_before)


async def _fingerprint(scope: Scope, receive: Receive, admitted: Admitted) -> tuple[str, Receive]:
    """Of the whole request; and how its body is received after it was read here."""
    request = Request(scope, receive)
    path, query = scope["path"].encode("utf-8"), scope["query_string"]
    if admitted.path == _STREAMED:
        return fingerprint_of(path, query, request.headers.get("content-length", "").encode("latin-1")), receive
    body = await request.body()
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return fingerprint_of(path, query, body), again
