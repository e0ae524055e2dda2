"""DMI: dmidecode's text in its versions, the raw table, what is damaged, and what is no value at all."""

from __future__ import annotations

import struct

import pytest
from hardcase_agent.domain.capture import Capture, Flaw, Listed, Undecoded
from hardcase_agent.domain.part import Asset, Component, Part
from hardcase_agent.sensors.kernel import dmi_decoding
from hardcase_agent.sensors.kernel.dmi_structure import meaningful
from hypothesis import given, settings
from hypothesis import strategies as st

TEXT = """# dmidecode 3.3
Getting SMBIOS data from sysfs.
SMBIOS 3.2.0 present.

Handle 0x0000, DMI type 0, 26 bytes
BIOS Information
\tVendor: Example BIOS
\tVersion: 2.9.4
\tCharacteristics:
\t\tPCI is supported
\tFirmware Revision: 4.10

Handle 0x0100, DMI type 1, 27 bytes
System Information
\tManufacturer: Example Systems
\tProduct Name: Server 2000
\tSerial Number: EX12345
\tUUID: 4C4C4544-0042-3510-8050-B3C04F4E4D32

Handle 0x0200, DMI type 2, 8 bytes
Base Board Information
\tProduct Name: 0ABC12
\tSerial Number: .EX12345.CN0001.

Handle 0x0400, DMI type 4, 48 bytes
Processor Information
\tSocket Designation: CPU1
\tStatus: Populated, Enabled
\tVersion: Example CPU @ 2.10GHz

Handle 0x0401, DMI type 4, 48 bytes
Processor Information
\tSocket Designation: CPU2
\tStatus: Unpopulated
\tVersion: Not Specified

Handle 0x1100, DMI type 17, 84 bytes
Memory Device
\tSize: 16 GB
\tLocator: A1
\tBank Locator: Not Specified
\tType: DDR4
\tManufacturer: 00AD063200AD
\tSerial Number: 1A2B3C4D
\tPart Number: HMA82GR7CJR8N-WM

Handle 0x1101, DMI type 17, 84 bytes
Memory Device
\tSize: No Module Installed
\tLocator: A2
\tSerial Number: NO DIMM
\tPart Number: NO DIMM

Handle 0x2600, DMI type 38, 18 bytes
IPMI Device Information
\tInterface Type: KCS (Keyboard Control Style)

Handle 0x2700, DMI type 39, 22 bytes
System Power Supply
\tLocation: To Be Filled By O.E.M.
\tName: Power Supply 2
\tSerial Number: PS0002
\tModel Part Number: 503296-B21
\tStatus: Present, OK

Handle 0x2701, DMI type 39, 22 bytes
System Power Supply
\tName: Power Supply 1
\tStatus: Not Present
"""


def decode(data: bytes | str) -> tuple[list[Listed], list[Undecoded]]:
    raw = data.encode() if isinstance(data, str) else data
    items = list(dmi_decoding.decode(Capture("dmi", {"": raw})))
    return [one for one in items if isinstance(one, Listed)], [one for one in items if isinstance(one, Undecoded)]


def of(listed: list[Listed], component: Component) -> list[Part]:
    return [one.part for one in listed if one.part.component is component]


def test_a_machine_is_known_by_its_system_and_its_board() -> None:
    listed, bad = decode(TEXT)
    assert bad == []
    assert {one.asset for one in listed} == {
        Asset(
            vendor="Example Systems",
            model="Server 2000",
            serial="EX12345",
            uuid="4c4c4544-0042-3510-8050-b3c04f4e4d32",
            node=".EX12345.CN0001.",
        )
    }


def test_parts_are_those_that_are_there() -> None:
    listed, _ = decode(TEXT)
    assert of(listed, Component.MEMORY) == [
        Part(
            component=Component.MEMORY,
            slot="A1",
            model="SK Hynix 16 GB DDR4",
            serial="1A2B3C4D",
            part_number="HMA82GR7CJR8N-WM",
        )
    ]
    assert [part.slot for part in of(listed, Component.CPU)] == ["CPU1"]
    assert of(listed, Component.PSU) == [
        Part(
            component=Component.PSU,
            slot="Power Supply 2",
            model="503296-B21",
            serial="PS0002",
            part_number="503296-B21",
        )
    ]
    assert [(part.slot, part.firmware) for part in of(listed, Component.FIRMWARE)] == [("BIOS", "2.9.4")]
    assert [(part.slot, part.firmware) for part in of(listed, Component.BMC)] == [("BMC", "4.10")]


