"""A BMC's clock that was never set, or stands hours beside ours, is a line of the doctor's and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from hardcase_agent.domain.event import CoverageStatus
from hardcase_agent.domain.ports import IpmiRequest
from hardcase_agent.sensors.ipmi.sel_clock import difference

from tests.fakes.bmc import FakeBmc
from tests.integration.ipmi_rig import local_sources

NOW_S = 1_800_000_000


@pytest.mark.parametrize(
    ("bmc_s", "words"),
    [
        (NOW_S, ""),
        (NOW_S + 119, ""),
        (NOW_S - 120, ""),
        (NOW_S - 8 * 3600, "the BMC's clock is 8 h 0 min behind: so are its log's times"),
        (NOW_S + 3725, "the BMC's clock is 1 h 2 min ahead: so are its log's times"),
        (86_400, "the BMC's clock was never set: its event log counts from its start"),
        (0xFFFF_FFFF, "the BMC's clock was never set: its event log counts from its start"),
    ],
)
def test_the_difference_in_words(bmc_s: int, words: str) -> None:
    assert difference(bmc_s, NOW_S) == words


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lambda now_s: b"\0" + (now_s - 7200).to_bytes(4, "little"), ["the BMC's clock is 2 h 0 min behind"]),
        (lambda now_s: b"\0" + now_s.to_bytes(4, "little"), []),
        (lambda now_s: b"\xc1", []),
        (lambda now_s: b"\0\1", []),
    ],
    ids=["two hours late", "right", "not told", "cut short"],
)
async def test_the_doctor_of_the_log_asks_for_it(tmp_path: Path, answer: object, told: list[str]) -> None:
    bmc = FakeBmc()

    def trouble(request: IpmiRequest) -> bytes | None:
        if (request.netfn, request.command) != (0x0A, 0x48):
            return None
        return answer(bmc.clock.now().wall_ms // 1000)  # type: ignore[operator, no-any-return]  # parametrized

    bmc.trouble = trouble
    lines = await local_sources(bmc, tmp_path).sel.doctor()
    assert all(line.status is CoverageStatus.WATCHED for line in lines)
    assert [line.reason.partition(":")[0] for line in lines if line.reason] == told
    assert all(line.cure for line in lines if line.reason)
