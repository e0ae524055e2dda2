"""Notifications as events, and what the port takes and drops: no socket."""

from __future__ import annotations

import pytest
from hardcase_agent.domain.part import Component
from hardcase_agent.sensors.snmp import family
from hardcase_agent.sensors.snmp.profile import shipped_profiles
from hardcase_agent.sensors.snmp.trap_header import Head, read_head
from hardcase_agent.sensors.snmp.trap_listener import QUEUE, Inbox, engine_id_of
from hardcase_agent.sensors.snmp.traps import Interpreter, Notification
from hardcase_agent.sensors.snmp.values import Oid, Value, parse_oid
from hypothesis import given
from hypothesis import strategies as st

READ = Interpreter(shipped_profiles())
UPS = "1.3.6.1.2.1.33"
V2C_TRAP = bytes.fromhex(
    "303f020101040470756265a7340201010201000201003029300d06082b060102010103004301643018060a2b06010603010104010006"
    "0a2b060102012102010000"
)


def told(trap: str, objects: dict[str, Value] | None = None, uptime: int = 100) -> Notification:
    varbinds = tuple((parse_oid(oid), value) for oid, value in (objects or {}).items())
    return Notification(trap=parse_oid(trap), uptime=uptime, varbinds=varbinds)


def test_a_ups_on_battery_is_told_by_the_standard() -> None:
    event = READ.event(told(f"{UPS}.2.1", {f"{UPS}.1.2.3.0": 30}))
    assert (event.log, event.code, event.asserted) == ("trap", "ups.on_battery", True)
    assert event.part.component is Component.UPS


@pytest.mark.parametrize(("trap", "asserted"), [("2.3", True), ("2.4", False)])
def test_an_alarm_added_and_removed_is_told_by_its_name(trap: str, asserted: bool) -> None:
    event = READ.event(told(f"{UPS}.{trap}", {f"{UPS}.1.6.2.1.2.7": parse_oid(f"{UPS}.1.6.3.1")}))
    assert (event.code, event.asserted) == ("ups.battery_bad", asserted)
    assert "battery_bad" in event.text


def test_a_vendors_trap_of_version_1_is_known_with_and_without_the_zero() -> None:
    for trap in ("1.3.6.1.4.1.318.0.5", "1.3.6.1.4.1.318.5"):
        assert READ.event(told(trap)).code == "ups.on_battery"
    assert READ.event(told("1.3.6.1.4.1.318.0.9")).asserted is False


def test_a_battery_is_the_part_of_what_is_told_of_it() -> None:
    event = READ.event(told("1.3.6.1.4.1.318.0.17"))
    assert (event.part.component, event.part.slot) == (Component.BATTERY, "Battery")


def test_where_no_profile_knows_the_trap_the_states_among_its_objects_tell_it() -> None:
    objects: dict[str, Value] = {
        "1.3.6.1.4.1.318.1.1.12.2.3.1.1.3.2": 4,
        "1.3.6.1.4.1.318.1.1.12.2.3.1.1.2.2": 171,
    }
    event = READ.event(told("1.3.6.1.4.1.318.0.268", objects))
    assert event.code == "pdu.overload"
    assert "171" in event.text
    good = READ.event(told("1.3.6.1.4.1.318.0.268", {**objects, "1.3.6.1.4.1.318.1.1.12.2.3.1.1.3.2": 1}))
    assert good.code == ""


def test_a_disk_is_named_by_the_labels_sent_along() -> None:
    objects: dict[str, Value] = {"1.3.6.1.4.1.6574.2.1.1.13.1": 4, "1.3.6.1.4.1.6574.2.1.1.2.1": b"Disk 2"}
    event = READ.event(told("1.3.6.1.4.1.6574.99.1", objects))
    assert (event.code, event.part.slot) == ("disk.critical", "Disk 2")


