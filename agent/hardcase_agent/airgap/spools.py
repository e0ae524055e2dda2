"""The spool from outside the service: through the running agent's socket, or opened here while no agent runs.

Only one process holds a spool, so whoever has its lock is asked. `opened` finds out which.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Protocol

from hardcase_agent import control
from hardcase_agent.airgap.serving import LONGEST_ANSWER, MOST_MARKS
from hardcase_agent.clock import MachineClock, boot_id
from hardcase_agent.config import CoreSettings
from hardcase_agent.domain.errors import AccessDenied, DeviceAbsent, MalformedAnswer
from hardcase_agent.domain.stream import EPOCH_BYTES, Held, RecordKind, Stored
from hardcase_agent.spool.files import DiskFiles
from hardcase_agent.spool.spool import Spool, SpoolLimits
from hardcase_agent.uplink import codec

UNBOUNDED = SpoolLimits(max_bytes=1 << 60, max_age_ms=1 << 60)
"""An export drops nothing, however long the agent did not run: its own bounds hold again when it starts."""


class SpoolDoor(Protocol):
    """What commands ask of the spool; as `Backlog`, without the waiting."""

    async def held(self) -> tuple[Held, ...]: ...
    async def read(self, epoch: bytes, first: int, *, max_records: int, max_bytes: int) -> Sequence[Stored]: ...
    async def catalogue(self, catalogue_id: bytes) -> bytes | None: ...
    async def acknowledge(self, marks: Mapping[bytes, int], receipt: int) -> None: ...
    async def forget(self, marks: Mapping[bytes, int]) -> int:
        """How many records were let go of; each is stated as lost to the collector."""


@asynccontextmanager
async def opened(core: CoreSettings) -> AsyncIterator[SpoolDoor]:
    """Raises AccessDenied, DeviceHung; SpoolFailed where an agent runs that does not answer on its socket."""
    try:
        await control.ask(core.state_dir, {"ask": "status"})
    except DeviceAbsent:
        # The lock tells whether that is true: an agent that runs without a socket keeps it.
        stopped = StoppedSpool(core.state_dir)
        try:
            yield stopped
        finally:
            stopped.close()
    else:
        yield RunningSpool(core.state_dir)


class RunningSpool:
    """Of the running agent, a question at a time."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir

    async def held(self) -> tuple[Held, ...]:
        answer = await self._ask("spool.held")
        return tuple(
            Held(epoch=_bytes(one["epoch"]), oldest=int(one["oldest"]), newest=int(one["newest"]))
            for one in answer["held"]
        )

    async def read(self, epoch: bytes, first: int, *, max_records: int, max_bytes: int) -> Sequence[Stored]:
        answer = await self._ask(
            "spool.read", epoch=epoch.hex(), first=first, max_records=max_records, max_bytes=max_bytes
        )
        return [
            Stored(
                epoch=epoch,
                sequence=int(one["sequence"]),
                kind=RecordKind(one["kind"]),
                payload=_content(one["payload"]),
                boot_id=_bytes(one["boot_id"]),
            )
            for one in answer["records"]
        ]

    async def catalogue(self, catalogue_id: bytes) -> bytes | None:
        answer = await self._ask("spool.catalogue", id=catalogue_id.hex())
        return None if answer["payload"] is None else _content(answer["payload"])

    async def acknowledge(self, marks: Mapping[bytes, int], receipt: int) -> None:
        for some in _at_once(marks):
            await self._ask("spool.acknowledge", marks=some, receipt=receipt)

    async def forget(self, marks: Mapping[bytes, int]) -> int:
        return sum([int((await self._ask("spool.forget", marks=some))["forgotten"]) for some in _at_once(marks)])

    async def _ask(self, what: str, **words: object) -> Mapping[str, Any]:
        return await control.ask(self._state_dir, {"ask": what, **words}, longest=LONGEST_ANSWER)


class StoppedSpool:
    """Opened here. As root it is used as the user whose folder it is: the service must be able to read what is left.

    Raises SpoolFailed while an agent has it, AccessDenied.
    """

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir
        self._clock = MachineClock()
        with acting_as_owner(self._folder):
            self._files = DiskFiles(self._folder / "spool")
            try:
                self._spool = Spool(
                    self._files,
                    UNBOUNDED,
                    epoch=secrets.token_bytes(EPOCH_BYTES),
                    boot_id=boot_id(),
                    seal_loss=codec.seal_loss,
                    now=self._clock.now(),
                )
            except BaseException:
                self._files.release()
                raise

    async def held(self) -> tuple[Held, ...]:
        with acting_as_owner(self._folder):
            self._spool.state_losses(self._clock.now())
            return self._spool.held()

    async def read(self, epoch: bytes, first: int, *, max_records: int, max_bytes: int) -> Sequence[Stored]:
        with acting_as_owner(self._folder):
            return self._spool.read(epoch, first, max_records=max_records, max_bytes=max_bytes)

    async def catalogue(self, catalogue_id: bytes) -> bytes | None:
        with acting_as_owner(self._folder):
            return self._spool.catalogue(catalogue_id)

    async def acknowledge(self, marks: Mapping[bytes, int], receipt: int) -> None:
        with acting_as_owner(self._folder):
            for epoch, through in marks.items():
                self._spool.acknowledge(epoch, through)

    async def forget(self, marks: Mapping[bytes, int]) -> int:
        with acting_as_owner(self._folder):
            return sum(self._spool.forget(epoch, through, self._clock.now()) for epoch, through in marks.items())

    def close(self) -> None:
        with acting_as_owner(self._folder):
            self._spool.close(self._clock.now())
            self._files.release()


@contextmanager
def acting_as_owner(folder: Path) -> Iterator[None]:
    """As root: with the effective ids of the folder's owner, so that files made in it are his. Raises AccessDenied."""
    try:
        told = folder.stat()
    except OSError as error:
        raise AccessDenied(f"{folder} cannot be used: {error.strerror}: has this agent ever run?") from error
    if os.geteuid() != 0 or told.st_uid == 0:
        yield
        return
    group = os.getegid()
    os.setegid(told.st_gid)
    os.seteuid(told.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)


def _at_once(marks: Mapping[bytes, int]) -> Iterator[dict[str, int]]:
    """As many as one request may hold."""
    named = [(epoch.hex(), through) for epoch, through in marks.items()]
    return (dict(named[at : at + MOST_MARKS]) for at in range(0, len(named), MOST_MARKS))


def _bytes(text: object) -> bytes:
    return bytes.fromhex(str(text))


def _content(text: object) -> bytes:
    try:
        return base64.b64decode(str(text), validate=True)
    except binascii.Error as error:
        raise MalformedAnswer("the running agent answered with something that is no record") from error
