"""The desk is opened when it is needed; what somebody asks on the spot is answered; bundles without an agent."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hardcase_agent.diagnostics.settings import DiagnosticsSettings
from hardcase_agent.domain.diagnostic import DiagnosticKind, DiagnosticReport, ReportState
from hardcase_agent.domain.errors import ConfigError, DiagnosticRefused
from hardcase_agent.workbench import Alone, Workbench, log_lines, versions

from tests.fakes.clock import FakeClock
from tests.fakes.doors import FakeBmcSource
from tests.fakes.sources import FakeSource
from tests.unit.agent.diagnostics.conftest import Bay, FakeUploader, an_id, request

K = DiagnosticKind


class Opened:
    """A workbench over a bay's bench."""

    def __init__(self, folder: Path, settings: DiagnosticsSettings | None = None) -> None:
        self.reports: list[DiagnosticReport] = []
        self.bay = Bay(folder / "unused")
        self.bay.sources = [FakeBmcSource()]
        self.settings = settings or DiagnosticsSettings()
        self.workbench = Workbench(
            state_dir=folder,
            settings=lambda: self.settings,
            bench=self.bay.bench,
            uploader=FakeUploader(),
            say=self.reports.append,
        )

    async def until(self, state: ReportState) -> DiagnosticReport:
        async with asyncio.timeout(60):
            while not self.reports or self.reports[-1].state is not state:  # noqa: ASYNC110  (a list has no event)
                await asyncio.sleep(0.005)
        return self.reports[-1]

    async def here(self, what: str, which: str = "") -> Any:
        return await self.workbench.here({"what": what, "id": which}, "root")


async def test_requests_that_come_while_it_opens_are_all_taken(tmp_path: Path) -> None:
    opened = Opened(tmp_path)
    for number in range(3):
        opened.workbench.asked(request(K.READ_SEL, number))
    async with asyncio.timeout(60):
        while sum(report.state is ReportState.DONE for report in opened.reports) < 3:  # noqa: ASYNC110  (as above)
            await asyncio.sleep(0.005)
    await opened.workbench.stop()


async def test_what_is_left_from_before_is_settled_at_the_start(tmp_path: Path) -> None:
    first = Opened(tmp_path)
    source = first.bay.sources[0]
    assert isinstance(source, FakeBmcSource)
    source.gate.clear()
    first.workbench.asked(request(K.READ_SEL))
    async with asyncio.timeout(60):
        while not source.reads:  # noqa: ASYNC110  (as above)
            await asyncio.sleep(0.005)
    await first.workbench.stop()
    second = Opened(tmp_path)
    second.workbench.start()
    second.workbench.asked(request(K.READ_SEL))
    assert "interrupted" in (await second.until(ReportState.FAILED)).detail
    await second.workbench.stop()


async def test_a_folder_that_cannot_be_read_refuses_and_harms_nothing_else(tmp_path: Path) -> None:
    opened = Opened(tmp_path)
    (tmp_path / "diagnostics").write_text("no folder")
    opened.workbench.asked(request(K.READ_SEL))
    assert (await opened.until(ReportState.REFUSED)).detail
    await opened.workbench.stop()


async def test_nothing_was_asked(tmp_path: Path) -> None:
    opened = Opened(tmp_path)
    told = await opened.here("list")
    assert told["requests"] == []
    assert told["allowed"] == ["read_sel", "read_sensors", "inventory", "identify", "bundle"]
    for what in ("show", "consent", "refuse"):
        with pytest.raises(ConfigError):
            await opened.here(what, an_id(1).hex())
    with pytest.raises(ConfigError):
        await opened.here("steal")


async def test_consent_by_the_beginning_of_an_id(tmp_path: Path) -> None:
    opened = Opened(tmp_path, DiagnosticsSettings(consent_before_sending=True))
    opened.workbench.asked(request(K.BUNDLE, arguments={"parts": "log"}))
    await opened.until(ReportState.AWAITS_CONSENT)
    with pytest.raises(DiagnosticRefused):
        await opened.here("consent", "zzzz")
    with pytest.raises(DiagnosticRefused):
        await opened.here("consent", "")
    shown = await opened.here("show", an_id(1).hex()[:8])
    assert shown["answer"]["files"][0]["name"] == "agent.log"
    await opened.here("consent", an_id(1).hex()[:8])
    await opened.until(ReportState.DONE)
    with pytest.raises(DiagnosticRefused, match="done"):
        await opened.here("refuse", an_id(1).hex()[:8])
    await opened.workbench.stop()


async def test_sources_alone_are_asked_one_by_one_and_tell_their_assets() -> None:
    source, bad = FakeSource("good"), FakeSource("bad")

    async def defect() -> Any:
        raise ZeroDivisionError("a defect")

    bad.act = defect
    alone = Alone([source, bad], FakeClock())
    found = await alone.ask_now(["good", "bad"], 1.0)
    assert found[0].sweep is not None
    assert "ZeroDivisionError" in found[1].error
    assert [asset.serial for asset in alone.assets_of("good")] == ["FAKE"]


async def test_a_log_in_the_form_of_decode() -> None:
    source = FakeBmcSource(2)
    lines = log_lines(await source.whole_log(Alone([source], FakeClock()).lend))
    assert [line["type"] for line in lines] == ["event", "event"]
    json.dumps(lines)


def test_versions_name_what_runs() -> None:
    assert versions()["python"] == sys.version
