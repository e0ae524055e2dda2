"""Files on cases, on the control socket: streamed in and out, never whole in memory."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Body, Query, Request, Response
from starlette.requests import ClientDisconnect

from hardcase_collector.cases.attachments import Attachments
from hardcase_collector.domain.errors import IllegalAction
from hardcase_collector.domain.report import AttachmentKind
from hardcase_collector.web.again import AgainRoute
from hardcase_collector.web.control.plain import Json, plain
from hardcase_collector.web.control.ports import Control, who
from hardcase_collector.web.files import as_download
from hardcase_collector.web.ports import Shop

SILENT_S = 60.0
"""A sender that says nothing for so long is gone."""


def router(control: Control) -> APIRouter:
    made = APIRouter(prefix="/v1", route_class=AgainRoute)
    if control.shop.attachments is not None:
        _receive(made, control.shop, control.shop.attachments)
        _show(made, control.shop, control.shop.attachments)
    return made


def _receive(made: APIRouter, shop: Shop, attachments: Attachments) -> None:
    @made.post("/attachments/{number}", response_model=None)
    async def attach(
        request: Request,
        number: str,
        name: Annotated[str, Query(max_length=500)],
        internal: bool = False,
        kind: AttachmentKind = AttachmentKind.FILE,
    ) -> Json:
        """The body is the file."""
        by = who(request)
        upload = await asyncio.to_thread(attachments.receive, number, by=by, name=name, internal=internal, kind=kind)
        try:
            async with asyncio.timeout(SILENT_S) as patience:
                async for chunk in request.stream():
                    await asyncio.to_thread(upload.write, chunk)
                    patience.reschedule(asyncio.get_running_loop().time() + SILENT_S)
            attached = await asyncio.to_thread(upload.finish, now_ms=shop.clock_ms())
        except (ClientDisconnect, TimeoutError):
            raise IllegalAction("{upload} broke off", upload=upload.name) from None
        finally:
            upload.abandon()
        return plain(attached)


def _show(made: APIRouter, shop: Shop, attachments: Attachments) -> None:
    @made.get("/cases/{number}/attachments", response_model=None)
    def listed(request: Request, number: str) -> Json:
        by = who(request)
        with shop.store.read() as tx:
            case = tx.cases.by_number(number, customer=by.customer)
            return {"attachments": plain(tuple(attachments.listed(tx, case, by=by)))}

    @made.get("/attachments/{id}/content", response_model=None)
    def content(request: Request, id: int) -> Response:
        attachment, chunks = attachments.open(id, by=who(request))
        return as_download(attachment, chunks)

    @made.post("/attachments/{id}/remove", response_model=None)
    def remove(
        request: Request, id: int, reason: Annotated[str, Body(embed=True, min_length=1, max_length=500)]
    ) -> Json:
        by, now_ms = who(request), shop.clock_ms()
        removed = attachments.remove(id, by=by, reason=reason, now_ms=now_ms)
        return plain(removed)
