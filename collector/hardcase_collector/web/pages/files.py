"""Files of a case: taken from a form in pieces, and given out as downloads only.

What may be attached is `cases/attachments.py`.
"""

from __future__ import annotations

import asyncio
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException

from hardcase_collector.cases.attachments import Attachments, Upload
from hardcase_collector.domain.errors import NotFound
from hardcase_collector.domain.report import AttachmentKind
from hardcase_collector.web.access import Person
from hardcase_collector.web.again import AgainRoute
from hardcase_collector.web.files import as_download
from hardcase_collector.web.pages.frame import Frame, Refused, Visitor, check_form
from hardcase_collector.web.ports import Shop

PATH = "/attach/"
"""Before the case's number, where a body may be larger than a form's."""
FORM_BYTES = 16_384
"""Beside the file: names of fields, token, boundaries."""
_CHUNK = 1 << 18


def room(shop: Shop) -> int:
    """How large a form with a file may be."""
    limits = shop.attachments.limits if shop.attachments else None
    return max(limits.file_bytes, limits.bundle_bytes) + FORM_BYTES if limits else 0


class FilePages:
    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    @property
    def _attachments(self) -> Attachments:
        if self._shop.attachments is None:
            raise NotFound("no files are kept here")
        return self._shop.attachments

    async def attach(self, request: Request, person: Person, number: str) -> None:
        try:
            form = await request.form(max_files=1, max_fields=5)
        except MultiPartException:
            raise Refused(400, "error.field_wrong", field="file") from None
        try:
            check_form(person, str(form.get("form_token", "")))
            file = form.get("file")
            if not isinstance(file, UploadFile) or not file.filename:
                raise Refused(400, "error.field_needed", field="file")
            upload = await asyncio.to_thread(
                self._attachments.receive,
                number,
                by=person.actor,
                name=file.filename,
                internal=form.get("internal") == "1",
                kind=AttachmentKind.VENDOR_BUNDLE if form.get("bundle") == "1" else AttachmentKind.FILE,
            )
            await asyncio.to_thread(self._keep, upload, file)
        finally:
            await form.close()

    def _keep(self, upload: Upload, file: UploadFile) -> None:
        try:
            while chunk := file.file.read(_CHUNK):
                upload.write(chunk)
            upload.finish(now_ms=self._shop.clock_ms())
        finally:
            upload.abandon()

    def give(self, person: Person, id: int) -> Response:
        attachment, chunks = self._attachments.open(id, by=person.actor)
        return as_download(attachment, chunks)


def router(shop: Shop, frame: Frame) -> APIRouter:
    made = APIRouter(route_class=AgainRoute)
    pages = FilePages(shop)

    @made.post(f"{PATH}{{number}}")
    async def attach(request: Request, person: Visitor, number: str) -> RedirectResponse:
        await pages.attach(request, person, number)
        return RedirectResponse(f"/cases/{quote(number, safe='')}#people", 303)

    @made.get("/attachments/{id}")
    def give(person: Visitor, id: int) -> Response:
        return pages.give(person, id)

    return made
