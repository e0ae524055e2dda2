"""Recorded walks as objects: snmprec, and what net-snmp prints in its many forms; every line that is none is told."""

from __future__ import annotations

import pytest
from hardcase_agent.domain.capture import Capture, Flaw
from hardcase_agent.sensors.snmp.decoding import decode
from hardcase_agent.sensors.snmp.symbols import resolve
from hardcase_agent.sensors.snmp.values import Oid, Value, parse_oid
from hardcase_agent.sensors.snmp.walk_text import read_walk
from hypothesis import given, settings
from hypothesis import strategies as st

NAME = parse_oid("1.3.6.1.2.1.1.5.0")
UPTIME = parse_oid("1.3.6.1.2.1.1.3.0")


def only(text: str) -> Value:
    walk = read_walk(text)
    assert walk.flaws == []
    (value,) = walk.objects.values()
    return value


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("1.3.6.1.2.1.1.5.0|4|box", b"box"),
        ("1.3.6.1.2.1.1.5.0|4|a|b", b"a|b"),
        ("1.3.6.1.2.1.1.5.0|4x|0a0b", b"\x0a\x0b"),
        ("1.3.6.1.2.1.1.5.0|2|-5", -5),
        ("1.3.6.1.2.1.1.5.0|65|7", 7),
        ("1.3.6.1.2.1.1.5.0|67|300", 300),
        ("1.3.6.1.2.1.1.5.0|70|18446744073709551615", 2**64 - 1),
        ("1.3.6.1.2.1.1.5.0|6|1.3.6.1.4.1.9", (1, 3, 6, 1, 4, 1, 9)),
        ("1.3.6.1.2.1.1.5.0|64x|0a000005", b"\x0a\x00\x00\x05"),
        ("1.3.6.1.2.1.1.5.0|68x|9f780441d40000", 26.5),
        (".1.3.6.1.2.1.1.5.0|2:numeric|4", 4),
    ],
)
def test_a_line_of_snmprec_is_a_value_of_its_type(line: str, value: Value) -> None:
    assert only(line) == value


def test_null_and_the_ends_of_a_mib_are_no_values() -> None:
    walk = read_walk("1.3.6.1.1.1|5|\n1.3.6.1.1.2|128|\n1.3.6.1.1.3|129|\n1.3.6.1.1.4|130|\n1.3.6.1.1.5|2|1")
    assert walk.flaws == []
    assert walk.objects == {(1, 3, 6, 1, 1, 5): 1}


def test_a_text_of_several_lines_in_snmprec_is_one_text() -> None:
    walk = read_walk("1.3.6.1.1.1|4|two\nlines\n1.3.6.1.1.2|2|1\n")
    assert walk.flaws == []
    assert walk.objects[(1, 3, 6, 1, 1, 1)] == b"two\nlines"


def test_what_is_wrong_in_snmprec_is_told_with_its_line_and_the_rest_is_read() -> None:
    walk = read_walk("1.3.6.1.1.1|2|five\n1.3.6.1.1.2|4x|0g\n1.3.6.1.1.3|2|3\nnonsense\n1.3.6.1.1.4|2|4\n1.3.6.1.1.5|")
    assert walk.objects == {(1, 3, 6, 1, 1, 3): 3, (1, 3, 6, 1, 1, 4): 4}
    assert [(flaw.flaw, flaw.at) for flaw in walk.flaws] == [
        (Flaw.MALFORMED, "line 1"),
        (Flaw.MALFORMED, "line 2"),
        (Flaw.MALFORMED, "line 4"),
        (Flaw.TRUNCATED, "line 6"),
    ]


