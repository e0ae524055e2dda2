"""Guessing is slowed down per address and over the whole port, and floods no audit log."""

from __future__ import annotations

import pytest
from hardcase_collector.domain.errors import NotAllowed
from hardcase_collector.domain.joining import listed, read_networks, read_serials, within
from hardcase_collector.rpc.enrolment import address_of
from hardcase_collector.rpc.refusal_log import MOST_GROUPS, Entry, RefusalLog
from hardcase_collector.rpc.throttle import REFUSALS_OF_ALL, REFUSALS_PER_MINUTE, Throttle


def test_an_address_has_ten_wrong_tries_a_minute() -> None:
    throttle = Throttle()
    for _ in range(REFUSALS_PER_MINUTE):
        assert not throttle.blocked("10.0.0.7", now_ms=0)
        throttle.refused("10.0.0.7", now_ms=0)
    assert throttle.blocked("10.0.0.7", now_ms=59_999)
    assert not throttle.blocked("10.0.0.8", now_ms=0)
    assert not throttle.blocked("10.0.0.7", now_ms=60_000)


def test_a_network_of_ipv6_is_one_address() -> None:
    throttle = Throttle()
    for number in range(REFUSALS_PER_MINUTE):
        throttle.refused(f"2001:db8::{number:x}", now_ms=0)
    assert throttle.blocked("2001:db8::ffff", now_ms=1)
    assert not throttle.blocked("2001:db8:0:1::1", now_ms=1)


def test_an_ipv4_address_is_itself_also_where_the_port_listens_on_ipv6() -> None:
    throttle = Throttle()
    for _ in range(REFUSALS_PER_MINUTE):
        throttle.refused("::ffff:10.0.0.7", now_ms=0)
    assert throttle.blocked("10.0.0.7", now_ms=1)
    assert not throttle.blocked("::ffff:10.0.0.8", now_ms=1)


def test_a_flood_from_many_addresses_leaves_each_one_try() -> None:
    throttle = Throttle()
    for n in range(REFUSALS_OF_ALL + 50):
        throttle.refused(f"10.0.{n // 250}.{n % 250}", now_ms=90_000)
    assert throttle.blocked("10.0.0.1", now_ms=90_001)
    # Who was not refused himself is still heard.
    assert not throttle.blocked("192.0.2.1", now_ms=90_001)


def test_what_one_address_is_refused_all_day_is_two_entries_an_hour_and_nothing_is_lost() -> None:
    refusals, written = RefusalLog(), []
    for minute in range(24 * 60):
        for _ in range(10):
            entry = Entry("10.0.0.7", "token-unknown", {"hostname": "web1"})
            written += refusals.note("10.0.0.7", entry, now_ms=minute * 60_000)
    written += refusals.due(now_ms=24 * 3_600_000)
    assert len(written) == 2 * 24
    assert sum(int(one.facts.get("count", 1)) for one in written) == 10 * 24 * 60
    assert {one.facts["hostname"] for one in written} == {"web1"}


def test_another_reason_and_another_address_are_entries_of_their_own() -> None:
    refusals = RefusalLog()
    for address, name in (("10.0.0.7", "token-unknown"), ("10.0.0.8", "token-unknown"), ("10.0.0.7", "cloned")):
        assert refusals.note(address, Entry(address, name), now_ms=1) == [Entry(address, name)]
        assert refusals.note(address, Entry(address, name), now_ms=2) == []
    assert [one.facts for one in refusals.due(now_ms=3, all=True)] == [{"count": 1}] * 3
    assert refusals.due(now_ms=3, all=True) == []


def test_a_flood_from_many_addresses_is_written_within_bounds_and_counted_whole() -> None:
    refusals, written = RefusalLog(), []
    for n in range(100_000):
        # A day of it; the bound of the port is 120 a minute.
        written += refusals.note(f"10.{n}", Entry(f"10.{n}", "token-unknown"), now_ms=n * 864)
    written += refusals.due(now_ms=86_400_000, all=True)
    assert len(written) <= 24 * (2 * MOST_GROUPS + 1)
    assert sum(int(one.facts.get("count", 1)) for one in written) == 100_000


def test_a_clock_that_is_set_back_holds_nothing_up() -> None:
    refusals = RefusalLog()
    entry = Entry("10.0.0.7", "token-unknown")
    refusals.note("10.0.0.7", entry, now_ms=10**12)
    refusals.note("10.0.0.7", entry, now_ms=10**12)
    assert refusals.note("10.0.0.7", entry, now_ms=5) == [Entry("10.0.0.7", "token-unknown", {"count": 1}), entry]


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:10.0.0.7:51234", "10.0.0.7"),
        ("ipv6:%5B::1%5D:51234", "::1"),
        ("ipv6:[2001:db8::7]:1", "2001:db8::7"),
        ("ipv6:[fe80::1%25eth0]:1", "fe80::1"),
        ("ipv6:[::ffff:10.0.0.7]:1", "10.0.0.7"),
        ("unix:/run/x", "unix:/run/x"),
    ],
)
def test_the_address_of_a_peer_has_no_port(peer: str, address: str) -> None:
    assert address_of(peer) == address


def test_networks_and_serials_are_read_strictly_and_compared_as_hardware_writes_them() -> None:
    networks = read_networks([" 10.1.0.0/16", "2001:db8::/32", "192.0.2.9"])
    assert networks == ("10.1.0.0/16", "2001:db8::/32", "192.0.2.9/32")
    assert [within(networks, one) for one in ("10.1.2.3", "10.2.0.1", "2001:db8::7", "::ffff:10.1.0.1", "x")] == [
        *(True, False, True, True, False)
    ]
    assert within((), "anything")
    for bad in ("10.1.0.1/16", "all", "", "10.0.0.0/33"):
        with pytest.raises(NotAllowed):
            read_networks([bad])
    serials = read_serials(["7abc 123", "7ABC123", "CZJ1"])
    assert serials == ("7ABC123", "CZJ1")
    assert [listed(serials, one) for one in ("7abc123 ", "czj1", "other", "")] == [True, True, False, False]
    assert listed((), "")
    with pytest.raises(NotAllowed, match="To be filled"):
        read_serials(["To be filled by O.E.M."])
