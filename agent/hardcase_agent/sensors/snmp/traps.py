"""From a notification of a device to an event: what the profiles' traps and columns say of it. Pure.

Called by `trap_source.py`. The notification's own OID gives the code, the objects with it name the part; where no
profile knows the OID, the states among its objects give the code; else it stays undecoded, with its words.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from hardcase_agent.domain.event import Event
from hardcase_agent.domain.part import Component, Part
from hardcase_agent.domain.reading import States
from hardcase_agent.sensors.snmp.layout import Item, lay_out
from hardcase_agent.sensors.snmp.measure import decode
from hardcase_agent.sensors.snmp.objects import Objects
from hardcase_agent.sensors.snmp.reference import printable
from hardcase_agent.sensors.snmp.specs import Profile, TrapSpec
from hardcase_agent.sensors.snmp.values import Oid, VarBind, dotted

LOG = "trap"
_SMI_NOTIFICATIONS: Oid = (1, 3, 6, 1, 6, 3)
"""Objects of the notification itself (enterprise, address, community of version 1)."""
_GOOD = frozenset(
    {"ok", "normal", "on", "closed", "passed", "absent", "unknown", "none", "charging", "resting", "eco", "off"}
)
"""States that a notification tells of when something has ended, or that say nothing."""
_TEXT = 400
_SHORTEST_COLUMN = 8


@dataclass(frozen=True, slots=True)
class Notification:
    trap: Oid
    """snmpTrapOID; of version 1 made as RFC 3584, 3.1 says."""
    uptime: int
    """Hundredths of a second; 0 = not told."""
    varbinds: tuple[VarBind, ...]

    @property
    def raw(self) -> bytes:
        """The same for a repeated inform, another for a later notification of the same."""
        said = [f"{dotted(oid)}={printable(value)}" for oid, value in self.varbinds if not _is_envelope(oid)]
        text = "\n".join((dotted(self.trap), str(self.uptime), *said))
        return hashlib.sha256(text.encode()).digest()


class Interpreter:
    """Reads notifications by the shipped profiles."""

    def __init__(self, profiles: Sequence[Profile]) -> None:
        self._profiles = profiles

    @cached_property
    def _traps(self) -> dict[Oid, tuple[Profile, TrapSpec]]:
        return {_without_zero(trap.oid): (profile, trap) for profile in self._profiles for trap in profile.traps}

    @cached_property
    def _columns(self) -> dict[Oid, Profile]:
        return {spec.oid: profile for profile in self._profiles for spec in profile.sensors if spec.states}

    def event(self, told: Notification) -> Event:
        """`code` "" where no profile knows it; the text holds its objects all the same."""
        states = list(self._states(told))
        known = self._traps.get(_without_zero(told.trap))
        part = next((item.sensor.part for item, _ in states if item.sensor.part.slot), Part())
        if known is not None:
            profile, trap = known
            code, asserted, name = trap.code, trap.asserted, trap.name
            if trap.slot or not part.slot:
                own = trap.component.value == profile.asset_kind and not trap.slot
                part = Part(component=trap.component, slot="" if own else trap.slot)
        else:
            code, asserted, name = "", True, f"notification {dotted(told.trap)}"
        if not code:
            code, asserted = self._by_states(states, asserted)
        return Event(
            log=LOG,
            record_id=0,
            raw=told.raw,
            part=part,
            code=code,
            asserted=asserted,
            sensor=next((item.sensor.name for item, _ in states), ""),
            text=_text(name, states, told.varbinds),
        )

    def _states(self, told: Notification) -> Iterator[tuple[Item, tuple[str, ...]]]:
        """What state columns say among its objects, as sensors of a device that showed just these objects."""
        touched = {profile.name: profile for profile in self._touched(told.varbinds)}
        # A table of alarms is read where the count of its rows is there: in a notification its row stands alone.
        needed = {spec.needs: 0 for profile in touched.values() for spec in profile.sensors if spec.needs is not None}
        shown = Objects({**needed, **dict(told.varbinds)})
        for profile in touched.values():
            for item in lay_out(profile, shown):
                reading = decode(item, shown) if item.sensor.states else None
                if isinstance(reading, States) and reading.bits:
                    names = tuple(name for bit, name in enumerate(item.sensor.states) if reading.bits >> bit & 1)
                    yield item, names

    def _touched(self, varbinds: Iterable[VarBind]) -> Iterator[Profile]:
        """Profiles with a column above one of its objects."""
        for oid, _ in varbinds:
            found = (self._columns.get(oid[:length]) for length in range(len(oid) - 1, _SHORTEST_COLUMN, -1))
            yield from (profile for profile in found if profile is not None)

    @staticmethod
    def _by_states(states: list[tuple[Item, tuple[str, ...]]], asserted: bool) -> tuple[str, bool]:
        """The first state that is not good; else the first, as something that ended."""
        told = [(item, name) for item, names in states for name in names if item.sensor.quantity]
        bad = next(((item, name) for item, name in told if name not in _GOOD), None)
        if bad is not None:
            item, name = bad
            return f"{_component(item)}.{name}", asserted
        return "", asserted


def _component(item: Item) -> str:
    """First word of the event code: that of the quantity where it is a component, else the part's."""
    word = item.sensor.quantity.partition(".")[0]
    return word if word in tuple(Component) and word else item.sensor.part.component.value or "appliance"


def _without_zero(trap: Oid) -> Oid:
    """Enterprise.0.number and enterprise.number are told apart by nobody (RFC 2576, 3.1)."""
    return trap[:-2] + trap[-1:] if len(trap) > 2 and trap[-2] == 0 else trap


def _is_envelope(oid: Oid) -> bool:
    return oid[: len(_SMI_NOTIFICATIONS)] == _SMI_NOTIFICATIONS


def _text(name: str, states: Iterable[tuple[Item, tuple[str, ...]]], varbinds: Iterable[VarBind]) -> str:
    """What it is called, the states it tells, and its texts and numbers."""
    words = [f"{item.sensor.name} {' '.join(names)}" for item, names in states]
    words += [printable(value) for oid, value in varbinds if not _is_envelope(oid) and not isinstance(value, tuple)]
    return ": ".join(part for part in (name, ", ".join(word for word in words if word)) if part)[:_TEXT]
