"""The running agent's side of export and receipts: the spool by its control socket, for root and the agent's user.

Called by `app.py` for the requests in ASKS. Whoever may ask could as well read and remove the spool's files.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Mapping
from typing import Any

from hardcase_agent.domain.errors import ConfigError
from hardcase_agent.spool.worker import SpoolWorker

log = logging.getLogger(__name__)

LONGEST_ANSWER = 4 << 20
"""A record of the largest size in base64, and what is around it."""
MOST_BYTES = 256 * 1024
MOST_RECORDS = 1_000
MOST_MARKS = 64
"""A request is one line of 8 KiB."""
ASKS = frozenset({"spool.held", "spool.read", "spool.catalogue", "spool.acknowledge", "spool.forget"})


async def answer(spool: SpoolWorker, request: Mapping[str, Any], user: str) -> Mapping[str, Any]:
    """Raises ConfigError for a request that makes no sense."""
    try:
        return await _answer(spool, request, user)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError((f"the request makes no sense: {error}",)) from error


async def _answer(spool: SpoolWorker, request: Mapping[str, Any], user: str) -> Mapping[str, Any]:
    match request["ask"]:
        case "spool.held":
            held = await spool.held()
            log.info("audit: records are exported: by=%s epochs=%d", user, len(held))
            return {"held": [{"epoch": one.epoch.hex(), "oldest": one.oldest, "newest": one.newest} for one in held]}
        case "spool.read":
            return await _read(spool, request)
        case "spool.catalogue":
            payload = await spool.catalogue(bytes.fromhex(request["id"]))
            return {"payload": None if payload is None else base64.b64encode(payload).decode()}
        case "spool.acknowledge":
            marks = _marks(request)
            for epoch, through in marks.items():
                await spool.acknowledge(epoch, through)
            log.info("audit: receipt applied: number=%d by=%s marks=%s", int(request["receipt"]), user, _told(marks))
            return {}
        case _:
            marks = _marks(request)
            forgotten = sum([await spool.forget(epoch, through) for epoch, through in marks.items()])
            log.warning("audit: records forgotten: records=%d by=%s marks=%s", forgotten, user, _told(marks))
            return {"forgotten": forgotten}


async def _read(spool: SpoolWorker, request: Mapping[str, Any]) -> Mapping[str, Any]:
    stored = await spool.read(
        bytes.fromhex(request["epoch"]),
        int(request["first"]),
        max_records=min(int(request["max_records"]), MOST_RECORDS),
        max_bytes=min(int(request["max_bytes"]), MOST_BYTES),
    )
    records = [
        {
            "sequence": one.sequence,
            "kind": one.kind.value,
            "payload": base64.b64encode(one.payload).decode(),
            "boot_id": one.boot_id.hex(),
        }
        for one in stored
    ]
    return {"records": records}


def _marks(request: Mapping[str, Any]) -> dict[bytes, int]:
    marks = {bytes.fromhex(epoch): int(through) for epoch, through in request["marks"].items()}
    if len(marks) > MOST_MARKS:
        raise ValueError(f"over {MOST_MARKS} marks at once")
    return marks


def _told(marks: Mapping[bytes, int]) -> str:
    return ",".join(f"{epoch.hex()[:8]}:{through}" for epoch, through in marks.items())
