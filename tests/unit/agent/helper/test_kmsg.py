"""The kernel's ring, of which a pipe in packet mode stands for the device: one record a read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hardcase_agent.helper import kmsg
from hardcase_agent.helper.kmsg import KernelLog


class Ring:
    def __init__(self) -> None:
        self._held, self._end = os.pipe2(os.O_DIRECT)
        self.path = f"/proc/self/fd/{self._held}"

    def log(self, *records: bytes) -> None:
        for record in records:
            os.write(self._end, record)

    def close(self) -> None:
        os.close(self._end)
        os.close(self._held)


@pytest.fixture
def ring() -> Iterator[Ring]:
    made = Ring()
    yield made
    made.close()


@pytest.fixture
def log(ring: Ring) -> Iterator[KernelLog]:
    made = KernelLog(ring.path)
    yield made
    made.close()


def test_only_the_kernels_own_records_are_told_and_only_from_the_number_on(ring: Ring, log: KernelLog) -> None:
    ring.log(
        b"4,1,1,-;old\n", b"4,2,1,-;mine\n SUBSYSTEM=block\n", b"30,3,1,-;systemd[1]: not mine\n", b"6,4,1,-;too\n"
    )
    assert log.read(2) == (0, b"4,2,1,-;mine\n6,4,1,-;too\n", b"")


def test_it_goes_on_where_it_was_with_the_same_reader(ring: Ring, log: KernelLog) -> None:
    ring.log(b"4,7,1,-;first\n")
    assert log.read(0)[1] == b"4,7,1,-;first\n"
    reader = log._fd
    ring.log(b"4,8,1,-;second\n")
    assert log.read(8)[1] == b"4,8,1,-;second\n"
    assert log.read(9)[1] == b""
    assert log._fd == reader


def test_asked_for_anything_else_it_begins_anew(ring: Ring, log: KernelLog) -> None:
    ring.log(b"4,7,1,-;first\n")
    log.read(0)
    log.read(3)
    assert log._follows == 3


def test_what_does_not_fit_is_told_the_next_time_from_the_start(
    ring: Ring, log: KernelLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kmsg, "LIMIT", 20)
    ring.log(b"4,1,1,-;0123456789\n", b"4,2,1,-;0123456789\n")
    assert log.read(0)[1] == b"4,1,1,-;0123456789\n"
    assert log._fd == -1, "the record that was taken and not told is read again by a new reader"


def test_a_kernel_that_refuses_its_log_is_no_right(tmp_path: Path) -> None:
    device = tmp_path / "kmsg"
    device.touch(mode=0o000)
    own = os.geteuid()
    try:
        if own == 0:  # root may read anything
            os.seteuid(65534)
        assert KernelLog(str(device)).read(0)[0] == 2
    finally:
        os.seteuid(own)


def test_a_machine_without_the_device_is_a_failure_with_a_reason(tmp_path: Path) -> None:
    status, lines, reason = KernelLog(str(tmp_path / "kmsg")).read(0)
    assert (status, lines) == (1, b"")
    assert b"No such file" in reason