def test_a_module_of_unknown_size_is_there_where_its_socket_names_it() -> None:
    device = "Handle 0x{0}, DMI type 17, 84 bytes\nMemory Device\n\tSize: Unknown\n\tLocator: A{0}\n\tType: DDR5\n"
    named = device.format(1) + "\tSerial Number: 1A2B3C4D\n\tPart Number: M321R8GA0BB0-CQKZJ\n"
    listed, _ = decode(named + "\n" + device.format(2) + "\tSerial Number: NO DIMM\n\tPart Number: NO DIMM\n")
    assert [(part.slot, part.model, part.serial) for part in of(listed, Component.MEMORY)] == [
        ("A1", "DDR5", "1A2B3C4D")
    ]


def test_without_ipmi_the_controllers_release_is_no_bmcs() -> None:
    listed, _ = decode(TEXT.replace("DMI type 38, 18 bytes\nIPMI", "DMI type 221, 18 bytes\nOEM"))
    assert of(listed, Component.BMC) == []
    assert ("EC", "4.10") in [(part.slot, part.firmware) for part in of(listed, Component.FIRMWARE)]


def test_versions_before_two_write_the_type_into_a_line_of_its_own() -> None:
    old = (
        "# dmidecode 2.2\nSMBIOS 2.3 present.\nHandle 0x0100\n\tDMI type 1, 25 bytes.\n\tSystem Information\n"
        "\t\tManufacturer: Example\n\t\tProduct Name: Old\n\t\tSerial Number: KX1\n"
        "Handle 0x1100\n\tDMI type 17, 23 bytes.\n\tMemory Device\n\t\tSize: 512 MB\n\t\tLocator: DIMM1\n"
    )
    listed, bad = decode(old)
    assert bad == []
    assert [(part.slot, part.model) for part in of(listed, Component.MEMORY)] == [("DIMM1", "512 MB")]
    assert listed[0].asset.serial == "KX1"


def test_without_handles_structures_begin_with_their_title() -> None:
    quiet = "\n".join(line for line in TEXT.split("\n") if not line.startswith(("Handle", "#")))
    listed, _ = decode(quiet)
    assert [part.serial for part in of(listed, Component.MEMORY)] == ["1A2B3C4D"]


def test_sockets_that_share_a_name_are_told_apart_by_their_bank() -> None:
    both = TEXT + (
        "\nHandle 0x1102, DMI type 17, 84 bytes\nMemory Device\n\tSize: 8 GB\n\tLocator: D1\n\tBank Locator: /SYS/P0\n"
        "\nHandle 0x1103, DMI type 17, 84 bytes\nMemory Device\n\tSize: 8 GB\n\tLocator: D1\n\tBank Locator: /SYS/P1\n"
    )
    listed, _ = decode(both)
    assert [part.slot for part in of(listed, Component.MEMORY)][1:] == ["/SYS/P0 D1", "/SYS/P1 D1"]


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ("", Flaw.FOREIGN),
        ("something else\n", Flaw.FOREIGN),
        ("/dev/mem: Permission denied\n", Flaw.REFUSED),
        ("Handle 0x0001\n", Flaw.TRUNCATED),
        (TEXT + "Invalid entry length (0). DMI table is broken! Stop.\n", Flaw.MALFORMED),
    ],
)
def test_what_cannot_be_read_is_named(text: str, flaw: Flaw) -> None:
    _, bad = decode(text)
    assert [one.flaw for one in bad] == [flaw]


@pytest.mark.parametrize(
    "word",
    [
        "To Be Filled By O.E.M.", "Not Specified", "None", "N/A", "0123456789", "Default string", "SerNum00", "NO DIMM",
        "System Serial Number", "........", "00000000", "FFFFFFFF", "<BAD INDEX>", "xxxxxxxx", "Unknown", "  ", "Empty",
        "NOT AVAILABLE", "Array1_PartNumber0", "A1_SerNum0", "\0\0",
    ],
)  # fmt: skip
def test_what_a_maker_left_blank_is_no_value(word: str) -> None:
    assert meaningful(word) == ""


