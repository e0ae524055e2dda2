"""A SMART self-test of one disk, watched to its end: only where it disturbs nothing that matters. Called by `desk.py`.

Refused on a sleeping disk, on a model of the deny-list, while an array is at work on the disk, while a test runs. The
disk is lent for each look and free in between, so that its readings go on.
"""

from __future__ import annotations

import fnmatch
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hardcase_agent.diagnostics.bench import Made, Work
from hardcase_agent.diagnostics.disks import find_disk
from hardcase_agent.domain.diagnostic import ArrayDoor, DiskDoor, KnownDisk, SelfTestStatus, TestState
from hardcase_agent.domain.errors import AgentError, DeviceFailed, DeviceHung, DiagnosticRefused, TemporaryError

MODELS = Path(__file__).with_name("self_test_models.toml")
TESTS = ("short", "long", "abort")
LEND_S = 150.0
"""A sweep of many disks, some of them hung, takes two minutes."""
ARRAYS_S = 180.0
USUAL_MINUTES = {"short": 5, "long": 720}
"""Where the disk does not say: 12 hours are what 16 TB take."""
FACTOR = 3
"""A disk under load takes longer than its own estimate."""
LONGEST_MINUTES = 7 * 24 * 60
BEGINS_S = 120.0
"""A test that shows neither in the status nor in the log by then did not begin."""
LOOK_S = {"short": 10.0, "long": 60.0}
MISSED = 10
"""Looks in a row that may fail, because a disk in a test is slow to answer."""


@dataclass(frozen=True, slots=True)
class Denied:
    pattern: str
    why: str
    source: str


def denials(site: Sequence[str]) -> tuple[tuple[Denied, ...], tuple[Denied, ...]]:
    """By model and by smartctl's type; the site's own first."""
    shipped = tomllib.loads(MODELS.read_text(encoding="utf-8"))
    own = tuple(Denied(pattern, "the site's configuration says so", "diagnostics.no_self_test") for pattern in site)
    models, types = (tuple(Denied(**row) for row in shipped[key]) for key in ("model", "type"))
    return (*own, *models), types


def why_denied(disk: KnownDisk, site: Sequence[str]) -> str:
    """ "" = not denied."""
    models, types = denials(site)
    for text, rows in ((disk.part.model, models), (disk.type, types)):
        for row in rows:
            if fnmatch.fnmatchcase(text.lower(), row.pattern.lower()):
                return f"{text} is on the list of disks that are not tested: {row.why} ({row.source})"
    return ""


async def self_test(work: Work) -> Made:
    """Raises DiagnosticRefused, DeviceFailed where the test did not pass or did not end, and the device's errors."""
    test = work.argument("test", "short")
    if test not in TESTS:
        raise DiagnosticRefused(f"test {test[:40]!r} is not one of {', '.join(TESTS)}")
    door, disk = find_disk(work)
    if test == "abort":
        return await _abort(work, door, disk)
    denied = why_denied(disk, work.settings.no_self_test)
    if denied:
        raise DiagnosticRefused(denied)
    await _expect_arrays_quiet(work, disk)
    async with work.bench.lend(door.device, LEND_S):
        before = await door.self_test_status(disk)
        _expect_fit(disk, before)
        await door.self_test(disk, test)
    work.tell(f"the {test} test was started")
    after = await _watch(work, door, disk, test, before)
    return _result(disk, test, after)


def _expect_fit(disk: KnownDisk, status: SelfTestStatus) -> None:
    named = f"{disk.part.model} {disk.part.serial}"
    if status.asleep:
        raise DiagnosticRefused(f"{named} sleeps and is left asleep")
    if (status.part.model, status.part.serial) != (disk.part.model, disk.part.serial):
        raise DiagnosticRefused(f"{disk.path} is {status.part.model} {status.part.serial} now, not {named}")
    if not status.supported:
        raise DiagnosticRefused(f"{named} does not do self-tests{': ' if status.words else ''}{status.words}")
    if status.newest is TestState.RUNNING:
        raise DiagnosticRefused(f"a self-test of {named} is under way, {status.remaining_percent or '?'} % are left")