def test_an_unknown_trap_stays_undecoded_with_its_words() -> None:
    event = READ.event(told("1.3.6.1.4.1.99999.0.1", {"1.3.6.1.4.1.99999.1.0": b"door of rack 7"}))
    assert event.code == ""
    assert "99999" in event.text
    assert "door of rack 7" in event.text


def test_a_repeated_inform_is_the_same_event_and_a_later_one_is_another() -> None:
    inbox = Inbox()
    for notification in (told(f"{UPS}.2.1"), told(f"{UPS}.2.1"), told(f"{UPS}.2.1", uptime=700)):
        inbox.put(notification)
    assert (inbox.received, inbox.repeated, len(inbox.take())) == (2, 1, 2)
    assert inbox.take() == ()


def test_what_does_not_fit_is_dropped_oldest_first_and_counted() -> None:
    inbox = Inbox()
    for uptime in range(QUEUE + 3):
        inbox.put(told(f"{UPS}.2.1", uptime=uptime + 1))
    assert (inbox.dropped, inbox.take()[0].uptime) == (3, 4)


def test_a_flood_is_let_through_as_the_bucket_fills() -> None:
    inbox = Inbox()
    assert sum(inbox.allows(1000, 10.0, 5) for _ in range(20)) == 5
    assert inbox.dropped == 15
    assert sum(inbox.allows(1200, 10.0, 5) for _ in range(20)) == 2
    assert sum(inbox.allows(9_000_000, 10.0, 5) for _ in range(20)) == 5


def test_the_head_of_a_message_tells_version_and_community() -> None:
    assert read_head(V2C_TRAP) == Head(1, community=b"pube")


@pytest.mark.parametrize("datagram", [b"", b"\x30", b"\x30\x80", b"\x30\x84\xff\xff\xff\xff", b"GET / HTTP/1.1\r\n"])
def test_what_is_no_message_is_a_named_error(datagram: bytes) -> None:
    with pytest.raises(ValueError, match=r"SNMP|length|cut"):
        read_head(datagram)


@given(st.binary(max_size=200), st.integers(0, len(V2C_TRAP) - 1))
def test_mutated_heads_raise_nothing_else(noise: bytes, at: int) -> None:
    for datagram in (noise, V2C_TRAP[:at] + noise + V2C_TRAP[at:], V2C_TRAP[:at]):
        try:
            read_head(datagram)
        except ValueError:
            continue


ODD_VALUES = st.one_of(st.integers(), st.binary(max_size=40), st.tuples(st.integers(0, 9)), st.floats(allow_nan=False))


@given(
    st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=14).map(tuple),
    st.lists(st.tuples(st.lists(st.integers(0, 200), min_size=1, max_size=16).map(tuple), ODD_VALUES), max_size=6),
)
def test_any_notification_becomes_an_event(trap: Oid, varbinds: list[tuple[Oid, Value]]) -> None:
    event = READ.event(Notification(trap=trap, uptime=1, varbinds=tuple(varbinds)))
    assert event.log == "trap"
    assert len(event.raw) == 32


def test_our_engine_id_is_of_the_form_of_the_rfc_and_stays() -> None:
    assert engine_id_of("a") == engine_id_of("a") != engine_id_of("b")
    assert 5 <= len(engine_id_of("a")) <= 32
    assert engine_id_of("a")[0] & 0x80


def test_the_port_is_off_without_its_table_and_its_mistakes_are_named() -> None:
    mistakes: list[str] = []
    assert family.parse({}, mistakes).traps is None
    assert mistakes == []
    traps = family.parse({"traps": {}}, mistakes).traps
    assert traps is not None
    assert (traps.port, mistakes) == (9162, [])
    family.parse({"traps": {"port": 70000}}, mistakes)
    family.parse({"traps": {"per_second": 0}}, mistakes)
    family.parse({"traps": {"prot": 1}}, mistakes)
    assert len(mistakes) == 3
    assert all("traps" in line for line in mistakes)
