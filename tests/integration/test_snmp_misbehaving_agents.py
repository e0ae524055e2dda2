"""The SNMP client against agents that break the rules: too big, lossy, looping, failing one object, talking rubbish."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from hardcase_agent.domain.errors import AccessDenied, DeviceBusy, DeviceFailed, DeviceHung, MalformedAnswer
from hardcase_agent.sensors.snmp.values import Community, Missing, Oid
from hardcase_agent.sensors.snmp_client import SnmpClient
from pyasn1.codec.ber import decoder, encoder
from pyasn1.error import PyAsn1Error
from pysnmp.proto import rfc1902
from pysnmp.proto.api import v2c

TABLE: Oid = (1, 3, 6, 1, 4, 1, 99999, 1)
TOO_BIG, GEN_ERR, NO_ACCESS, RESOURCE_UNAVAILABLE = 1, 5, 6, 13
DEADLINE_S = 90.0
PATIENCE_S = 20.0
"""For an answer that comes. Agent and client share a thread: it may stand still for a while, and that is no silence."""
SILENCE_S = 3.0
"""Until an answer that never comes is given up."""


@dataclass
class Answer:
    """What the agent says: `rows` of (OID, value), or an error status with its index; None = nothing."""

    rows: list[tuple[Oid, Any]]
    status: int = 0
    index: int = 0


@dataclass
class Question:
    oids: list[Oid]
    repetitions: int
    """0 for a GET."""

    @property
    def size(self) -> int:
        return self.repetitions or len(self.oids)


Behaviour = Callable[[Question], "Answer | bytes | None"]


class Agent(asyncio.DatagramProtocol):
    """SNMP v2c over BER, by hand; what it answers is the test's."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self.sizes: list[int] = []

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        try:
            message, _ = decoder.decode(data, asn1Spec=v2c.Message())
        except PyAsn1Error:
            # SNMPv3 discovery: this agent speaks v2c only.
            return
        pdu = v2c.apiMessage.get_pdu(message)
        bulk = pdu.isSameTypeWith(v2c.GetBulkRequestPDU())
        oids = [tuple(oid) for oid, _ in v2c.apiPDU.get_varbinds(pdu)]
        repetitions = int(v2c.apiBulkPDU.get_max_repetitions(pdu)) if bulk else 0
        question = Question(oids, repetitions)
        self.sizes.append(question.size)
        answer = self._behaviour(question)
        if isinstance(answer, Answer):
            answer = self._encoded(message, pdu, answer)
        if answer is not None:
            self._transport.sendto(answer, addr)

    def _encoded(self, message: Any, pdu: Any, answer: Answer) -> bytes:
        response = v2c.GetResponsePDU()
        v2c.apiPDU.set_defaults(response)
        v2c.apiPDU.set_request_id(response, v2c.apiPDU.get_request_id(pdu))
        v2c.apiPDU.set_error_status(response, answer.status)
        v2c.apiPDU.set_error_index(response, answer.index)
        v2c.apiPDU.set_varbinds(response, answer.rows)
        v2c.apiMessage.set_pdu(message, response)
        return encoder.encode(message)


