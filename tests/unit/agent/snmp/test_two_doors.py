"""A device asked live and the same device's recorded walk give the same sensors, readings and parts."""

from __future__ import annotations

from hardcase_agent.domain.capture import Capture, Listed, Seen
from hardcase_agent.domain.frame import Moment
from hardcase_agent.sensors.snmp.decoding import decode
from hardcase_agent.sensors.snmp.walk_text import read_walk

from tests.golden.snmp.test_own_walks import SERVER
from tests.unit.agent.snmp.test_snmp_source import Clock, Device, source_of


async def test_a_walk_and_the_device_it_was_recorded_of_say_the_same() -> None:
    recorded = list(decode(Capture("walk", {"": SERVER.encode()})))
    device = Device(dict(read_walk(SERVER).objects), Clock())
    sweep = await source_of(device).sweep(Moment(0, 0))
    offline = {one.sensor.id: (one.sensor, one.reading) for one in recorded if isinstance(one, Seen)}
    live = {sensor.id: (sensor, reading) for sensor, reading in zip(sweep.sensors, sweep.readings, strict=True)}
    assert live == offline
    assert {one.part for one in recorded if isinstance(one, Listed)} <= set(sweep.parts or ())
    assert {(one.asset.vendor, one.asset.serial) for one in recorded if isinstance(one, Seen)} == {
        (sweep.asset.vendor, sweep.asset.serial)
    }
