"""Archive and clear a BMC's event log: nothing is cleared that the collector has not confirmed. Called by `desk.py`."""

from __future__ import annotations

from hardcase_agent.diagnostics.bench import Made, Work, door_of
from hardcase_agent.diagnostics.packing import file_of
from hardcase_agent.diagnostics.reading import summary_of, write_log
from hardcase_agent.domain.diagnostic import EventLogDoor, Uploader
from hardcase_agent.domain.errors import DiagnosticRefused, LogChanged

UPLOAD_S = 1800.0
"""For the collector to take the archive. A log that waits longer has moved on, and nothing is lost by asking anew."""
TRIES = 3
"""A log that grew while it was archived is archived again."""


async def clear_sel(work: Work, uploader: Uploader) -> Made:
    """Raises what reading, uploading and clearing raise; LogChanged where the log does not keep still."""
    door: EventLogDoor = door_of(work, EventLogDoor)
    for attempt in range(1, TRIES + 1):
        log = await door.whole_log(work.bench.lend)
        if log.unread:
            raise DiagnosticRefused(f"not cleared: {len(log.unread)} entries cannot be archived: {log.unread[0]}")
        if len(log.entries) < log.stamp[2]:
            told = f"{len(log.entries)} entries can be archived, and the BMC counts {log.stamp[2]}"
            raise DiagnosticRefused(f"not cleared: {told}")
        if not log.entries:
            return Made(detail="the log was empty already", answer=summary_of(log))
        paths = write_log(work, log)
        if attempt > 1:
            # The collector keeps what it has confirmed: another content has another name.
            paths = tuple(path.rename(path.with_name(f"{path.stem}-{attempt}{path.suffix}")) for path in paths)
        for path in paths:
            work.tell(f"archiving {path.name}")
            await uploader.upload(work.id, file_of(path), path, deadline_s=UPLOAD_S)
        try:
            await door.clear_log(log.stamp, work.bench.lend)
        except LogChanged:
            if attempt == TRIES:
                raise
            continue
        answer = {**summary_of(log), "archived": [path.name for path in paths], "cleared": True}
        return Made(detail=f"{len(log.entries)} entries archived and cleared", answer=answer, files=paths, sent=True)
    raise LogChanged("the event log does not keep still")
