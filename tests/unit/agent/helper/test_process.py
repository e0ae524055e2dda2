"""Starting a tool where the process has no descriptors left: a named error, and none of them kept."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator

import pytest
from hardcase_agent.domain.errors import DeviceFailed
from hardcase_agent.helper.process import Run
from hardcase_agent.helper.table import Command


@pytest.fixture
def room_for_three_descriptors() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    spare = [os.dup(0) for _ in range(3)]
    for fd in spare:
        os.close(fd)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(spare) + 1, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_process_without_descriptors_says_so_and_keeps_none(room_for_three_descriptors: None) -> None:
    for _ in range(4):
        with pytest.raises(DeviceFailed, match="Too many open files"):
            Run(Command(("/bin/true",), "tool:true"))
    # The three are free yet.
    kept = [os.dup(0) for _ in range(3)]
    for fd in kept:
        os.close(fd)
