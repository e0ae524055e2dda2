"""The spool as commands reach it: of a running agent through its socket, of a stopped one opened here."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hardcase_agent import control
from hardcase_agent.airgap import serving, spools
from hardcase_agent.clock import MachineClock, boot_id
from hardcase_agent.config import CoreSettings
from hardcase_agent.control import ControlServer
from hardcase_agent.domain.errors import AccessDenied, SpoolFailed
from hardcase_agent.domain.event import Event
from hardcase_agent.domain.frame import Moment, SourcedEvent
from hardcase_agent.domain.part import Asset
from hardcase_agent.domain.stream import Sealed, Stored
from hardcase_agent.spool.files import DiskFiles
from hardcase_agent.spool.spool import Spool, SpoolLimits
from hardcase_agent.spool.worker import SpoolWorker
from hardcase_agent.uplink import codec

EPOCH = b"r" * 16
NOBODY = 65534


def event(text: str) -> Sealed:
    told = Event(log="sel", record_id=1, raw=text.encode())
    return codec.seal(SourcedEvent(asset=Asset(), source="s", event=told), MachineClock().now())


def core(folder: Path) -> CoreSettings:
    return CoreSettings(state_dir=folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    leave_spool(tmp_path)
    return tmp_path


def leave_spool(folder: Path) -> None:
    """Ten records, left by an agent that was killed."""
    files = DiskFiles(folder / "spool")
    clock = MachineClock()
    spool = Spool(files, SpoolLimits(), epoch=EPOCH, boot_id=boot_id(), seal_loss=codec.seal_loss, now=clock.now())
    spool.append([event(f"record {at}") for at in range(10)], clock.now())
    files.release()


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[None]:
    """Another run of the agent, as far as its socket and its spool go."""
    files = DiskFiles(folder / "spool")
    clock = MachineClock()
    worker = SpoolWorker(
        Spool(files, SpoolLimits(), epoch=b"n" * 16, boot_id=boot_id(), seal_loss=codec.seal_loss, now=clock.now()),
        clock,
    )

    async def answer(request: Mapping[str, Any], user: str) -> Mapping[str, Any]:
        return await serving.answer(worker, request, user) if request["ask"] in serving.ASKS else {}

    server = ControlServer(folder, answer)
    await server.start()
    try:
        yield
    finally:
        await server.close()
        await worker.close(deadline_s=5)
        files.release()


@asynccontextmanager
async def stopped(folder: Path) -> AsyncIterator[None]:
    yield


@pytest.fixture(params=[running, stopped])
def agent(request: pytest.FixtureRequest) -> Any:
    return request.param


async def everything(door: spools.SpoolDoor, *, max_bytes: int = 200) -> list[Stored]:
    found: list[Stored] = []
    for one in await door.held():
        first = one.oldest
        while stored := await door.read(one.epoch, first, max_records=3, max_bytes=max_bytes):
            found += stored
            first = stored[-1].sequence + 1
    return found


async def test_it_gives_what_the_spool_holds_and_removes_nothing(folder: Path, agent: Any) -> None:
    for _ in range(2):
        async with agent(folder), spools.opened(core(folder)) as door:
            found = await everything(door)
        assert [one.sequence for one in found] == list(range(1, 11))
        assert {one.epoch for one in found} == {EPOCH}
        assert b"record 9" in found[-1].payload
        assert found[0].boot_id == boot_id()


async def test_what_is_acknowledged_goes_and_what_is_forgotten_is_a_loss(folder: Path, agent: Any) -> None:
    async with agent(folder), spools.opened(core(folder)) as door:
        await door.acknowledge({EPOCH: 4, b"?" * 16: 9}, 1)
        assert [one.sequence for one in await everything(door)] == list(range(5, 11))
        assert await door.forget({EPOCH: 7}) == 3
        assert await door.forget({EPOCH: 7}) == 0
        left = await everything(door)
    assert [(one.epoch, one.sequence) for one in left if one.epoch == EPOCH] == [(EPOCH, 8), (EPOCH, 9), (EPOCH, 10)]
    (loss,) = (one for one in left if one.epoch != EPOCH)
    assert loss.kind.value == "loss"


async def test_a_record_of_the_largest_size_comes_through_the_socket(folder: Path) -> None:
    large = Sealed(kind=event("x").kind, payload=os.urandom(2 * 1024 * 1024 - 5000))
    files = DiskFiles(folder / "spool")
    clock = MachineClock()
    spool = Spool(files, SpoolLimits(), epoch=b"L" * 16, boot_id=boot_id(), seal_loss=codec.seal_loss, now=clock.now())
    spool.append([large], clock.now())
    files.release()
    async with running(folder), spools.opened(core(folder)) as door:
        found = [one for one in await everything(door) if one.epoch == b"L" * 16]
    assert [one.payload for one in found] == [large.payload]


async def test_an_agent_that_stood_still_for_a_year_loses_nothing_by_an_export(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = MachineClock().now()
    later = Moment(now.wall_ms + 365 * 86_400_000, now.boot_ms + 365 * 86_400_000)
    monkeypatch.setattr(MachineClock, "now", lambda self: later)
    async with spools.opened(core(folder)) as door:
        assert len(await everything(door)) == 10


async def test_an_agent_without_a_socket_keeps_its_spool(folder: Path) -> None:
    files = DiskFiles(folder / "spool")
    try:
        with pytest.raises(SpoolFailed, match="another agent uses the spool"):
            async with spools.opened(core(folder)):
                pass
    finally:
        files.release()


async def test_a_host_whose_agent_never_ran_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(AccessDenied, match="has this agent ever run"):
        async with spools.opened(core(tmp_path / "none")):
            pass


@pytest.mark.parametrize(
    "request_",
    [
        {"ask": "spool.read"},
        {"ask": "spool.read", "epoch": "zz", "first": 1, "max_records": 1, "max_bytes": 1},
        {"ask": "spool.read", "epoch": 7, "first": 1, "max_records": 1, "max_bytes": 1},
        {"ask": "spool.read", "epoch": "00", "first": [], "max_records": 1, "max_bytes": 1},
        {"ask": "spool.catalogue", "id": None},
        {"ask": "spool.acknowledge", "marks": [], "receipt": 1},
        {"ask": "spool.acknowledge", "marks": {"00": "x"}, "receipt": 1},
        {"ask": "spool.forget", "marks": {f"{at:032x}": 1 for at in range(100)}},
        {"ask": "spool.forget"},
    ],
)
async def test_requests_that_make_no_sense_are_refused_and_change_nothing(
    folder: Path, request_: dict[str, object]
) -> None:
    async with running(folder):
        with pytest.raises(AccessDenied, match="makes no sense"):
            await control.ask(folder, request_)
        async with spools.opened(core(folder)) as door:
            assert len(await everything(door)) == 10


@pytest.fixture
def anothers() -> Iterator[Path]:
    """A state folder that user nobody can reach: pytest's own are closed to him."""
    with tempfile.TemporaryDirectory(dir="/tmp") as made:
        folder = Path(made)
        leave_spool(folder)
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        folder.chmod(0o700)
        yield folder


def owners(folder: Path) -> set[int]:
    return {path.stat().st_uid for path in (folder, *folder.rglob("*"))}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root opens another's spool")
async def test_root_leaves_the_spool_to_whom_the_folder_belongs(anothers: Path) -> None:
    async with spools.opened(core(anothers)) as door:
        await door.forget({EPOCH: 5})
        assert os.geteuid() == 0
        await everything(door)
    assert (os.geteuid(), os.getegid()) == (0, 0)
    assert owners(anothers) == {NOBODY}
