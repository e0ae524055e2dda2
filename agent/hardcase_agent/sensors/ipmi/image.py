"""What a file says a BMC holds: sensor records, what its sensors answered, FRU images, its device id.

Pure. `emulator_file.py` and `sdr_file.py` make it of files, `sdr_decoding.py` asks it as a live BMC is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hardcase_agent.domain.capture import Undecoded
from hardcase_agent.sensors.ipmi.identity import DeviceId
from hardcase_agent.sensors.ipmi.records import Defaults

Address = tuple[int, int, int]
"""Owner, LUN, number."""


@dataclass(frozen=True, slots=True)
class RawRecord:
    """Bytes of one SDR, and where in the file they stand."""

    raw: bytes
    at: str


@dataclass(slots=True, kw_only=True)
class Told:
    """What one sensor answered."""

    value: int | None = None
    bits: int = 0
    """State or comparison bits."""
    scanning: bool = True
    events: bool = True
    thresholds: Defaults | None = None
    hysteresis: tuple[int, int] | None = None


@dataclass(slots=True, kw_only=True)
class BmcImage:
    """Everything one file holds."""

    records: list[RawRecord] = field(default_factory=list)
    told: dict[Address, Told] = field(default_factory=dict)
    frus: dict[int, bytes] = field(default_factory=dict)
    """FRU device of the BMC itself -> image."""
    events: list[bytes] = field(default_factory=list)
    """SEL entries of 16 bytes."""
    device: DeviceId | None = None
    uuid: str = ""
    has_readings: bool = False
    """False: the file has records alone."""
    captured: bool = False
    """Read from a real BMC, comparison bits included; False: perhaps written for a simulator, which makes its own."""
    flaws: list[Undecoded] = field(default_factory=list)


def stated(image: BmcImage, by_id: Mapping[str, Address], records: Mapping[str, Defaults]) -> dict[str, Defaults]:
    """Limits by sensor id: what the file says the BMC told, else the record's own."""
    found = dict(records)
    for sensor, address in by_id.items():
        told = image.told.get(address)
        if told is None:
            continue
        own = told.thresholds or found.get(sensor)
        if own is not None and told.hysteresis is not None:
            rising, falling = told.hysteresis
            own = Defaults(readable=own.readable, values=own.values, rising=rising, falling=falling)
        if own is not None:
            found[sensor] = own
    return found
