"""A disk that tells worse is never judged milder: every counter, percentage and state of SMART, through the decoder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hardcase_agent import decoding
from hardcase_agent.domain.capture import Capture
from hardcase_agent.sensors.smart.attributes import Meaning
from hardcase_agent.sensors.smart.measure import IMPLAUSIBLE
from hardcase_collector.rules.captured import gather
from hardcase_collector.rules.offline import OfflineJudge
from hardcase_collector.rules.sheet_reader import load_sheets
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.agent.smart.documents import as_text, ata, attribute, nvme, sas

JUDGE = OfflineJudge(load_sheets())

Document = dict[str, Any]
Case = tuple[Callable[[int], Document], int]
"""A document by how bad it is, and how bad it can be."""


def _counter(number: int, name: str) -> Callable[[int], Document]:
    return lambda value: ata(attributes=(attribute(number, name, str(value)),))


COUNTERS = {
    name: _counter(number, name)
    for number, name in (
        (5, "Reallocated_Sector_Ct"),
        (5, "Reallocate_NAND_Blk_Cnt"),
        (5, "Retired_Block_Count"),
        (170, "Grown_Bad_Block_Ct"),
        (187, "Reported_Uncorrect"),
        (187, "Uncorrectable_Error_Cnt"),
        (197, "Current_Pending_Sector"),
        (197, "Pending_Sector_Count"),
        (198, "Offline_Uncorrectable"),
        (199, "UDMA_CRC_Error_Count"),
        (199, "SATA_CRC_Error"),
    )
}
PACKED = {
    name: _counter(number, name)
    for number, name in ((10, "Spin_Retry_Count"), (184, "End-to-End_Error"), (188, "Command_Timeout"))
}
PERCENTAGES: dict[str, Callable[[int], Document]] = {
    "percentage used": lambda worse: nvme(log={"percentage_used": worse}),
    "spare left": lambda worse: nvme(log={"available_spare": max(0, 100 - worse)}),
    "spare left without a threshold": lambda worse: nvme(
        log={"available_spare": max(0, 100 - worse), "available_spare_threshold": 0}
    ),
    "wear": lambda worse: ata(
        rotation_rate=0, attributes=(attribute(233, "Media_Wearout_Indicator", "0", value=max(0, 100 - worse)),)
    ),
    "endurance of a SAS disk": lambda worse: sas(scsi_percentage_used_endurance_indicator=worse),
    "temperature": lambda worse: ata(temperature={"current": min(worse, 149)}),
    "temperature against a trip": lambda worse: sas(temperature={"current": min(worse, 149), "drive_trip": 60}),
    "temperature against WCTEMP": lambda worse: nvme(
        temperature={"current": min(worse, 149), "op_limit_max": 70, "critical_limit_max": 80}
    ),
}
LARGE: dict[str, Callable[[int], Document]] = {
    "media errors": lambda worse: nvme(log={"media_errors": worse}),
    "grown defects": lambda worse: sas(scsi_grown_defect_list=worse),
    "pending defects": lambda worse: sas(scsi_pending_defects={"count": worse}),
    "uncorrected": lambda worse: sas(scsi_error_counter_log={"write": {"total_uncorrected_errors": worse}}),
    "error log": lambda worse: ata(ata_smart_error_log={"summary": {"count": worse}}),
}
CASES: dict[str, Case] = {
    **{name: (make, IMPLAUSIBLE - 1) for name, make in {**COUNTERS, **LARGE}.items()},
    **{name: (make, (1 << 16) - 1) for name, make in PACKED.items()},
    **{name: (make, 255) for name, make in PERCENTAGES.items()},
}


def worst(document: Document) -> int:
    capture = Capture("disk", {"": as_text(document).encode()})
    lines = [("x", decoding.line_of(one)) for one in decoding.decode("smart", capture)]
    machines, bad = gather(lines)
    assert not bad
    return max((int(found.severity) for one in machines for found in JUDGE.judge(one).found), default=0)


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_severity_never_falls_as_a_value_worsens(name: str, data: st.DataObject) -> None:
    make, most = CASES[name]
    values = st.one_of(st.integers(0, min(most, 300)), st.integers(0, most))
    milder, worse = sorted((data.draw(values), data.draw(values)))
    assert worst(make(milder)) <= worst(make(worse)), f"{name}: {milder} against {worse}"


@pytest.mark.parametrize("name", CASES)
def test_every_attribute_is_judged_at_its_worst(name: str) -> None:
    make, most = CASES[name]
    if name != "Command_Timeout":  # judged by growth alone
        assert worst(make(most)) > worst(make(0)) == 0


def test_every_counter_that_means_something_is_under_test() -> None:
    counted = {Meaning.REALLOCATED, Meaning.PENDING, Meaning.OFFLINE, Meaning.REPORTED, Meaning.END_TO_END}
    counted |= {Meaning.TIMEOUT, Meaning.SPIN_RETRY, Meaning.CRC}
    assert counted <= {meaning for name in (*COUNTERS, *PACKED) for meaning in Meaning if meaning.names.fullmatch(name)}


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 63), st.integers(0, 5))
def test_one_more_warning_bit_is_never_milder(bits: int, place: int) -> None:
    fewer = bits & ~(1 << place)
    assert worst(nvme(log={"critical_warning": fewer})) <= worst(nvme(log={"critical_warning": fewer | 1 << place}))


@pytest.mark.parametrize("prefailure", [False, True])
@pytest.mark.parametrize(
    "name", ["Raw_Read_Error_Rate", "Temperature_Celsius", "Media_Wearout_Indicator", "Power_Loss_Cap_Test"]
)
def test_failing_now_is_never_milder_than_failed_once_or_never(name: str, prefailure: bool) -> None:
    def judged(when: str) -> int:
        return worst(ata(attributes=(attribute(200, name, "0", when_failed=when, prefailure=prefailure),)))

    assert judged("") <= judged("past") <= judged("now")
    assert judged("now") > 0
