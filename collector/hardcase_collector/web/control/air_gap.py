"""Files of agents without a network, on the control socket: import, receipts, identities."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Body, Query, Request, Response
from starlette.requests import ClientDisconnect

from hardcase_collector.domain.errors import FileDamaged, IllegalAction, NotFound
from hardcase_collector.web.again import AgainRoute
from hardcase_collector.web.control.plain import Json, plain
from hardcase_collector.web.control.ports import Control, asker, scope_of

SILENT_S = 60.0
"""A sender that says nothing for so long is gone."""
UPLOADS_AT_ONCE = 4
"""Each is held whole until it is the writer's turn."""
LONGEST_REQUEST = 128 << 10


def router(control: Control) -> APIRouter:
    made = APIRouter(prefix="/v1", route_class=AgainRoute)
    if control.air_gap is not None:
        _take(made, control)
        _show(made, control)
        _enroll(made, control)
    return made


def _take(made: APIRouter, control: Control) -> None:
    gap = control.air_gap
    assert gap is not None  # no route is made without
    uploads = asyncio.Semaphore(UPLOADS_AT_ONCE)

    @made.post("/air-gap/imports", response_model=None)
    async def take(request: Request, accept_gap: bool = False, more: bool = False) -> Json:
        """The body is the file."""
        async with uploads:
            data = await _body(request, gap.largest)
            taken = await asyncio.to_thread(
                gap.take, data, by=asker(request), accept_gap=accept_gap, more=more, customer=scope_of(request)
            )
        return plain(taken)


async def _body(request: Request, largest: int) -> bytes:
    data = bytearray()
    try:
        async with asyncio.timeout(SILENT_S) as patience:
            async for chunk in request.stream():
                data += chunk
                if len(data) > largest:
                    raise FileDamaged(f"it is larger than {largest} bytes: no agent makes such a file")
                patience.reschedule(asyncio.get_running_loop().time() + SILENT_S)
    except (ClientDisconnect, TimeoutError):
        raise IllegalAction("the file broke off on its way here") from None
    return bytes(data)


def _show(made: APIRouter, control: Control) -> None:
    gap = control.air_gap
    assert gap is not None  # no route is made without

    @made.get("/air-gap/imports", response_model=None)
    def imports(
        request: Request, customer: str | None = None, limit: Annotated[int, Query(ge=1, le=5000)] = 100
    ) -> Json:
        with control.shop.store.read() as tx:
            agents = {one.number: one for one in tx.agents.all(customer=customer)}
            found = tx.imports.all(customer=customer, limit=limit)
        return {
            "imports": [
                {"agent_id": agents[one.agent].id, "hostname": agents[one.agent].hostname, "file": plain(one)}
                for one in found
                if one.agent in agents
            ]
        }

    @made.get("/air-gap/receipts/{name}", response_model=None)
    def receipt(name: str, customer: str | None = None) -> Response:
        """By id or host name."""
        with control.shop.store.read() as tx:
            found = [one.id for one in tx.agents.all(customer=customer) if name in (one.id, one.hostname)]
        if len(found) != 1:
            raise NotFound(
                "{found} agents are called {name}; use the id from hardcase-collector agents list",
                found=len(found),
                name=name,
            )
        return Response(gap.receipt(found[0]), media_type="application/octet-stream")


def _enroll(made: APIRouter, control: Control) -> None:
    gap = control.air_gap
    assert gap is not None  # no route is made without

    @made.post("/air-gap/identities", response_model=None)
    def enroll(
        request: Request,
        file: Annotated[str, Body(embed=True, max_length=LONGEST_REQUEST)],
        token: Annotated[str, Body(embed=True, max_length=4096)],
    ) -> Json:
        return plain(dict(gap.enroll(file, token, by=asker(request))))
