"""Reading the repository: whole, in portions, in several sweeps, against what BMCs get wrong."""

from __future__ import annotations

import pytest
from hardcase_agent.domain.errors import DeviceFailed, DeviceHung, MalformedAnswer
from hardcase_agent.domain.ports import IpmiRequest
from hardcase_agent.sensors.ipmi.conversation import Budget, Conversation
from hardcase_agent.sensors.ipmi.repository import Repository, Survey, default_limits

from tests.fakes.bmc import FakeBmc

GET_SDR, GET_THRESHOLDS = (0x0A, 0x23), (0x04, 0x27)


async def no_pause(seconds: float) -> None:
    return None


def survey_of(bmc: FakeBmc) -> Survey:
    return Survey(Conversation(bmc, no_pause))


def plenty(bmc: FakeBmc) -> Budget:
    return Budget(bmc.clock, 3600)


def asked(bmc: FakeBmc, command: tuple[int, int]) -> int:
    return sum((request.netfn, request.command) == command for request in bmc.asked)


async def whole(bmc: FakeBmc) -> Repository:
    repository = await survey_of(bmc).advance(plenty(bmc))
    assert repository is not None
    return repository


async def test_every_record_and_the_bmcs_own_limits_are_read() -> None:
    bmc = FakeBmc()
    repository = await whole(bmc)
    assert len(repository.records) == 26
    stated = repository.stated["20.0.1/3.1"]
    assert (stated.readable, stated.values[4], stated.rising) == (0b111000, 95, 2)


async def test_a_bmc_with_narrow_answers_is_read_in_portions_to_the_same_records() -> None:
    narrow = FakeBmc()
    narrow.portion = 20
    assert (await whole(narrow)).records == (await whole(FakeBmc())).records


async def test_a_lost_reservation_restarts_the_record_and_losing_it_for_ever_is_named() -> None:
    bmc = FakeBmc()
    bmc.portion = 20
    losses = [3]

    def lose(request: IpmiRequest) -> bytes | None:
        if (request.netfn, request.command) == GET_SDR and request.data[4] == 5 and losses[0]:
            losses[0] -= 1
            bmc.lose_reservation()
        return None

    bmc.trouble = lose
    assert (await whole(bmc)).records == (await whole(FakeBmc())).records
    losses[0] = 10**6
    with pytest.raises(DeviceFailed, match="reservation"):
        await survey_of(bmc).advance(plenty(bmc))


async def test_a_bmc_that_wants_a_reservation_even_for_a_whole_record_is_read() -> None:
    bmc = FakeBmc()
    bmc.trouble = lambda request: (
        b"\xc5" if request.command == 0x23 and request.netfn == 0x0A and request.data[:2] == b"\0\0" else None
    )
    repository = await Survey(Conversation(bmc)).advance(Budget(bmc.clock, 60.0))
    assert repository is not None
    assert len(repository.records) == len(bmc.records)


async def test_a_slow_bmc_is_read_over_several_budgets_without_asking_twice() -> None:
    bmc = FakeBmc(cost_ms=100)
    survey = survey_of(bmc)
    rounds = 0
    while (repository := await survey.advance(Budget(bmc.clock, 1.0))) is None:
        rounds += 1
        assert rounds < 50
    assert rounds >= 4
    assert repository.records == (await whole(FakeBmc())).records
    assert asked(bmc, GET_SDR) == 26


async def test_a_hung_bmc_keeps_what_was_read_for_the_next_time() -> None:
    bmc = FakeBmc()
    survey = survey_of(bmc)

    def hang(request: IpmiRequest) -> bytes | None:
        if asked(bmc, GET_SDR) == 10:
            raise DeviceHung("no answer")
        return None

    bmc.trouble = hang
    with pytest.raises(DeviceHung):
        await survey.advance(plenty(bmc))
    bmc.trouble = lambda request: None
    assert await survey.advance(plenty(bmc)) is not None
    assert asked(bmc, GET_SDR) == 27


async def test_a_repository_that_walks_in_circles_is_named() -> None:
    bmc = FakeBmc()
    first = b"\0\0\0" + bmc.records[0]
    bmc.trouble = lambda request: first if (request.netfn, request.command) == GET_SDR else None
    with pytest.raises(MalformedAnswer, match="circles"):
        await survey_of(bmc).advance(plenty(bmc))


async def test_limits_a_bmc_does_not_tell_come_from_the_record() -> None:
    bmc = FakeBmc()
    bmc.trouble = lambda request: b"\xc1" if (request.netfn, request.command) == GET_THRESHOLDS else None
    stated = default_limits(await whole(bmc))["20.0.1/3.1"]
    assert (stated.readable, stated.values) == (0b111000, bytes((0, 0, 0, 85, 95, 105)))


async def test_limits_changed_in_the_bmc_beat_the_records() -> None:
    bmc = FakeBmc()
    changed = bytes((0, 0b010000, 0, 0, 0, 0, 77, 0))
    bmc.trouble = lambda request: changed if (request.netfn, request.command) == GET_THRESHOLDS else None
    stated = default_limits(await whole(bmc))["20.0.1/3.1"]
    assert (stated.readable, stated.values[4]) == (0b010000, 77)
