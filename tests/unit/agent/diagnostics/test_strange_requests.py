"""Whatever a collector sends, each request ends by a named state, and nothing else happens."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
from hardcase_agent.diagnostics.settings import DiagnosticsSettings
from hardcase_agent.domain.diagnostic import LARGEST_ANSWER, DiagnosticKind, DiagnosticRequest, ReportState
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.doors import FakeArrays, FakeBmcSource, FakeDisks
from tests.unit.agent.diagnostics.conftest import Bay

NAMES = st.sampled_from(["disk", "test", "target", "seconds", "parts"]) | st.text(max_size=20)
VALUES = st.sampled_from(
    ["ST1000|Z1D5", "short", "long", "abort", "disk", "chassis", "0", "5", "log,config", "-1", ""]
) | st.text(max_size=600)
requests = st.builds(
    DiagnosticRequest,
    id=st.binary(min_size=16, max_size=16) | st.binary(max_size=20),
    kind=st.none() | st.sampled_from(DiagnosticKind),
    arguments=st.dictionaries(NAMES, VALUES, max_size=20),
    expires_ms=st.integers(0, 2**64 - 1),
    sent_ms=st.integers(0, 2**64 - 1),
    asked_by=st.text(max_size=300),
    reason=st.text(max_size=300),
    consented=st.booleans(),
    asset=st.sampled_from(["", "HOST1", "OTHER"]) | st.text(max_size=300),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(several=st.lists(requests, min_size=1, max_size=4))
def test_every_request_ends_by_name(
    tmp_path_factory: pytest.TempPathFactory, caplog: pytest.LogCaptureFixture, several: list[DiagnosticRequest]
) -> None:
    with caplog.at_level(logging.ERROR):
        caplog.clear()
        asyncio.run(carried_out(tmp_path_factory.mktemp("desk"), several))
        assert [record.getMessage() for record in caplog.records] == []


async def carried_out(folder: Path, several: list[DiagnosticRequest]) -> None:
    bay = Bay(folder / "diagnostics")
    bay.settings = DiagnosticsSettings(self_test=True, clear_sel=True)
    bmc, disks = FakeBmcSource(), FakeDisks()
    bay.sources = [bmc, disks, FakeArrays()]
    await bay.desk.start()
    for request in several:
        bay.desk.asked(request)
    wanted = {request.id for request in several if len(request.id) == 16}

    def settled() -> bool:
        last = {report.id: report.state for report in bay.reports}
        return all(request_id in last and last[request_id].final for request_id in wanted)

    await bay.until(settled)
    await bay.desk.stop()
    for report in bay.reports:
        assert report.state is not ReportState.AWAITS_CONSENT
        assert len(report.answer) <= LARGEST_ANSWER
        assert len(report.detail) <= 500
        assert "\n" not in report.detail
    assert bay.held == set()
