"""Controllers behind the BMC: who is asked how often, and what silence, refusal and a host that is off make of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hardcase_agent.domain.errors import AgentError, DeviceHung
from hardcase_agent.domain.event import CoverageStatus
from hardcase_agent.domain.ports import Controller, IpmiRequest
from hardcase_agent.domain.reading import Gap, GapReason, Number

from tests.fakes.bmc import FakeBmc
from tests.integration.ipmi_rig import Sources, by_name, local_sources, sweep
from tests.peers.ipmi_sim import demo

ME, NODE = Controller(0, 0x2C), Controller(0, 0x82)


def behind(number: int, name: str, owner: int, entity: int = 55) -> demo.Analogue:
    return demo.Analogue(number=number, name=name, type=1, unit=1, entity=entity, instance=number, owner=owner)


BEHIND = [behind(1, "ME 1", 0x2C), behind(2, "ME 2", 0x2C), behind(1, "Node 1", 0x82), behind(2, "Node 2", 0x82)]


class BridgingBmc(FakeBmc):
    """`there(controller, request)` is what a controller behind it answers."""

    def __init__(self) -> None:
        super().__init__([*demo.server_sensors(2), *BEHIND])
        self.passed_on: list[tuple[Controller, int]] = []
        self.there: Callable[[Controller, IpmiRequest], bytes] = lambda controller, request: bytes(
            (0, 40 + request.data[0], 0xC0, 0)
        )

    async def request_behind(self, controller: Controller, request: IpmiRequest, *, deadline_s: float) -> bytes:
        self.passed_on.append((controller, request.data[0]))
        return self.there(controller, request)


@pytest.fixture
def bmc() -> BridgingBmc:
    return BridgingBmc()


@pytest.fixture
def sources(bmc: BridgingBmc, tmp_path: Path) -> Sources:
    return local_sources(bmc, tmp_path)


async def test_each_sensor_is_asked_once_of_its_own_controller(bmc: BridgingBmc, sources: Sources) -> None:
    read = await sweep(sources.behind, bmc.clock)
    assert bmc.passed_on == [(ME, 1), (ME, 2), (NODE, 1), (NODE, 2)]
    assert by_name(read) == {"ME 1": Number(41), "ME 2": Number(42), "Node 1": Number(41), "Node 2": Number(42)}
    assert [line.status for line in read.coverage or ()] == [CoverageStatus.WATCHED] * 2


@pytest.mark.parametrize("code", [0xC3, 0xD3, 0x82, 0x83])
async def test_a_silent_controller_costs_one_question_in_ten_minutes(
    bmc: BridgingBmc, sources: Sources, code: int
) -> None:
    answered = bmc.there
    bmc.there = lambda controller, request: bytes((code,)) if controller == ME else answered(controller, request)
    for _ in range(3):
        read = await sweep(sources.behind, bmc.clock)
        assert isinstance(by_name(read)["ME 1"], Gap)
        assert isinstance(by_name(read)["ME 2"], Gap)
        assert by_name(read)["Node 2"] == Number(42)
        assert read.complete
    assert [number for controller, number in bmc.passed_on if controller == ME] == [1]
    bmc.clock.advance(601)
    bmc.there = answered
    read = await sweep(sources.behind, bmc.clock)
    assert by_name(read)["ME 2"] == Number(42)
    assert {line.status for line in read.coverage or ()} == {CoverageStatus.WATCHED}


async def test_its_silence_is_a_line_of_coverage_told_once(bmc: BridgingBmc, sources: Sources) -> None:
    bmc.there = lambda controller, request: b"\xc3"
    lines = (await sweep(sources.behind, bmc.clock)).coverage or ()
    assert [line.reason for line in lines] == [
        "2 sensors of the controller at 2Ch on channel 0: it does not answer",
        "2 sensors of the controller at 82h on channel 0: it does not answer",
    ]
    assert (await sweep(sources.behind, bmc.clock)).coverage is None
    assert list(await sources.behind.doctor()) == list(lines)


async def test_a_bmc_that_passes_nothing_on_is_said_to_be_that(bmc: BridgingBmc, sources: Sources) -> None:
    bmc.there = lambda controller, request: b"\xc1"
    read = await sweep(sources.behind, bmc.clock)
    assert by_name(read)["ME 1"] == Gap(GapReason.UNSUPPORTED, "the BMC passes no messages on")
    assert len(bmc.passed_on) == 2


async def test_one_sensor_that_is_not_there_hides_no_other(bmc: BridgingBmc, sources: Sources) -> None:
    answered = bmc.there
    bmc.there = lambda controller, request: b"\xcb" if request.data == b"\x01" else answered(controller, request)
    read = by_name(await sweep(sources.behind, bmc.clock))
    gap = read["ME 1"]
    assert isinstance(gap, Gap)
    assert (gap.reason, read["ME 2"]) == (GapReason.ABSENT, Number(42))


async def test_a_bmc_that_hangs_on_the_way_makes_gaps_of_what_is_left(bmc: BridgingBmc, sources: Sources) -> None:
    def hang(controller: Controller, request: IpmiRequest) -> bytes:
        if controller == NODE:
            raise DeviceHung("no answer from the BMC")
        return b"\0\x01\xc0\0"

    bmc.there = hang
    read = by_name(await sweep(sources.behind, bmc.clock))
    assert read["ME 2"] == Number(1)
    assert read["Node 1"] == read["Node 2"] == Gap(GapReason.HUNG, "no answer from the BMC")


async def test_a_bmc_that_hangs_at_once_is_the_sweeps_error(bmc: BridgingBmc, sources: Sources) -> None:
    def hang(controller: Controller, request: IpmiRequest) -> bytes:
        raise DeviceHung("no answer from the BMC")

    await sweep(sources.analogue, bmc.clock)
    bmc.there = hang
    with pytest.raises(AgentError, match="no answer"):
        await sweep(sources.behind, bmc.clock)


async def test_what_the_budget_does_not_reach_is_not_swept_and_comes_first_the_next_time(
    bmc: BridgingBmc, sources: Sources
) -> None:
    await sweep(sources.analogue, bmc.clock)
    answered = bmc.there

    def slow(controller: Controller, request: IpmiRequest) -> bytes:
        bmc.clock.advance(5.0)
        return answered(controller, request)

    bmc.there = slow
    read = await sweep(sources.behind, bmc.clock)
    assert not read.complete
    assert by_name(read)["Node 2"] == Gap(GapReason.NOT_SWEPT)
    first = len(bmc.passed_on)
    await sweep(sources.behind, bmc.clock)
    assert bmc.passed_on[first] == (NODE, 2)


async def test_the_configuration_can_forbid_it_and_coverage_says_so(bmc: BridgingBmc, tmp_path: Path) -> None:
    sources = local_sources(bmc, tmp_path, behind=False)
    read = await sweep(sources.behind, bmc.clock)
    assert bmc.passed_on == []
    assert {type(reading) for reading in read.readings} == {Gap}
    assert [line.cure for line in read.coverage or ()] == ["set ipmi.behind = true"] * 2


async def test_a_way_that_cannot_pass_messages_on_is_said_to_be_that(tmp_path: Path) -> None:
    plain = FakeBmc([*demo.server_sensors(2), *BEHIND])
    read = await sweep(local_sources(plain, tmp_path).behind, plain.clock)
    assert by_name(read)["ME 1"] == Gap(GapReason.UNSUPPORTED, "this way to the BMC passes no messages on")
