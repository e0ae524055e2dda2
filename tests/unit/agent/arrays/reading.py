"""What the tests ask of a decoded output: states and values by part and quantity."""

from __future__ import annotations

from hardcase_agent.domain.capture import Capture, Flaw, Listed, Seen, Undecoded
from hardcase_agent.domain.part import Component, Part
from hardcase_agent.domain.reading import Gap, Number, States
from hardcase_agent.sensors.arrays.decoding import decode


class Told:
    """One decoded text."""

    def __init__(self, text: str) -> None:
        self.decoded = list(decode(Capture("capture.txt", {"": text.encode()})))
        self.seen = [one for one in self.decoded if isinstance(one, Seen)]
        self.flaws = [one for one in self.decoded if isinstance(one, Undecoded)]

    def states(self, quantity: str, place: str) -> set[str]:
        """Asserted states of the one sensor of this quantity whose part sits in this slot."""
        (sensor, reading) = self._one(quantity, place)
        assert isinstance(reading, States), reading
        return {name for bit, name in enumerate(sensor.states) if reading.bits >> bit & 1}

    def value(self, quantity: str, place: str) -> float:
        _, reading = self._one(quantity, place)
        assert isinstance(reading, Number), reading
        return reading.value

    def gap(self, quantity: str, place: str) -> Gap:
        _, reading = self._one(quantity, place)
        assert isinstance(reading, Gap)
        return reading

    def all_states(self, quantity: str) -> dict[str, set[str]]:
        """Slot -> asserted states."""
        return {
            one.sensor.part.slot: {name for bit, name in enumerate(one.sensor.states) if one.reading.bits >> bit & 1}
            for one in self.seen
            if one.sensor.quantity == quantity and isinstance(one.reading, States)
        }

    def parts(self, component: Component) -> list[Part]:
        return [one.part for one in self.decoded if isinstance(one, Listed) and one.part.component is component]

    def disk(self, slot: str) -> Part:
        (part,) = [part for part in self.parts(Component.DISK) if part.slot == slot]
        return part

    def quantities(self) -> set[str]:
        return {one.sensor.quantity for one in self.seen}

    def flawed(self) -> list[Flaw]:
        return [one.flaw for one in self.flaws]

    def _one(self, quantity: str, place: str):  # type: ignore[no-untyped-def]  # a pair of unions
        found = [
            (one.sensor, one.reading)
            for one in self.seen
            if one.sensor.quantity == quantity and place in (one.sensor.part.slot, one.sensor.part.serial)
        ]
        assert len(found) == 1, (quantity, place, [(one.sensor.quantity, one.sensor.part.slot) for one in self.seen])
        return found[0]