@pytest.mark.parametrize(
    ("rest", "value"),
    [
        ("INTEGER: 3", 3),
        ("INTEGER: failed(3)", 3),
        ("INTEGER: -3", -3),
        ("INTEGER: 235 tenths", 235),
        ("INTEGER: 23.5 degrees", 23.5),
        ("Gauge32: 42", 42),
        ("Counter64: 18446744073709551615", 2**64 - 1),
        ("Wrong Type (should be INTEGER): Gauge32: 7", 7),
        ('STRING: "say \\"hello\\""', b'say "hello"'),
        ("STRING: bare words", b"bare words"),
        ("STRING: ", b""),
        ('""', b""),
        ("Hex-STRING: 00 1A FF ", b"\x00\x1a\xff"),
        ("BITS: 80 00 first(0)", b"\x80\x00"),
        ("OID: .1.3.6.1.4.1.674.10892.5", (1, 3, 6, 1, 4, 1, 674, 10892, 5)),
        ("OID: SNMPv2-SMI::enterprises.9.1", (1, 3, 6, 1, 4, 1, 9, 1)),
        ("Timeticks: (43943539) 5 days, 2:03:55.39", 43943539),
        ("Timeticks: 1:2:3:4.05", 9378405),
        ("IpAddress: 10.0.0.5", b"10.0.0.5"),
        ("Opaque: Float: 26.500000", 26.5),
        ("Opaque: Float: 1.2.3.4", b"Float: 1.2.3.4"),
        ("276532", 276532),
        ("up(1)", 1),
        ("some text: with a colon", b"some text: with a colon"),
    ],
)
def test_a_value_as_snmpwalk_prints_it(rest: str, value: Value) -> None:
    assert only(f".1.3.6.1.2.1.1.5.0 = {rest}") == value


@pytest.mark.parametrize(
    "rest",
    [
        "No Such Object available on this agent at this OID",
        "No Such Instance currently exists at this OID",
        "No more variables left in this MIB View (It is past the end of the MIB tree)",
        "NULL",
    ],
)
def test_what_a_device_does_not_have_is_no_value_and_no_flaw(rest: str) -> None:
    walk = read_walk(f".1.3.6.1.2.1.1.5.0 = {rest}\n.1.3.6.1.2.1.1.6.0 = INTEGER: 1")
    assert walk.flaws == []
    assert walk.objects == {parse_oid("1.3.6.1.2.1.1.6.0"): 1}


def test_quoted_and_hexadecimal_texts_go_on_over_lines() -> None:
    walk = read_walk(
        '.1.3.6.1.1.1 = STRING: "first\n\n.1.3 is said here\nlast"\n'
        ".1.3.6.1.1.2 = Hex-STRING: 00 01 \n02 03 \n.1.3.6.1.1.3 = STRING: bare\nand more\n.1.3.6.1.1.4 = INTEGER: 4\n"
    )
    assert walk.flaws == []
    assert walk.objects == {
        (1, 3, 6, 1, 1, 1): b"first\n\n.1.3 is said here\nlast",
        (1, 3, 6, 1, 1, 2): b"\x00\x01\x02\x03",
        (1, 3, 6, 1, 1, 3): b"bare\nand more",
        (1, 3, 6, 1, 1, 4): 4,
    }


def test_a_text_that_was_never_closed_does_not_swallow_what_follows() -> None:
    walk = read_walk('.1.3.6.1.1.1.1.1 = STRING: "cut\n.1.3.6.1.1.1.1.2 = INTEGER: 4\n')
    assert walk.objects[(1, 3, 6, 1, 1, 1, 1, 2)] == 4


def test_without_types_and_without_equals_signs_values_are_told_by_their_looks() -> None:
    walk = read_walk(
        '.1.3.6.1.1.1.0 42\n.1.3.6.1.1.2.0 "text"\n.1.3.6.1.1.3.0 .1.3.6.1.4.1.9\n.1.3.6.1.1.4.0 0:0:01:02.03'
    )
    assert walk.flaws == []
    assert list(walk.objects.values()) == [42, b"text", (1, 3, 6, 1, 4, 1, 9), 6203]


@pytest.mark.parametrize(
    ("name", "oid"),
    [
        ("sysName.0", NAME),
        ("SNMPv2-MIB::sysName.0", NAME),
        ("iso.3.6.1.2.1.1.5.0", NAME),
        (".iso.org.dod.internet.mgmt.mib-2.system.sysName.0", NAME),
        ("mib-2.1.5.0", NAME),
        ("system.5.0", NAME),
        ("DISMAN-EVENT-MIB::sysUpTimeInstance", UPTIME),
        ("SNMPv2-SMI::enterprises.674.10892.5.2.1.0", parse_oid("1.3.6.1.4.1.674.10892.5.2.1.0")),
        ("IDRAC-MIB-SMIv2::globalSystemStatus.0", parse_oid("1.3.6.1.4.1.674.10892.5.2.1.0")),
        ("IMM-MIB::tempReading.2", parse_oid("1.3.6.1.4.1.2.3.51.3.1.1.2.1.3.2")),
        ("LENOVO-XCC-MIB::tempReading.2", parse_oid("1.3.6.1.4.1.19046.11.1.1.1.2.1.3.2")),
        ('entPhysicalName."ab"', parse_oid("1.3.6.1.2.1.47.1.1.1.1.7.2.97.98")),
        ("entPhysicalName.'ab'", parse_oid("1.3.6.1.2.1.47.1.1.1.1.7.97.98")),
    ],
)
def test_names_are_oids_as_far_as_they_are_known(name: str, oid: Oid) -> None:
    assert resolve(name) == oid
    assert read_walk(f"{name} = INTEGER: 1").objects == {oid: 1}


