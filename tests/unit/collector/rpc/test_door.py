"""Who says no Hello, or a wrong one: which of them may come back by itself."""

from __future__ import annotations

import asyncio
from typing import Any, NoReturn, cast

import grpc
import pytest
from hardcase_collector.rpc.door import Close, Door, Refusal
from hardcase_collector.rpc.gate import Gate


class Aborted(Exception):
    pass


class Caller:
    """One peer's call, with what it sends first; None: nothing, for ever."""

    def __init__(self, first: bytes | object | None) -> None:
        self._first = first
        self.status: grpc.StatusCode | None = None

    async def read(self) -> bytes | object:
        if self._first is None:
            await asyncio.Event().wait()
        return self._first

    async def abort(self, code: grpc.StatusCode, detail: str) -> NoReturn:
        self.status = code
        raise Aborted(detail)


async def hello_of(caller: Caller) -> object:
    door = Door(cast(Gate, None), lambda: 0, hello_s=0.01)
    return await door.hello(cast(Any, caller))


async def test_a_host_too_busy_to_say_hello_in_time_is_not_turned_away_for_good() -> None:
    caller = Caller(None)
    with pytest.raises(Aborted, match="no Hello within"):
        await hello_of(caller)
    # No Close: an agent that read "protocol" would stay away until somebody acts.
    assert caller.status is grpc.StatusCode.DEADLINE_EXCEEDED


@pytest.mark.parametrize("first", [b"", b"\xff", grpc.aio.EOF])
async def test_what_is_no_hello_is_refused_for_good(first: bytes | object) -> None:
    with pytest.raises(Refusal) as told:
        await hello_of(Caller(first))
    assert told.value.cause == Close.CAUSE_PROTOCOL
