"""Schedule, breaker and framing together: what follows from an answer."""

from __future__ import annotations

import hashlib

from hardcase_agent.domain.errors import CredentialsRefused, DeviceHung
from hardcase_agent.domain.event import SourceState, SourceStatus
from hardcase_agent.domain.frame import Catalogue, Frame, Sweep
from hardcase_agent.domain.part import Asset
from hardcase_agent.domain.reading import Kind, Number, Sensor
from hardcase_agent.sampling.sampler import Outcome, Sampler
from hardcase_agent.sampling.schedule import Planned

from tests.fakes.clock import FakeClock

HOST = Asset(serial="HOST")
BMC = Asset(serial="BMC")
TEMP = (Sensor(id="t", name="", kind=Kind.TEMPERATURE),)
SWEEP = Sweep(asset=BMC, sensors=TEMP, readings=(Number(1.0),))


def hash_of(catalogue: Catalogue) -> bytes:
    return hashlib.sha256(repr(catalogue).encode()).digest()[:16]


def sampler_of(clock: FakeClock, period_ms: int = 10_000) -> Sampler:
    planned = [Planned(name="a", device="a", period_ms=period_ms)]
    return Sampler(planned, host=HOST, seed="", now_ms=clock.boot_ms, catalogue_id=hash_of)


def ask(sampler: Sampler, clock: FakeClock, answer: Sweep | Exception, took_ms: int = 1) -> Outcome:
    sampler.started("a", clock.now())
    clock.advance(took_ms)
    sampler.returned("a")
    if isinstance(answer, Sweep):
        return sampler.succeeded("a", answer, clock.now())
    return sampler.failed("a", answer, clock.now())


def states(outcome: Outcome) -> list[SourceState]:
    return [body.state for body in outcome.bodies if isinstance(body, SourceStatus)]


def test_the_first_answer_says_the_condition_then_the_catalogue_then_the_frame() -> None:
    clock = FakeClock()
    outcome = ask(sampler_of(clock), clock, SWEEP)
    assert [type(body) for body in outcome.bodies] == [SourceStatus, Catalogue, Frame]


def test_a_source_that_never_answered_is_told_for_the_host_and_later_for_its_own_asset() -> None:
    clock = FakeClock()
    sampler = sampler_of(clock)
    (silent,) = ask(sampler, clock, DeviceHung()).bodies
    ask(sampler, clock, SWEEP)
    (lost,) = ask(sampler, clock, DeviceHung()).bodies
    assert isinstance(silent, SourceStatus)
    assert isinstance(lost, SourceStatus)
    assert (silent.asset, silent.state, lost.asset) == (HOST, SourceState.HUNG, BMC)


def test_repeats_make_no_records() -> None:
    clock = FakeClock()
    sampler = sampler_of(clock)
    assert states(ask(sampler, clock, DeviceHung())) == [SourceState.HUNG]
    assert ask(sampler, clock, DeviceHung()).bodies == ()
    assert ask(sampler, clock, DeviceHung()).bodies == ()


def test_an_open_breaker_is_asked_after_a_minute() -> None:
    clock = FakeClock()
    sampler = sampler_of(clock)
    for _ in range(3):
        ask(sampler, clock, DeviceHung())
    opened = clock.boot_ms
    assert list(sampler.due(opened + 59_999)) == []
    assert list(sampler.due(opened + 60_000)) == ["a"]


def test_refused_credentials_wait_for_a_new_configuration() -> None:
    clock = FakeClock()
    sampler = sampler_of(clock)
    assert states(ask(sampler, clock, CredentialsRefused("no"))) == [SourceState.REFUSED]
    assert list(sampler.due(clock.boot_ms + 10**12)) == []
    sampler.replan([Planned(name="a", device="a", period_ms=1)], kept={"a"}, now_ms=clock.boot_ms)
    assert list(sampler.due(clock.boot_ms + 10**12)) == []
    sampler.replan([Planned(name="a", device="a", period_ms=1)], kept=(), now_ms=clock.boot_ms)
    assert list(sampler.due(clock.boot_ms + 10**6)) == ["a"]


def test_a_slow_sweep_stretches_says_so_and_renews_the_catalogue() -> None:
    clock = FakeClock()
    sampler = sampler_of(clock)
    ask(sampler, clock, SWEEP)
    outcome = ask(sampler, clock, SWEEP, took_ms=5_000)
    assert states(outcome) == [SourceState.STRETCHED]
    (catalogue,) = (body for body in outcome.bodies if isinstance(body, Catalogue))
    assert sampler.schedule.period_ms("a") == catalogue.period_ms == 30_000


def test_an_incomplete_sweep_goes_on_after_a_second() -> None:
    clock = FakeClock()
    sampler = sampler_of(clock, period_ms=3_600_000)
    ask(sampler, clock, Sweep(asset=BMC, sensors=TEMP, readings=(Number(1.0),), complete=False))
    assert list(sampler.due(clock.boot_ms + 999)) == []
    assert list(sampler.due(clock.boot_ms + 1_000)) == ["a"]


def test_a_sweep_of_many_portions_asks_the_device_a_fifth_of_the_time_and_says_how_long_it_takes() -> None:
    clock = FakeClock()
    sampler = sampler_of(clock, period_ms=60_000)
    portion = Sweep(asset=BMC, sensors=TEMP, readings=(Number(1.0),), complete=False)
    began_ms, asked_ms = clock.boot_ms, 0
    said: list[SourceState] = []
    for sweep in (portion, portion, portion, portion, SWEEP):
        said += states(ask(sampler, clock, sweep, took_ms=12_000))
        asked_ms += 12_000
        clock.advance(next(ms for ms in range(0, 600_000, 1_000) if sampler.due(clock.boot_ms + ms)))
        assert asked_ms * 5 <= clock.boot_ms - began_ms

    assert said == [SourceState.OK, SourceState.STRETCHED]
    assert sampler.schedule.period_ms("a") == 300_000
