"""Reading the SDR repository and the BMC's own limits, in as many portions as the time budget needs.

`bmc.py` runs a `Survey` until it is done and keeps its outcome in the cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hardcase_agent.domain.errors import DeviceFailed, MalformedAnswer
from hardcase_agent.domain.ports import IpmiRequest
from hardcase_agent.sensors.ipmi import readings
from hardcase_agent.sensors.ipmi.commands import (
    FIRST,
    LAST,
    REPOSITORY,
    RESERVATION_LOST,
    TOO_LONG,
    SdrStore,
    get_sensor_hysteresis,
    get_sensor_thresholds,
    payload,
    refusal,
)
from hardcase_agent.sensors.ipmi.conversation import Budget, Conversation
from hardcase_agent.sensors.ipmi.plan import BMC_OWNER, is_analogue, sensor_records
from hardcase_agent.sensors.ipmi.records import HEADER, Defaults, Record, SensorRecord, parse_record

MAX_RECORDS = 4096
"""A repository has 16-bit ids, but a server has hundreds: more is a BMC walking in circles."""
PORTION = 16
"""Bytes per partial read: what the narrowest path (IPMB) carries in one answer."""
RESERVATIONS = 8
"""Reservations lost in one record before giving up: another reader or a self-updating repository."""
CHUNK = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """What a BMC's sensors are: raw records and its own limits by sensor id."""

    records: tuple[bytes, ...]
    stated: dict[str, Defaults]

    def parsed(self) -> tuple[tuple[Record, ...], int]:
        """Decoded records, and how many did not decode."""
        found: list[Record] = []
        broken = 0
        for raw in self.records:
            try:
                found += parse_record(raw)
            except MalformedAnswer:
                broken += 1
        return tuple(found), broken


class Survey:
    """One reading of the repository. `advance` goes on where it stopped."""

    def __init__(self, talk: Conversation, store: SdrStore | None = REPOSITORY) -> None:
        """`store` None: a BMC that keeps no sensor records."""
        self._talk = talk
        self._store = store or REPOSITORY
        self._next = FIRST if store is not None else LAST
        self._whole = True
        self._reservation = 0
        self._records: dict[int, bytes] = {}
        self._stated: dict[str, Defaults] = {}
        self._questions: list[_Question] | None = None
        self._asked = 0

    @property
    def progress(self) -> str:
        return f"{len(self._records)} sensor records read, limits of {len(self._stated)} sensors"

    async def advance(self, budget: Budget) -> Repository | None:
        """The repository, or None where the budget ended before it. Raises the device's errors, MalformedAnswer."""
        while self._next != LAST:
            if budget.spent:
                return None
            await self._read_record()
        records = tuple(self._records.values())
        if self._questions is None:
            self._questions = list(_questions(Repository(records=records, stated={})))
        while self._asked < len(self._questions):
            if budget.spent:
                return None
            await self._ask_limits(self._questions[self._asked : self._asked + CHUNK], budget)
        return Repository(records=records, stated=self._stated)

    async def _read_record(self) -> None:
        wanted = self._next
        following, raw = await (self._read_whole() if self._whole else self._read_in_portions())
        if following == wanted or wanted in self._records or len(self._records) >= MAX_RECORDS:
            raise MalformedAnswer(f"the SDR repository walks in circles at record {wanted}")
        self._records[wanted] = raw
        self._next = following

    async def _read_whole(self) -> tuple[int, bytes]:
        answer = await self._talk.ask_raw(self._store.read(self._next))
        if answer and answer[0] == 0:
            following, raw = int.from_bytes(answer[1:3], "little"), answer[3:]
            if len(raw) >= HEADER and len(raw) >= HEADER + raw[4]:
                return following, raw
        elif answer and answer[0] not in (*TOO_LONG, RESERVATION_LOST):
            # By the book a whole record needs no reservation (33.12); some BMCs want one all the same.
            raise refusal(answer[0], f"SDR {self._next}")
        self._whole = False
        return await self._read_in_portions()

    async def _read_in_portions(self) -> tuple[int, bytes]:
        for _ in range(RESERVATIONS):
            outcome = await self._portions()
            if outcome is not None:
                return outcome
            reserved = await self._talk.ask(self._store.reserve, "SDR reservation")
            self._reservation = int.from_bytes(reserved[:2], "little")
        raise DeviceFailed(f"SDR {self._next}: the reservation was lost {RESERVATIONS} times")

    async def _portions(self) -> tuple[int, bytes] | None:
        """None: the reservation was lost."""
        raw, following, length = b"", LAST, HEADER
        while len(raw) < length:
            count = min(PORTION, length - len(raw))
            answer = await self._talk.ask_raw(self._store.read(self._next, self._reservation, len(raw), count))
            if answer and answer[0] == RESERVATION_LOST:
                return None
            data = payload(answer, f"SDR {self._next}")
            if len(data) < 3:
                raise MalformedAnswer(f"SDR {self._next}: an empty portion")
            following = int.from_bytes(data[:2], "little")
            raw += data[2:]
            if len(raw) >= HEADER:
                length = HEADER + raw[4]
        return following, raw

    async def _ask_limits(self, questions: list[_Question], budget: Budget) -> None:
        outcome = await self._talk.ask_many([question.request for question in questions], budget)
        for question, answer in zip(questions, outcome.answers, strict=False):
            self._stated[question.record.id] = question.read(answer, self._stated.get(question.record.id))
        self._asked += len(outcome.answers)
        if outcome.error is not None:
            raise outcome.error


@dataclass(frozen=True, slots=True)
class _Question:
    """One request for limits, and what its answer changes. What a BMC does not tell stays as in the record."""

    record: SensorRecord
    request: IpmiRequest
    thresholds: bool

    def read(self, answer: bytes, so_far: Defaults | None) -> Defaults:
        stated = so_far or self.record.defaults
        assert stated is not None  # Only sensors with thresholds are asked.
        if self.thresholds:
            told = readings.thresholds(answer)
            if told is None:
                return stated
            return Defaults(readable=told[0], values=told[1], rising=stated.rising, falling=stated.falling)
        bands = readings.hysteresis(answer)
        if bands is None:
            return stated
        return Defaults(readable=stated.readable, values=stated.values, rising=bands[0], falling=bands[1])


def _questions(repository: Repository) -> Iterator[_Question]:
    records, _ = repository.parsed()
    for record in sensor_records(records):
        if record.owner != BMC_OWNER or not is_analogue(record) or record.defaults is None:
            continue
        if record.asks_thresholds:
            yield _Question(record, get_sensor_thresholds(record.number, record.lun), True)
        if record.asks_hysteresis:
            yield _Question(record, get_sensor_hysteresis(record.number, record.lun), False)


def default_limits(repository: Repository) -> dict[str, Defaults]:
    """Limits by sensor id: the BMC's where it told them, else the record's, which fixed ones are by definition."""
    records, _ = repository.parsed()
    stated = {record.id: record.defaults for record in sensor_records(records) if record.defaults is not None}
    return stated | repository.stated
