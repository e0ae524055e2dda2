"""A desk of diagnostics in a process of its own, to be killed: `python -m tests.integration.desk_process FOLDER COUNT`.

Asks itself for COUNT requests again and again, as a collector does with each new stream. Each act is one line of
FOLDER/acts, synced before it counts; each report one line on standard output.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from hardcase_agent.domain.diagnostic import DiagnosticKind, DiagnosticReport, Lend, WholeLog

from tests.fakes.doors import FakeBmcSource
from tests.unit.agent.diagnostics.conftest import Bay, an_id, request


class Acting(FakeBmcSource):
    """Writes down that it was asked, takes a moment, and answers."""

    def __init__(self, acts: Path) -> None:
        super().__init__()
        self._acts = os.open(acts, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    async def whole_log(self, lend: Lend) -> WholeLog:
        task = asyncio.current_task()
        assert task is not None
        os.write(self._acts, f"{task.get_name()}\n".encode())
        os.fsync(self._acts)
        await asyncio.sleep(0.02)
        return await super().whole_log(lend)


async def main(folder: Path, count: int) -> None:
    bay = Bay(folder / "diagnostics")
    bay.sources = [Acting(folder / "acts")]
    ended: set[bytes] = set()

    class Reports(list[DiagnosticReport]):
        def append(self, report: DiagnosticReport) -> None:
            print(report.id.hex(), report.state, flush=True)
            if report.state.final:
                ended.add(report.id)

    bay.reports = Reports()
    bay.open()
    await bay.desk.start()
    print("started", flush=True)
    while len(ended) < count:
        for number in range(count):
            if an_id(number) not in ended:
                bay.desk.asked(request(DiagnosticKind.READ_SEL, number))
                await asyncio.sleep(0.005)
        await asyncio.sleep(0.05)
    print("all ended", flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
