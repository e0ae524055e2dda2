"""A BMC in memory for unit tests: the commands the IPMI family sends, ways to be slow, busy, silent or narrow.

Its records, FRU image and raw readings come from the demo's generator, so that it and ipmi_sim say the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hardcase_agent.domain.errors import AgentError, DeviceFailed
from hardcase_agent.domain.frame import Moment
from hardcase_agent.domain.ports import IpmiAnswers, IpmiRequest

from tests.peers.ipmi_sim import demo

LIMITS = ("lnc", "lc", "lnr", "unc", "uc", "unr")
DEVICE_ID = bytes.fromhex("2001021551 9fffff00 0c0b 00000000".replace(" ", ""))


class FakeClock:
    """Time moves when told."""

    def __init__(self) -> None:
        self.ms = 1_000_000

    def now(self) -> Moment:
        return Moment(1_700_000_000_000 + self.ms, self.ms)

    def advance(self, seconds: float) -> None:
        self.ms += round(seconds * 1000)


def _as_repository(request: IpmiRequest) -> IpmiRequest:
    """Get Device SDR and its reservation as the repository's commands; those are unknown then."""
    if request.netfn == 0x0A and request.command in (0x20, 0x22, 0x23):
        return IpmiRequest(0x0A, 0xFF)
    other = {0x20: (0x04, 0x20), 0x21: (0x0A, 0x23), 0x22: (0x0A, 0x22)}.get(request.command)
    return IpmiRequest(*other, request.data) if request.netfn == 0x04 and other else request