@pytest.mark.parametrize("word", ["EX12345", "0ABC12", "..CN708210BL002B.", "1", "M393A2G40DB0-CPB"])
def test_what_a_maker_filled_in_is_kept(word: str) -> None:
    assert meaningful(word) == word


def structure(kind: int, handle: int, area: bytes, *texts: str) -> bytes:
    strings = b"".join(text.encode() + b"\0" for text in texts) or b"\0"
    return struct.pack("<BBH", kind, 4 + len(area), handle) + area + strings + b"\0"


def table() -> bytes:
    memory = bytearray(0x28 - 4)
    struct.pack_into("<H", memory, 0xC - 4, 0x7FFF)
    struct.pack_into("<I", memory, 0x1C - 4, 32768)
    memory[0x10 - 4], memory[0x11 - 4], memory[0x12 - 4] = 1, 2, 0x1A
    memory[0x17 - 4], memory[0x18 - 4], memory[0x1A - 4] = 3, 4, 5
    uuid = bytes.fromhex("4445 4c4c 4200 1035 8050 b3c04f4e4d32".replace(" ", ""))
    return (
        structure(1, 1, bytes((1, 2, 0, 3)) + uuid + bytes((6, 0, 0)), "Example Systems", "Server 2000", "EX12345")
        + structure(17, 2, bytes(memory), "A1", "P0_Node0_Channel0_Dimm0", "Samsung", "1A2B3C4D", "M386A4G40DM0-CPB")
        + structure(127, 3, b"")
    )


def entry(length: int, count: int) -> bytes:
    inner = bytearray(b"_DMI_\0" + struct.pack("<HIHB", length, 32, count, 0x28))
    inner[5] = -sum(inner) % 256
    outer = bytearray(b"_SM_\0\x1f\x02\x08" + bytes(8)) + inner
    outer[4] = -sum(outer) % 256
    return bytes(outer) + b"\0"


def test_the_raw_table_says_the_same_as_the_text() -> None:
    body = table()
    listed, bad = decode(entry(len(body), 3) + body)
    assert bad == []
    assert listed[0].asset.uuid == "4c4c4544-0042-3510-8050-b3c04f4e4d32"
    assert of(listed, Component.MEMORY) == [
        Part(
            component=Component.MEMORY,
            slot="A1",
            model="Samsung 32 GB DDR4",
            serial="1A2B3C4D",
            part_number="M386A4G40DM0-CPB",
        )
    ]


def test_the_two_files_of_sysfs_are_read_as_one() -> None:
    body = table()
    files = {"tables/DMI": body, "tables/smbios_entry_point": entry(len(body), 3)}
    items = list(dmi_decoding.decode(Capture("tables", files)))
    assert [one.part.serial for one in items if isinstance(one, Listed)] == ["1A2B3C4D"]


def test_a_table_that_is_cut_gives_what_came_before_and_says_so() -> None:
    body = table()
    listed, bad = decode(entry(len(body), 3) + body[:-40])
    assert listed or bad
    assert Flaw.TRUNCATED in {one.flaw for one in bad}


def test_a_wrong_checksum_is_said_and_the_table_read() -> None:
    body = table()
    damaged = bytearray(entry(len(body), 3))
    damaged[4] ^= 1
    listed, bad = decode(bytes(damaged) + body)
    assert [one.flaw for one in bad] == [Flaw.CHECKSUM]
    assert of(listed, Component.MEMORY)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 400), st.binary(min_size=1, max_size=4), st.booleans())
def test_damage_is_never_more_than_a_named_error(at: int, patch: bytes, cut: bool) -> None:
    whole = entry(len(table()), 3) + table()
    broken = whole[:at] + patch + (b"" if cut else whole[at + len(patch) :])
    listed, bad = decode(broken)
    assert all(one.message for one in bad)
    assert all(len(part.part.slot) < 200 for part in listed)