async def _expect_arrays_quiet(work: Work, disk: KnownDisk) -> None:
    """What the arrays do is asked now: five minutes ago there was no rebuild yet."""
    arrays = [source for source in work.bench.sources() if isinstance(source, ArrayDoor)]
    if not arrays and "," in disk.type:
        raise DiagnosticRefused("behind a controller, and the arrays family is off: a rebuild would not be seen")
    for source, asked in zip(
        arrays, await work.bench.ask_now([source.name for source in arrays], ARRAYS_S), strict=True
    ):
        at_work = source.work_on(disk)
        if at_work:
            raise DiagnosticRefused(f"not now: {at_work}")
        if asked.sweep is None and "," in disk.type:
            raise DiagnosticRefused(f"not now: the state of the arrays cannot be read: {asked.error}")


def _limit_s(before: SelfTestStatus, test: str) -> float:
    told = (before.minutes or {}).get(test) or USUAL_MINUTES[test]
    return 60.0 * min(LONGEST_MINUTES, told * FACTOR + 5)


async def _watch(work: Work, door: DiskDoor, disk: KnownDisk, test: str, before: SelfTestStatus) -> SelfTestStatus:
    """Until it has ended. Raises DeviceHung where it does not, DeviceFailed where the disk does not answer any more."""
    began_ms = work.bench.clock.now().boot_ms
    missed, seen, said = 0, False, -1
    while (spent_s := (work.bench.clock.now().boot_ms - began_ms) / 1000) < _limit_s(before, test):
        await work.bench.pause(LOOK_S[test])
        try:
            async with work.bench.lend(door.device, LEND_S):
                status = await door.self_test_status(disk)
            missed = 0
        except TemporaryError as error:
            missed += 1
            if missed >= MISSED:
                raise DeviceFailed(f"the disk does not answer in its test: {error}") from error
            continue
        if status.newest is TestState.RUNNING:
            seen = True
            done = 100 - (status.remaining_percent if status.remaining_percent is not None else 100)
            if done // 10 != said:
                said = done // 10
                work.tell(f"the {test} test is {done} % done")
        elif not status.asleep and (seen or status.count != before.count):
            return status
        elif spent_s > BEGINS_S:
            raise DeviceFailed("the disk took the command and did not begin a test")
    raise DeviceHung(f"the {test} test had not ended after {_limit_s(before, test) / 60:.0f} minutes")


def _result(disk: KnownDisk, test: str, status: SelfTestStatus) -> Made:
    named = f"{disk.part.model} {disk.part.serial}"
    answer = {
        "disk": {"model": disk.part.model, "serial": disk.part.serial, "slot": disk.part.slot, "path": disk.path},
        "test": test,
        "result": status.newest.value,
        "words": status.words,
    }
    if status.newest is TestState.ABORTED:
        raise DeviceFailed(f"the {test} test of {named} was aborted: {status.words or 'no reason is told'}")
    verdict = "passed" if status.newest is TestState.PASSED else f"did not pass ({status.words or status.newest})"
    return Made(detail=f"{named} {verdict} the {test} test", answer=answer)


async def _abort(work: Work, door: DiskDoor, disk: KnownDisk) -> Made:
    """A test that runs is ended, whoever began it. A sleeping disk runs none."""
    async with work.bench.lend(door.device, LEND_S):
        status = await door.self_test_status(disk)
        if status.newest is not TestState.RUNNING:
            return Made(detail="no self-test is under way", answer={"aborted": False})
        await door.self_test(disk, "abort")
        try:
            status = await door.self_test_status(disk)
        except AgentError as error:
            return Made(detail=f"aborted; the disk has not answered since: {error}", answer={"aborted": True})
    if status.newest is TestState.RUNNING:
        raise DeviceFailed("the disk goes on with its test")
    return Made(detail="the self-test was aborted", answer={"aborted": True, "words": status.words})