class FakeBmc:
    """`cost_ms`: how far `clock` moves per request. `trouble(request)` may return an answer or raise instead."""

    def __init__(self, sensors: int | Sequence[Any] = 26, *, clock: FakeClock | None = None, cost_ms: int = 0) -> None:
        self.sensors = list(demo.server_sensors(sensors) if isinstance(sensors, int) else sensors)
        self.clock = clock or FakeClock()
        self.cost_ms = cost_ms
        self.records = [
            (demo.full_sdr if isinstance(sensor, demo.Analogue) else demo.compact_sdr)(sensor)
            for sensor in self.sensors
        ]
        self.fru = demo.fru_image("RS900042")
        self.device_sdrs = False
        """The BMC has no repository and serves its records by the Device SDR commands."""
        self.fru_devices = {0}
        """FRU devices that hold that image."""
        self.power = True
        self.device_id = DEVICE_ID
        self.sdr_added = 7
        self.sel: list[bytes] = []
        self.sel_erased = 0
        self.sel_overflow = False
        self.flags: dict[int, int] = {}
        """Second byte of a reading, by sensor number; 0xC0 = scanning and events on."""
        self.raw = {s.number: s.reading for s in self.sensors if isinstance(s, demo.Analogue)}
        self.bits = {
            s.number: sum(1 << bit for bit in s.asserted) for s in self.sensors if isinstance(s, demo.Discrete)
        }
        self.portion = 255
        """Most bytes of an SDR or FRU in one answer."""
        self.trouble: Callable[[IpmiRequest], bytes | None] = lambda request: None
        self.asked: list[IpmiRequest] = []
        self.closed = False
        self._reservation = 0

    # ---- the ports -----------------------------------------------------------------------------------------------

    async def request(self, netfn: int, command: int, data: bytes, *, lun: int = 0, deadline_s: float) -> bytes:
        return self.answer(IpmiRequest(netfn, command, data, lun))

    async def request_many(self, requests: Sequence[IpmiRequest], *, deadline_s: float) -> IpmiAnswers:
        answers: list[bytes] = []
        until = self.clock.ms + deadline_s * 1000
        for request in requests:
            if self.clock.ms >= until:
                break
            try:
                answers.append(self.answer(request))
            except AgentError as error:
                return IpmiAnswers(tuple(answers), error)
        return IpmiAnswers(tuple(answers))

    async def close(self) -> None:
        self.closed = True

    # ---- the commands --------------------------------------------------------------------------------------------

    def answer(self, request: IpmiRequest) -> bytes:
        if self.closed:
            raise DeviceFailed("closed")
        self.asked.append(request)
        self.clock.ms += self.cost_ms
        forced = self.trouble(request)
        if forced is not None:
            return forced
        if self.device_sdrs:
            request = _as_repository(request)
        handler = {
            (0x00, 0x01): self._chassis,
            (0x04, 0x20): self._device_sdr_info,
            (0x04, 0x2D): self._reading,
            (0x04, 0x27): self._thresholds,
            (0x04, 0x25): self._hysteresis,
            (0x06, 0x01): lambda data: b"\0" + self.device_id,
            (0x06, 0x37): lambda data: b"\0" + bytes(range(16)),
            (0x0A, 0x10): self._fru_info,
            (0x0A, 0x11): self._fru_read,
            (0x0A, 0x20): self._sdr_info,
            (0x0A, 0x22): self._reserve,
            (0x0A, 0x23): self._sdr,
            (0x0A, 0x40): self._sel_info,
            (0x0A, 0x43): self._sel_entry,
        }.get((request.netfn, request.command))
        return handler(request.data) if handler is not None else b"\xc1"

    def _chassis(self, data: bytes) -> bytes:
        return bytes((0, self.power, 0, 0))

    def _reading(self, data: bytes) -> bytes:
        number = data[0]
        flags = self.flags.get(number, 0xC0)
        if number in self.raw:
            return bytes((0, self.raw[number], flags, self._comparison(number), 0x80))
        if number in self.bits:
            return bytes((0, 0, flags)) + self.bits[number].to_bytes(2, "little")
        return b"\xcb"

    def _of(self, number: int) -> Any:
        return next(sensor for sensor in self.sensors if sensor.number == number)

    def _comparison(self, number: int) -> int:
        limits, raw = self._of(number).limits, self.raw[number]
        passed = [
            name in limits and (raw <= limits[name] if name[0] == "l" else raw >= limits[name]) for name in LIMITS
        ]
        return sum(1 << bit for bit, holds in enumerate(passed) if holds)

    def _thresholds(self, data: bytes) -> bytes:
        limits = self._of(data[0]).limits
        mask = sum(1 << bit for bit, name in enumerate(LIMITS) if name in limits)
        return bytes((0, mask, *(limits.get(name, 0) for name in LIMITS)))

    def _hysteresis(self, data: bytes) -> bytes:
        band = self._of(data[0]).hysteresis
        return bytes((0, band, band))

    def _fru_info(self, data: bytes) -> bytes:
        return bytes((0,)) + len(self.fru).to_bytes(2, "little") + b"\0" if data[0] in self.fru_devices else b"\xcb"

    def _fru_read(self, data: bytes) -> bytes:
        at, count = int.from_bytes(data[1:3], "little"), data[3]
        if count > self.portion:
            return b"\xca"
        piece = self.fru[at : at + count]
        return bytes((0, len(piece))) + piece

    def _sdr_info(self, data: bytes) -> bytes:
        count = len(self.records).to_bytes(2, "little")
        return b"\0\x51" + count + b"\xff\xff" + self.sdr_added.to_bytes(4, "little") + bytes(4) + b"\x02"

    def _device_sdr_info(self, data: bytes) -> bytes:
        return bytes((0, len(self.sensors), 0x01)) if self.device_sdrs else b"\xc1"

    def _reserve(self, data: bytes) -> bytes:
        self._reservation += 1
        return b"\0" + self._reservation.to_bytes(2, "little")

    def lose_reservation(self) -> None:
        self._reservation += 1

    def _sdr(self, data: bytes) -> bytes:
        reservation, index = int.from_bytes(data[:2], "little"), int.from_bytes(data[2:4], "little")
        offset, count = data[4], data[5]
        if index >= len(self.records):
            return b"\xcb"
        if (offset or count != 0xFF) and reservation != self._reservation:
            return b"\xc5"
        record = index.to_bytes(2, "little") + self.records[index][2:]
        piece = record[offset:] if count == 0xFF else record[offset : offset + count]
        if len(piece) > self.portion:
            return b"\xca"
        following = index + 1 if index + 1 < len(self.records) else 0xFFFF
        return b"\0" + following.to_bytes(2, "little") + piece

    def _sel_info(self, data: bytes) -> bytes:
        entries = len(self.sel).to_bytes(2, "little")
        stamps = len(self.sel).to_bytes(4, "little") + self.sel_erased.to_bytes(4, "little")
        return b"\0\x51" + entries + (8192).to_bytes(2, "little") + stamps + bytes((0x80 if self.sel_overflow else 2,))

    def _sel_entry(self, data: bytes) -> bytes:
        wanted = int.from_bytes(data[2:4], "little")
        ids = [int.from_bytes(entry[:2], "little") for entry in self.sel]
        if wanted == 0 and ids:
            wanted = ids[0]
        if wanted not in ids:
            return b"\xcb"
        index = ids.index(wanted)
        following = ids[index + 1] if index + 1 < len(ids) else 0xFFFF
        return b"\0" + following.to_bytes(2, "little") + self.sel[index]

    # ---- what happens to it --------------------------------------------------------------------------------------

    def log(self, *, kind: int, number: int, code: int = 0x6F, offset: int, asserted: bool = True) -> None:
        """A standard entry with the next record id."""
        next_id = int.from_bytes(self.sel[-1][:2], "little") + 1 if self.sel else 1
        event = code | (0 if asserted else 0x80)
        body = (1_700_000_000 + next_id).to_bytes(4, "little") + bytes(
            (0x20, 0, 4, kind, number, event, offset, 0xFF, 0xFF)
        )
        self.sel.append(next_id.to_bytes(2, "little") + b"\x02" + body)

    def clear_log(self) -> None:
        self.sel.clear()
        self.sel_erased += 1
