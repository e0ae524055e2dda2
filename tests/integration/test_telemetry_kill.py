"""The telemetry store under kill -9: what append returned for is there, once, and each append was synced."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hardcase_collector.storage.telemetry.store import DuckTelemetryStore

from tests.contracts.telemetry_store import KEY, NOON

WRITER = """
import sys
from pathlib import Path
from hardcase_collector.storage.telemetry.store import DuckTelemetryStore
from tests.contracts.telemetry_store import DAY, NOON, mark
from tests.fakes.frames import catalogue, frame

Path(sys.argv[1]).mkdir(exist_ok=True)
store = DuckTelemetryStore(Path(sys.argv[1]))
of = catalogue()
at = max((m.through for m in store.marks(1).values()), default=0)
for _ in range(int(sys.argv[2])):
    # Every few appends a frame of a week ago, and upkeep that seals whatever day is over.
    times = [NOON + at * 1000 + i - (7 * DAY if (at + i) % 7 == 0 else 0) for i in range(1, 6)]
    store.append([frame(of, at + i + 1, time, received_ms=1) for i, time in enumerate(times)], mark(at + 5))
    at += 5
    print(at, flush=True)
    if at % 25 == 0:
        store.maintain(NOON + 3 * DAY)
"""


def start(folder: Path, appends: int, *wrapper: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*wrapper, sys.executable, "-c", WRITER, str(folder), str(appends)], stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("lines", [1, 4, 6, 11, 17])
def test_a_kill_loses_nothing_that_was_acknowledged_and_doubles_nothing(tmp_path: Path, lines: int) -> None:
    acknowledged = 0
    for _ in range(3):
        writer = start(tmp_path, 1_000)
        assert writer.stdout is not None
        try:
            for _ in range(lines):
                acknowledged = int(writer.stdout.readline())
        finally:
            writer.kill()
            rest = writer.communicate(timeout=90)[0].split()
        acknowledged = max([acknowledged, *(int(line) for line in rest)])
    store = DuckTelemetryStore(tmp_path)
    counted = store.recount()
    through = store.marks(1)[KEY.epoch].through
    assert counted.frames == through
    assert through >= acknowledged
    assert counted.doubled == 0
    assert counted.samples == 4 * through
    values = [one.value for one in store.series(100, from_ms=0, until_ms=2 * NOON, limit=100_000)]
    assert sorted(value for value in values if value is not None) == list(range(1, through + 1))
    store.close()


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs the Debian package strace")
def test_every_append_is_on_disk_before_it_returns(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    tracing = ("strace", "-f", "-o", str(trace), "-e", "trace=fsync,fdatasync,write")
    writer = start(tmp_path / "store", 4, *tracing)
    out, _ = writer.communicate(timeout=240)
    assert out.split() == ["5", "10", "15", "20"]
    synced = False
    told = 0
    for line in trace.read_text(errors="replace").splitlines():
        if "fsync(" in line or "fdatasync(" in line:
            synced = True
        elif re.search(r'write\(1, "(5|10|15|20)(\\n)?"', line):
            assert synced, f"acknowledged without a sync: {line}"
            synced = False
            told += 1
    assert told == 4