@asynccontextmanager
async def talking_to(
    behaviour: Behaviour, timeout_s: float = PATIENCE_S, host: str = "127.0.0.1"
) -> AsyncIterator[tuple[SnmpClient, Agent]]:
    loop = asyncio.get_running_loop()
    transport, agent = await loop.create_datagram_endpoint(lambda: Agent(behaviour), local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    client = SnmpClient(host, port, Community("public"), request_timeout_s=timeout_s)
    try:
        yield client, agent
    finally:
        client.close()
        transport.close()


def rows_after(oid: Oid, count: int, last: int = 100) -> list[tuple[Oid, Any]]:
    """Rows of TABLE after `oid`, and one object beyond it at its end."""
    start = oid[len(TABLE)] + 1 if len(oid) > len(TABLE) else 1
    rows = [((*TABLE, number), rfc1902.Integer32(number)) for number in range(start, min(last, start + count - 1) + 1)]
    return rows if len(rows) == count else [*rows, ((1, 3, 6, 1, 4, 1, 99999, 2, 1), rfc1902.Integer32(0))]


def values(oids: list[Oid]) -> list[tuple[Oid, Any]]:
    return [(oid, rfc1902.Integer32(oid[-1])) for oid in oids]


def oids_of(count: int) -> list[Oid]:
    return [(*TABLE, number) for number in range(1, count + 1)]


async def test_too_big_halves_what_is_asked_for_and_stays_there() -> None:
    def behaviour(question: Question) -> Answer:
        return Answer(values(question.oids)) if question.size <= 6 else Answer(values(question.oids), TOO_BIG)

    async with talking_to(behaviour) as (client, agent):
        rows = await client.get(oids_of(40), deadline_s=DEADLINE_S)
        again = await client.get(oids_of(40), deadline_s=DEADLINE_S)
    assert [value for _, value in rows] == list(range(1, 41))
    assert again == rows
    assert agent.sizes[:3] == [20, 10, 5]
    assert max(agent.sizes[3:]) == 5
    assert client.size == 5


async def test_an_object_that_fits_into_no_answer_is_a_named_failure() -> None:
    async with talking_to(lambda question: Answer(values(question.oids), TOO_BIG)) as (client, _):
        with pytest.raises(DeviceFailed, match="cannot fit one object"):
            await client.get(oids_of(3), deadline_s=DEADLINE_S)


async def test_silence_at_large_questions_makes_them_smaller() -> None:
    """Fragments that never arrive look like this."""

    def behaviour(question: Question) -> Answer | None:
        return Answer(rows_after(question.oids[0], question.repetitions)) if question.size <= 10 else None

    async with talking_to(behaviour, SILENCE_S) as (client, agent):
        walk = await client.walk(TABLE, deadline_s=DEADLINE_S)
    assert [value for _, value in walk.varbinds] == list(range(1, 101))
    assert agent.sizes[:2] == [20, 10]
    assert client.size == 10


async def test_a_size_halved_by_one_lost_packet_grows_again() -> None:
    lost = False

    def behaviour(question: Question) -> Answer | None:
        nonlocal lost
        if not lost:
            lost = True
            return None
        return Answer(values(question.oids))

    async with talking_to(behaviour, SILENCE_S) as (client, _):
        await client.get(oids_of(1), deadline_s=DEADLINE_S)
        assert client.size == 10
        for _ in range(20):
            await client.get(oids_of(1), deadline_s=DEADLINE_S)
        assert client.size == 20


@pytest.mark.parametrize("step", [0, -1], ids=["the same again", "backwards"])
async def test_oids_that_do_not_increase_end_the_walk_with_their_name(step: int) -> None:
    def behaviour(question: Question) -> Answer:
        last = question.oids[0][len(TABLE)] if len(question.oids[0]) > len(TABLE) else 3
        return Answer([((*TABLE, last + step), rfc1902.Integer32(1))])

    async with talking_to(behaviour) as (client, agent):
        with pytest.raises(MalformedAnswer, match="do not increase"):
            await client.walk(TABLE, deadline_s=DEADLINE_S)
    assert len(agent.sizes) <= 3


async def test_an_endless_table_is_cut_at_the_limit() -> None:
    async with talking_to(lambda question: Answer(rows_after(question.oids[0], question.repetitions, 10**9))) as (
        client,
        _,
    ):
        walk = await client.walk(TABLE, deadline_s=DEADLINE_S, limit=333)
    assert len(walk.varbinds) == 333
    assert not walk.complete


async def test_one_object_that_fails_does_not_hide_the_others() -> None:
    broken = {(*TABLE, 2): GEN_ERR, (*TABLE, 5): NO_ACCESS}

    def behaviour(question: Question) -> Answer:
        for index, oid in enumerate(question.oids, start=1):
            if oid in broken:
                return Answer(values(question.oids), broken[oid], index)
        return Answer(values(question.oids))

    async with talking_to(behaviour) as (client, _):
        rows = await client.get(oids_of(6), deadline_s=DEADLINE_S)
    assert [value for _, value in rows] == [1, Missing.FAILED, 3, 4, Missing.FAILED, 6]


@pytest.mark.parametrize(
    ("status", "error"), [(NO_ACCESS, AccessDenied), (RESOURCE_UNAVAILABLE, DeviceBusy), (14, DeviceFailed)]
)
async def test_an_error_of_the_whole_answer_is_named(status: int, error: type[Exception]) -> None:
    async with talking_to(lambda question: Answer([], status)) as (client, _):
        with pytest.raises(error):
            await client.get(oids_of(2), deadline_s=DEADLINE_S)


@pytest.mark.parametrize(
    "rubbish", [b"", b"\x00" * 40, b"\x30\x82\xff\xff", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x30" * 1400]
)
async def test_rubbish_is_not_an_answer_and_ends_by_the_deadline(rubbish: bytes) -> None:
    async with talking_to(lambda question: rubbish, timeout_s=0.3) as (client, _):
        with pytest.raises(DeviceHung):
            await client.get(oids_of(1), deadline_s=2.0)


async def test_a_call_that_is_cancelled_leaves_the_client_fit_for_the_next_one() -> None:
    asked, silent = asyncio.Event(), True

    def behaviour(question: Question) -> Answer | None:
        asked.set()
        return None if silent else Answer(values(question.oids))

    async with talking_to(behaviour) as (client, _):
        task = asyncio.create_task(client.get(oids_of(1), deadline_s=DEADLINE_S))
        async with asyncio.timeout(DEADLINE_S):
            await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        silent = False
        assert await client.get(oids_of(1), deadline_s=DEADLINE_S) == (((*TABLE, 1), 1),)


async def test_a_name_is_resolved() -> None:
    async with talking_to(lambda question: Answer(values(question.oids)), host="localhost") as (client, _):
        assert await client.get(oids_of(1), deadline_s=DEADLINE_S) == (((*TABLE, 1), 1),)


async def test_a_name_that_leads_nowhere_is_a_named_failure() -> None:
    # No label of a name has 64 letters: no name server needs to be asked.
    nowhere = SnmpClient(f"{'x' * 64}.invalid", 161, Community("public"))
    with pytest.raises(DeviceFailed, match="does not resolve"):
        await nowhere.get(oids_of(1), deadline_s=DEADLINE_S)
    nowhere.close()


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (rfc1902.Counter64(2**64 - 1), 2**64 - 1),
        (rfc1902.Gauge32(2**32 - 1), 2**32 - 1),
        (rfc1902.TimeTicks(42), 42),
        (rfc1902.IpAddress("10.0.0.7"), b"\x0a\x00\x00\x07"),
        (rfc1902.OctetString(b"\xff\x00x"), b"\xff\x00x"),
        (rfc1902.ObjectName("1.3.6.1"), (1, 3, 6, 1)),
        # net-snmp's laLoadFloat: 1.5 inside an Opaque.
        (rfc1902.Opaque(bytes.fromhex("9f78043fc00000")), 1.5),
        (rfc1902.Opaque(b"\x01\x02"), b"\x01\x02"),
        (v2c.NoSuchObject(""), Missing.NO_SUCH_OBJECT),
        (v2c.NoSuchInstance(""), Missing.NO_SUCH_INSTANCE),
        (v2c.Null(""), Missing.NO_SUCH_INSTANCE),
    ],
)
async def test_every_type_comes_back_plain(value: Any, plain: object) -> None:
    async with talking_to(lambda question: Answer([(question.oids[0], value)])) as (client, _):
        ((_, got),) = await client.get(oids_of(1), deadline_s=DEADLINE_S)
    assert got == plain
    assert type(got).__module__.partition(".")[0] not in ("pysnmp", "pyasn1")
