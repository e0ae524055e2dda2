"""Timelines: what they may say, and how their mistakes are told."""

from __future__ import annotations

import pytest
from hardcase_agent.domain.errors import ConfigError
from hardcase_agent.domain.part import Component
from hardcase_agent.domain.reading import Gap, GapReason, Kind, Limits, Number, States
from hardcase_agent.sensors.rehearsal.load import LoadFault, load_timeline
from hardcase_agent.sensors.rehearsal.timeline import parse_timeline

ASSET = """
[asset]
vendor = "Hardcase Rehearsal"
model = "Drill"
serial = "DRILL-1"
"""
SOURCE = """
[[source]]
name = "bmc"
period_s = 1
[[source.sensor]]
id = "cpu"
name = "CPU"
kind = "temperature"
unit = "Cel"
value = 50
limits = { upper_critical = 90 }
part = { component = "cpu", slot = "CPU1" }
[[source.sensor]]
id = "psu"
name = "PSU"
kind = "state"
quantity = "psu.status"
states = ["present", "failure_detected"]
on = ["present"]
"""


def mistakes_of(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        parse_timeline(text, path="drill.toml")
    return caught.value.mistakes


def test_a_timeline_is_read_whole() -> None:
    timeline = parse_timeline(
        ASSET + SOURCE + '[[change]]\nat = 2.5\nsensor = "psu"\non = ["present", "failure_detected"]', path="drill.toml"
    )
    (source,) = timeline.sources
    cpu, psu = source.sensors
    assert cpu.sensor.kind is Kind.TEMPERATURE
    assert cpu.sensor.part.component is Component.CPU
    assert cpu.sensor.limits == Limits(upper_critical=90.0, source="rehearsal")
    assert cpu.start == Number(50.0)
    assert psu.sensor.limits == Limits()
    assert psu.start == States(0b01)
    (change,) = psu.changes
    assert (change.at_ms, change.target) == (2500, States(0b11))


def test_the_asset_of_a_drill_is_always_marked_and_bears_no_real_identity() -> None:
    asset = parse_timeline(ASSET + SOURCE, path="drill.toml").asset
    assert asset.rehearsal
    assert (asset.uuid, asset.machine_id, asset.address) == ("", "", "rehearsal:DRILL-1")


def test_a_serial_that_could_be_real_is_refused() -> None:
    (mistake,) = mistakes_of(ASSET.replace("DRILL-1", "S3Z8NB0K") + SOURCE)
    assert "must begin with DRILL-" in mistake


@pytest.mark.parametrize("key", ["uuid", "machine_id", "rehearsal"])
def test_identities_of_real_hardware_are_not_even_keys(key: str) -> None:
    (mistake,) = mistakes_of(ASSET + f'{key} = "x"\n' + SOURCE)
    assert f"asset.{key}: unknown key" in mistake


def test_all_mistakes_of_the_shape_come_together() -> None:
    text = ASSET.replace('model = "Drill"\n', "") + SOURCE.replace("period_s = 1", 'period_s = "1"').replace(
        'kind = "temperature"', 'kind = "heat"'
    )
    mistakes = mistakes_of(text)
    assert len(mistakes) == 3
    assert any("asset.model: missing" in line for line in mistakes)
    assert any("source[0].period_s: must be a number" in line for line in mistakes)
    assert any("source[0].sensor[0].kind: must be one of" in line for line in mistakes)


def test_all_mistakes_of_the_meaning_come_together() -> None:
    text = (
        ASSET
        + SOURCE
        + """
[[change]]
at = 1
sensor = "fan"
value = 1
[[change]]
at = 1
sensor = "psu"
on = ["melted"]
[[change]]
at = 1
sensor = "psu"
value = 3
[[change]]
at = 1
sensor = "cpu"
value = 3
gap = "hung"
[[event]]
at = 1
source = "nowhere"
code = "psu.input_lost"
"""
    )
    mistakes = mistakes_of(text)
    assert len(mistakes) == 5
    for words in ("no sensor 'fan'", "no state 'melted'", "is a state sensor", "exactly one of", "no source 'nowhere'"):
        assert any(words in line for line in mistakes), words


def test_a_sensor_id_may_not_be_used_twice() -> None:
    assert any("sensor 'cpu' is there twice" in line for line in mistakes_of(ASSET + SOURCE + SOURCE))


def test_what_is_not_toml_is_told_with_its_place() -> None:
    (mistake,) = mistakes_of("[asset\n")
    assert mistake.startswith("drill.toml:")
    assert "line 1" in mistake


def test_a_gap_may_be_said_by_its_reason() -> None:
    timeline = parse_timeline(ASSET + SOURCE + '[[change]]\nat = 1\nsensor = "cpu"\ngap = "hung"', path="drill.toml")
    target = timeline.sources[0].sensors[0].changes[0].target
    assert isinstance(target, Gap)
    assert target.reason is GapReason.HUNG


def test_load_timelines_differ_in_serial_and_hold_the_faults_asked_for() -> None:
    texts = [load_timeline(number, sensors=7, faults=(LoadFault(3, 2.0, 4.0),)) for number in (1, 2)]
    timelines = [parse_timeline(text, path="load.toml") for text in texts]
    assert {timeline.asset.serial for timeline in timelines} == {"DRILL-LOAD-00001", "DRILL-LOAD-00002"}
    for timeline in timelines:
        (source,) = timeline.sources
        assert len(source.sensors) == 7
        assert len({entry.sensor.part.slot for entry in source.sensors}) == 7
        assert [len(entry.changes) for entry in source.sensors] == [0, 0, 0, 2, 0, 0, 0]
