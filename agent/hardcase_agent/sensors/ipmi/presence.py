"""What is not there: entities whose presence sensors say absent, and the gaps of the other sensors on them.

Pure. `sensor_sources.py` and `sdr_decoding.py` apply it: a BMC goes on answering for an empty bay, with zeros.
"""

from __future__ import annotations

from collections.abc import Iterable

from hardcase_agent.domain.reading import Gap, GapReason, Reading, States
from hardcase_agent.sensors.ipmi.parts import is_place
from hardcase_agent.sensors.ipmi.plan import Planned
from hardcase_agent.sensors.ipmi.records import Entity

PRESENCE = "ipmi.entity_presence"
NOT_THERE = Gap(GapReason.ABSENT, "its entity is not present")


def tells_presence(planned: Planned) -> bool:
    """Whether it tells that the place of a single part is filled: one on the system board tells of something that is
    plugged into it."""
    return planned.sensor.quantity == PRESENCE and is_place(planned.entity)


def absent_entities(
    told: Iterable[tuple[Planned, Reading]], before: frozenset[Entity] = frozenset()
) -> frozenset[Entity]:
    """Entities of which every presence sensor that speaks says absent; where none speaks, what was known `before`."""
    says = dict.fromkeys(before, True)
    spoken: set[Entity] = set()
    for planned, reading in told:
        entity, sensor = planned.entity, planned.sensor
        if not isinstance(reading, States) or not tells_presence(planned):
            continue
        if entity not in spoken:
            spoken.add(entity)
            says[entity] = True
        names = {name for bit, name in enumerate(sensor.states) if reading.bits >> bit & 1}
        says[entity] = says[entity] and "absent" in names and "present" not in names
    return frozenset(entity for entity, absent in says.items() if absent)


def as_present(planned: Planned, reading: Reading, absent: frozenset[Entity]) -> Reading:
    """The reading, or the gap of a sensor whose entity is not there."""
    if planned.entity in absent and planned.sensor.quantity != PRESENCE:
        return NOT_THERE
    return reading