@pytest.mark.parametrize("name", ["tempReading.2", "FOO-MIB::bar.0", "1.3.6.1.", "1..3", ".1.3.6.99999999999"])
def test_a_name_that_means_several_things_or_none_is_not_guessed(name: str) -> None:
    assert resolve(name) is None


def test_the_module_that_dell_ships_tells_apart_what_two_makers_call_alike() -> None:
    column = parse_oid("1.3.6.1.4.1.674.10892.5.4.600.12.1.5")
    assert resolve("IDRAC-MIB-SMIv2::powerSupplyStatus.1.2") == (*column, 1, 2)
    assert resolve("powerSupplyStatus.1.2") is None


def test_an_unknown_name_is_told_and_the_rest_is_read() -> None:
    walk = read_walk("FOO-MIB::bar.1 = INTEGER: 5\nsysName.0 = STRING: box")
    (flaw,) = walk.flaws
    assert (flaw.flaw, flaw.at) == (Flaw.UNKNOWN, "line 1")
    assert "-On" in flaw.message
    assert walk.objects == {NAME: b"box"}


@pytest.mark.parametrize(
    "line",
    [
        "Timeout: No Response from 10.0.0.5",
        "snmpwalk: Authentication failure (incorrect password, community or key)",
        "snmpwalk: Unknown user name",
        "Error: OID not increasing: .1.3.6.1.2.1.1.5.0",
    ],
)
def test_what_the_tool_said_is_told_in_its_words(line: str) -> None:
    walk = read_walk(f"$ snmpwalk -v2c -c x 10.0.0.5\nsysName.0 = STRING: box\n{line}\n")
    assert [(flaw.flaw, flaw.message) for flaw in walk.flaws] == [(Flaw.REFUSED, line)]
    assert walk.objects == {NAME: b"box"}


def test_something_else_is_foreign_and_said_once() -> None:
    walk = read_walk("<html>\n<body>\n" + "x\n" * 1000)
    assert [flaw.flaw for flaw in walk.flaws] == [Flaw.FOREIGN]


def test_the_first_of_two_values_of_an_object_counts() -> None:
    assert read_walk(".1.3.6.1.1.1.0 = INTEGER: 1\n.1.3.6.1.1.1.0 = INTEGER: 2").objects == {(1, 3, 6, 1, 1, 1, 0): 1}


LINES = st.lists(
    st.one_of(
        st.text(alphabet='.1236|=:" x\\[]()STRINGxe\n', max_size=60),
        st.sampled_from(
            [
                "1.3.6.1.4.1.674.10892.5.4.600.12.1.11.1.1|2|",
                '.1.3.6.1.4.1.21317.1.3.1.2.1 = STRING: "',
                ".1.3.6.1.2.1.99.1.1.1.4.1 = INTEGER: 99999999999999999999",
                "1.3.6.1.2.1.99.1.1.1.2.1|2|-4000000000",
                "enterprises.318.1.1.1.2.2.1.0 = Timeticks: ",
                "1.3.6.1.2.1.33.1.2.3.0|68x|9f79087ff0000000000000",
            ]
        ),
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=300)
@given(LINES, st.binary(max_size=40))
def test_whatever_the_lines_nothing_is_raised_and_what_is_said_has_a_bound(lines: list[str], rest: bytes) -> None:
    capture = Capture("walk", {"": "\n".join(lines).encode() + rest})
    for one in decode(capture):
        if hasattr(one, "message"):
            assert len(one.message) < 200
