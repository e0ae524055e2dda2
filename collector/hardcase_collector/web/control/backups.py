"""A backup, streamed over the control socket to the command that asked for it."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from hardcase_collector.domain.errors import IllegalAction
from hardcase_collector.web.control.ports import Control, asker


def router(control: Control) -> APIRouter:
    made = APIRouter(prefix="/v1")
    shop = control.shop

    @made.get("/backup", response_model=None)
    def backup(request: Request) -> StreamingResponse:
        """Everything, the CA's key among it: for whoever may use this socket, and nobody of one customer alone."""
        if control.backups is None or request.query_params.get("customer"):
            raise IllegalAction("a backup is of everything: it cannot be asked for here")
        now_ms = shop.clock_ms()
        pieces = control.backups(now_ms)
        with shop.store.write() as tx:
            tx.access.audit(at_ms=now_ms, actor=asker(request), action="backup.taken", subject="", facts={})
        return StreamingResponse(pieces, media_type="application/x-tar")

    return made
