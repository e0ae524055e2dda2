"""The SNMP client against a real net-snmp agent and a real snmpsim."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hardcase_agent.domain.errors import AgentError, CredentialsRefused, DeviceFailed, DeviceHung
from hardcase_agent.sensors.snmp.engine import engine_for
from hardcase_agent.sensors.snmp.values import AuthProtocol, Community, Credentials, Missing, PrivProtocol, UsmUser
from hardcase_agent.sensors.snmp_client import SYS_UPTIME, SnmpClient

from tests.peers import snmpd as net_snmp
from tests.peers import snmpsim as simulator
from tests.peers.snmpd import Snmpd, snmpd
from tests.peers.snmpsim import Snmpsim, snmpsim

SYSTEM = (1, 3, 6, 1, 2, 1, 1)
SYS_DESCR = (*SYSTEM, 1, 0)
SYS_CONTACT = (*SYSTEM, 4, 0)
DEADLINE_S = 90.0

SHA_USER = UsmUser(
    name=net_snmp.USER,
    auth=AuthProtocol.SHA,
    auth_secret=net_snmp.AUTH_SECRET,
    priv=PrivProtocol.AES,
    priv_secret=net_snmp.PRIV_SECRET,
)
SHA256_USER = UsmUser(
    name=net_snmp.USER_256,
    auth=AuthProtocol.SHA256,
    auth_secret=net_snmp.AUTH_SECRET,
    priv=PrivProtocol.AES,
    priv_secret=net_snmp.PRIV_SECRET,
)


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    with snmpd(tmp_path_factory.mktemp("snmpd")) as peer:
        yield peer


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpsim]:
    with snmpsim(tmp_path_factory.mktemp("snmpsim")) as peer:
        yield peer


@asynccontextmanager
async def client_of(port: int, credentials: Credentials, *, timeout_s: float = 2.0) -> AsyncIterator[SnmpClient]:
    client = SnmpClient("127.0.0.1", port, credentials, request_timeout_s=timeout_s)
    try:
        yield client
    finally:
        client.close()


CREDENTIALS = [
    pytest.param(Community(net_snmp.COMMUNITY), id="v2c"),
    pytest.param(SHA_USER, id="v3-SHA-AES"),
    pytest.param(SHA256_USER, id="v3-SHA256-AES"),
]


@pytest.mark.parametrize("credentials", CREDENTIALS)
async def test_a_get_gives_plain_values_in_the_order_asked(agent: Snmpd, credentials: Credentials) -> None:
    async with client_of(agent.port, credentials) as client:
        rows = await client.get((SYS_CONTACT, (1, 3, 6, 1, 2, 1, 1, 99, 0), SYS_DESCR), deadline_s=DEADLINE_S)
    assert rows == (
        (SYS_CONTACT, b"ops@example.invalid"),
        ((1, 3, 6, 1, 2, 1, 1, 99, 0), Missing.NO_SUCH_OBJECT),
        (SYS_DESCR, net_snmp.SYS_DESCR.encode()),
    )


@pytest.mark.parametrize("credentials", CREDENTIALS)
async def test_a_walk_brings_the_whole_subtree_in_order(agent: Snmpd, credentials: Credentials) -> None:
    async with client_of(agent.port, credentials) as client:
        walk = await client.walk(SYSTEM, deadline_s=DEADLINE_S)
    oids = [oid for oid, _ in walk.varbinds]
    assert walk.complete
    assert oids == sorted(oids)
    assert len(set(oids)) == len(oids) > 20
    assert all(oid[: len(SYSTEM)] == SYSTEM for oid in oids)


@pytest.mark.parametrize("credentials", CREDENTIALS)
async def test_the_first_object_after_each_of_many_places_comes_in_one_question(
    agent: Snmpd, credentials: Credentials
) -> None:
    nowhere = (1, 3, 6, 1, 9, 9)
    places = [SYSTEM, (*SYSTEM, 2), nowhere, (1, 3, 6, 1, 4, 1)] * 10
    async with client_of(agent.port, credentials) as client:
        found = await client.next_of(places, deadline_s=DEADLINE_S)
    assert len(found) == len(places)
    assert found[0][0] == SYS_DESCR
    assert found[1][0] == (*SYSTEM, 2, 0)
    assert found[2] == (nowhere, Missing.NO_SUCH_OBJECT)
    assert found[3][0] > (1, 3, 6, 1, 4, 1)
    assert found[4:8] == found[:4]


async def test_the_engine_sleeps_while_nothing_is_asked(agent: Snmpd) -> None:
    credentials = Community(net_snmp.COMMUNITY)
    async with client_of(agent.port, credentials) as client:
        await client.get((SYS_CONTACT,), deadline_s=DEADLINE_S)
        with pytest.raises(DeviceHung):
            await client.get((SYS_CONTACT,), deadline_s=0.0)
        dispatcher = engine_for(credentials).snmp.transport_dispatcher
        before = dispatcher.get_timer_ticks()
        await asyncio.sleep(1.0)
        # One that had begun may end.
        assert dispatcher.get_timer_ticks() - before <= 1
        assert await client.get((SYS_CONTACT,), deadline_s=DEADLINE_S)


async def test_a_walk_stops_at_its_limit_and_says_so(agent: Snmpd) -> None:
    async with client_of(agent.port, Community(net_snmp.COMMUNITY)) as client:
        walk = await client.walk(SYSTEM, deadline_s=DEADLINE_S, limit=7)
    assert len(walk.varbinds) == 7
    assert not walk.complete


async def test_a_walk_goes_on_after_an_object(agent: Snmpd) -> None:
    async with client_of(agent.port, Community(net_snmp.COMMUNITY)) as client:
        whole = await client.walk(SYSTEM, deadline_s=DEADLINE_S)
        first = await client.walk(SYSTEM, deadline_s=DEADLINE_S, limit=3)
        rest = await client.walk(SYSTEM, deadline_s=DEADLINE_S, after=first.varbinds[-1][0])
    names = [[oid for oid, _ in walk.varbinds] for walk in (whole, first, rest)]
    assert names[1] + names[2] == names[0]
    assert (first.complete, rest.complete) == (False, True)


async def test_more_objects_than_fit_into_one_datagram_are_asked_for_in_pieces(agent: Snmpd) -> None:
    async with client_of(agent.port, Community(net_snmp.COMMUNITY)) as client:
        rows = await client.get([SYS_UPTIME] * 70, deadline_s=DEADLINE_S)
    assert len(rows) == 70
    assert all(isinstance(value, int) and value > 0 for _, value in rows)


@pytest.mark.parametrize(
    ("user", "error", "words"),
    [
        (UsmUser(name="nobody", auth_secret="authpass123"), CredentialsRefused, "does not know SNMPv3 user 'nobody'"),
        (
            UsmUser(
                name=net_snmp.USER, auth=AuthProtocol.SHA, auth_secret="wrongpass1", priv_secret=net_snmp.PRIV_SECRET
            ),
            CredentialsRefused,
            "wrong authentication password",
        ),
        (
            UsmUser(
                name=net_snmp.USER, auth=AuthProtocol.SHA, auth_secret=net_snmp.AUTH_SECRET, priv_secret="wrongpass2"
            ),
            DeviceFailed,
            "wrong privacy password",
        ),
    ],
    ids=["unknown user", "wrong authentication password", "wrong privacy password"],
)
async def test_a_refusal_is_told_as_what_it_is_and_shows_no_secret(
    agent: Snmpd, user: UsmUser, error: type[AgentError], words: str
) -> None:
    async with client_of(agent.port, user, timeout_s=2.0) as client:
        with pytest.raises(error, match=words) as caught:
            await client.get((SYS_UPTIME,), deadline_s=DEADLINE_S)
    assert "pass1" not in str(caught.value)
    assert user.auth_secret not in str(caught.value) + repr(user)


@pytest.mark.parametrize("credentials", CREDENTIALS)
async def test_a_value_that_changes_is_seen(tmp_path: Path, credentials: Credentials) -> None:
    with snmpd(tmp_path) as peer:
        async with client_of(peer.port, credentials) as client, asyncio.timeout(DEADLINE_S):
            assert (await client.get((SYS_CONTACT,), deadline_s=DEADLINE_S))[0][1] == b"ops@example.invalid"
            peer.set_contact("night shift")
            seen: object = b""
            while seen != b"night shift":
                ((_, seen),) = await client.get((SYS_CONTACT,), deadline_s=DEADLINE_S)


async def test_a_wrong_community_is_silence_and_the_text_says_so(agent: Snmpd) -> None:
    async with client_of(agent.port, Community("wrong-one"), timeout_s=0.5) as client:
        with pytest.raises(DeviceHung, match="refuses this community") as caught:
            await client.get((SYS_UPTIME,), deadline_s=DEADLINE_S)
    assert "wrong-one" not in str(caught.value)


@pytest.mark.parametrize("credentials", CREDENTIALS)
async def test_a_closed_port_is_told_apart_from_a_silent_device(credentials: Credentials) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        # Nobody else's, and closed to all but itself: a connected socket hears its peer alone.
        taken.bind(("127.0.0.1", 0))
        taken.connect(taken.getsockname())
        async with client_of(taken.getsockname()[1], credentials, timeout_s=0.3) as client:
            with pytest.raises(DeviceFailed, match="nothing listens"):
                await client.get((SYS_UPTIME,), deadline_s=DEADLINE_S)


async def test_two_devices_may_use_one_user_name_with_different_secrets(agent: Snmpd, simulated: Snmpsim) -> None:
    other = UsmUser(
        name=net_snmp.USER, auth=AuthProtocol.SHA, auth_secret="wrongpass1", priv_secret=net_snmp.PRIV_SECRET
    )
    async with client_of(agent.port, SHA_USER) as right, client_of(agent.port, other) as wrong:
        for _ in range(2):
            assert (await right.get((SYS_DESCR,), deadline_s=DEADLINE_S))[0][1] == net_snmp.SYS_DESCR.encode()
            with pytest.raises(CredentialsRefused):
                await wrong.get((SYS_DESCR,), deadline_s=DEADLINE_S)


async def test_a_v3_context_chooses_the_device_behind_an_agent(simulated: Snmpsim) -> None:
    user = UsmUser(
        name=simulator.USER, auth_secret=simulator.AUTH_SECRET, priv_secret=simulator.PRIV_SECRET, context="ups"
    )
    async with client_of(simulated.port, user) as client:
        rows = await client.get((SYS_DESCR,), deadline_s=DEADLINE_S)
    assert rows[0][1] == b"UPS network card"


@pytest.mark.parametrize("credentials", CREDENTIALS)
async def test_a_stopped_agent_is_hung_by_the_deadline_and_answers_again_afterwards(
    tmp_path: Path, credentials: Credentials
) -> None:
    with snmpd(tmp_path) as peer:
        async with client_of(peer.port, credentials) as client:
            assert await client.get((SYS_UPTIME,), deadline_s=DEADLINE_S)
            peer.hang()
            with pytest.raises(DeviceHung):
                await client.get((SYS_UPTIME,), deadline_s=1.5)
            peer.go_on()
            rows = await client.get((SYS_DESCR,), deadline_s=DEADLINE_S)
    assert rows[0][1] == net_snmp.SYS_DESCR.encode()


SNMP_ENGINE_ID, SNMP_ENGINE_BOOTS = (1, 3, 6, 1, 6, 3, 10, 2, 1, 1, 0), (1, 3, 6, 1, 6, 3, 10, 2, 1, 2, 0)


@pytest.mark.parametrize("boots", [2, 100_000], ids=["the next", "far ahead"])
async def test_a_device_whose_clock_began_anew_refuses_us_once_is_read_again_and_it_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, boots: int
) -> None:
    """The same engine with another count of restarts answers NotInTimeWindow to what we send by its old clock."""
    wanted = (SNMP_ENGINE_ID, SNMP_ENGINE_BOOTS)
    with snmpd(tmp_path) as peer:
        async with client_of(peer.port, SHA_USER) as client:
            (_, engine), (_, first) = await client.get(wanted, deadline_s=DEADLINE_S)
            assert "began anew" not in caplog.text
            peer.come_back_with_boots(boots)
            (_, same), (_, later) = await client.get(wanted, deadline_s=DEADLINE_S)
            assert (same, first, later) == (engine, 1, boots)
            told = [one.message for one in caplog.records if "began anew" in one.message]
            assert told == [
                f"SNMPv3 clock of 127.0.0.1:{peer.port} began anew (the device restarted): ours is set by it"
            ]
            await client.get(wanted, deadline_s=DEADLINE_S)
            assert len([one for one in caplog.records if "began anew" in one.message]) == 1


async def test_a_device_whose_count_of_restarts_went_back_is_read_again(tmp_path: Path) -> None:
    with snmpd(tmp_path) as peer:
        peer.come_back_with_boots(50)
        async with client_of(peer.port, SHA_USER) as client:
            assert (await client.get((SNMP_ENGINE_BOOTS,), deadline_s=DEADLINE_S))[0][1] == 50
            peer.come_back_with_boots(7)
            assert (await client.get((SNMP_ENGINE_BOOTS,), deadline_s=DEADLINE_S))[0][1] == 7


@pytest.mark.parametrize("credentials", CREDENTIALS)
@pytest.mark.parametrize("forgets", [False, True], ids=["same engine id", "new engine id"])
async def test_a_restarted_agent_is_read_again_without_help(
    tmp_path: Path, credentials: Credentials, forgets: bool
) -> None:
    """A restart raises snmpEngineBoots; a reset card comes back with another engine id."""
    with snmpd(tmp_path) as peer:
        async with client_of(peer.port, credentials) as client:
            assert await client.get((SYS_UPTIME,), deadline_s=DEADLINE_S)
            peer.restart(forgets=forgets)
            rows = await client.get((SYS_DESCR,), deadline_s=DEADLINE_S)
    assert rows[0][1] == net_snmp.SYS_DESCR.encode()
