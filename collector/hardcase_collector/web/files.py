"""How an attachment leaves: as a download, whatever it is, and never as something a browser shows or runs."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from fastapi.responses import StreamingResponse

from hardcase_collector.domain.report import Attachment


def as_download(attachment: Attachment, chunks: Iterator[bytes]) -> StreamingResponse:
    """RFC 6266: the name in ASCII for old readers, and whole in UTF-8."""
    return download(attachment.name, attachment.media, attachment.size, chunks)


def download(name: str, media: str, size: int, chunks: Iterator[bytes]) -> StreamingResponse:
    """The same for any file that was kept."""
    plain = name.encode("ascii", "replace").decode("ascii").replace("?", "_").replace('"', "_")
    whole = quote(name, safe="")
    return StreamingResponse(
        chunks,
        media_type=media,
        headers={
            "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{whole}",
            "Content-Length": str(size),
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cache-Control": "no-store",
            "Cross-Origin-Resource-Policy": "same-origin",
        },
    )
