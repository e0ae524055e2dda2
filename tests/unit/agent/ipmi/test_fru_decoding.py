"""Inventories as people hold them: images, hex dumps, text of ipmitool and ipmi-fru."""

from __future__ import annotations

from hardcase_agent.decoding import line_of
from hardcase_agent.domain.capture import Capture, Decoded, Flaw, Listed, Undecoded
from hardcase_agent.domain.part import Asset, Component, Part
from hardcase_agent.sensors.ipmi.fru_decoding import decode
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.peers.ipmi_sim import demo

IPMITOOL = """FRU Device Description : Builtin FRU Device (ID 0)
 Chassis Type          : Rack Mount Chassis
 Chassis Serial        : CH42
 Board Mfg Date        : Mon May 18 12:39:00 2020
 Board Mfg             : MAKER
 Board Product         : Board 9000
 Board Serial          : BO42
 Board Part Number     : 06NR82A03
 Product Manufacturer  : MAKER
 Product Name          : Server 9000
 Product Version       : 01
 Product Serial        : SN42
 Product Asset Tag     :

FRU Device Description : PS1 (ID 1)
 Board Mfg             : MAKER
 Board Product         : PWR SPLY,750W,RDNT,DELTA
 Board Serial          : PS42
 Board Part Number     : 05RHVVA03

FRU Device Description : PS2 (ID 2)
 Device not present (Timeout)

FRU Device Description : CPU 1 DIMM 3 (ID 112)
 Memory Type           : DDR3 SDRAM
 Manufacturer          : Hewlett-Packard
 Serial Number         : e08f54c1
 Part Number           : 647650-071

FRU Device Description : CPU 1 DIMM 6 (ID 115)
 Memory Type           : Unknown (0x0B)
 Manufacturer          : Unknown (0x00)
 Serial Number         : 00000000
"""


def everything(content: str | bytes) -> list[Decoded]:
    data = content.encode() if isinstance(content, str) else content
    return list(decode(Capture("capture", {"": data})))


def parts(content: str | bytes) -> list[Part]:
    return [one.part for one in everything(content) if isinstance(one, Listed)]


def flaws(content: str | bytes) -> list[Flaw]:
    return [one.flaw for one in everything(content) if isinstance(one, Undecoded)]


def test_an_image_names_asset_board_and_chassis() -> None:
    image = demo.fru_image("SN1", vendor="Maker", model="Box")
    found = [one for one in everything(image) if isinstance(one, Listed)]
    assert {one.asset for one in found} == {Asset(vendor="Maker", model="Box", serial="SN1", node="BSN1")}
    assert [(one.part.component, one.part.serial) for one in found] == [
        (Component.CHASSIS, "CSN1"),
        (Component.BOARD, "BSN1"),
    ]


def multirecord(kind: int, data: bytes, *, last: bool) -> bytes:
    head = bytes((kind, 0x02 | (0x80 if last else 0), len(data), -sum(data) & 0xFF))
    return head + bytes((-sum(head) & 0xFF,)) + data


def words(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(2, "little") for number in numbers)


SUPPLY = words(750) + bytes(4) + words(9000, 26400) + bytes(4) + bytes((47, 63, 0, 0x09)) + bytes(6)
OUTPUT = bytes((1,)) + words(1200, 1140, 1260, 120, 0, 62000)
UNSET = bytes((2,)) + words(0, 0, 0, 0, 0, 0)


def image_of(records: bytes, *, product: bytes = b"") -> bytes:
    header = bytes((1, 0, 0, 0, 1 if product else 0, 1 + len(product) // 8, 0))
    return header + bytes((-sum(header) & 0xFF,)) + product + records


def test_what_a_supply_is_rated_for_stands_with_its_part() -> None:
    records = multirecord(0, SUPPLY, last=False) + multirecord(1, OUTPUT, last=False) + multirecord(2, UNSET, last=True)
    whole = demo.fru_image("SN1")
    product = whole[whole[4] * 8 :]
    product = product[: product[1] * 8]
    (listed,) = everything(image_of(records, product=product))
    assert isinstance(listed, Listed)
    assert (listed.part.component, listed.part.slot, listed.part.serial) == (Component.PSU, "", "SN1")
    assert (listed.asset.serial, listed.asset.model) == ("", "")
    assert listed.ratings == {
        "capacity_w": 750,
        "input_low_v": 90.0,
        "input_high_v": 264.0,
        "input_low_hz": 47,
        "input_high_hz": 63,
        "output_1_nominal_v": 12.0,
        "output_1_low_v": 11.4,
        "output_1_high_v": 12.6,
        "output_1_highest_a": 62.0,
    }
    line = line_of(listed)
    assert (line["type"], line["class"], line["ratings"]["capacity_w"]) == ("part", "psu", 750)


def test_a_supply_that_names_itself_in_no_area_is_still_told_with_its_ratings() -> None:
    (listed,) = everything(image_of(multirecord(0, SUPPLY, last=True)))
    assert isinstance(listed, Listed)
    assert (listed.part.component, listed.ratings["capacity_w"]) == (Component.PSU, 750)


def test_a_part_without_ratings_has_no_such_key() -> None:
    assert all("ratings" not in line_of(one) for one in everything(demo.fru_image("SN1")))


def test_a_hex_dump_is_the_image_it_shows() -> None:
    image = demo.fru_image("SN1")
    spaced = "\n".join(image[at : at + 16].hex(" ") for at in range(0, len(image), 16))
    numbered = "\n".join(f"{at:08x}: {image[at : at + 16].hex(' ', 2)}  ..." for at in range(0, len(image), 16))
    assert parts(spaced) == parts(numbered) == parts(image) != []


def test_wrong_checksums_are_told_beside_what_they_cover() -> None:
    image = bytearray(demo.fru_image("SN1"))
    image[8 + image[9] * 8 - 1] ^= 0xFF
    assert parts(bytes(image)) == parts(demo.fru_image("SN1"))
    assert flaws(bytes(image)) == [Flaw.CHECKSUM]
    assert set(flaws(demo.fru_image("SN1")[:40])) == {Flaw.TRUNCATED}


def test_text_of_ipmitool_names_every_part_that_is_there() -> None:
    found = [one for one in everything(IPMITOOL) if isinstance(one, Listed)]
    assert {one.asset for one in found} == {Asset(vendor="MAKER", model="Server 9000", serial="SN42", node="BO42")}
    assert [(one.part.component, one.part.slot, one.part.serial) for one in found] == [
        (Component.CHASSIS, "1", "CH42"),
        (Component.BOARD, "1", "BO42"),
        (Component.PSU, "PSU1", "PS42"),
        (Component.MEMORY, "CPU 1 DIMM 3", "e08f54c1"),
    ]
    assert found[2].part.model == "PWR SPLY,750W,RDNT,DELTA"
    assert flaws(IPMITOOL) == [Flaw.REFUSED]


def test_a_machine_that_is_listed_twice_is_one() -> None:
    machine = IPMITOOL.split("\n\n")[0]
    again = machine.replace("Builtin FRU Device (ID 0)", "AST2300")
    assert parts(f"{machine}\n\n{again}\n") == parts(machine)


def test_text_of_freeipmi_and_its_word_on_checksums() -> None:
    text = (
        "FRU Inventory Device: Default FRU Device (ID 00h)\n\n  FRU Chassis Type: Rack Mount Chassis\n"
        "  FRU Chassis Serial Number: CH42\n\n  FRU Board Manufacturer: HP\n  FRU Board Product Name: Server 5\n"
        "  FRU Board Serial Number: BO42\n\n  FRU Error: product info area checksum invalid\n"
    )
    assert [(part.component, part.serial) for part in parts(text)] == [
        (Component.CHASSIS, "CH42"),
        (Component.BOARD, "BO42"),
    ]
    assert flaws(text) == [Flaw.CHECKSUM]


def test_the_bytes_of_a_presence_detect_stand_below_what_they_say() -> None:
    text = (
        "FRU Device Description : CPU 1 DIMM 1 (ID 110)\n Memory Type           : DDR4 SDRAM\n"
        " Manufacturer          : Samsung\n Serial Number         : 1566035e\n Part Number           : M393A2K43\n\n"
        "SPD DATA (512 bytes)\n 23 11 0c 01 84 21 00 08 00 60 00 03 08 0b 80 00\n 00 00 08 0d f4 03 00 00 6c 6c\n"
    )
    assert not flaws(text)
    (dimm,) = parts(text)
    assert (dimm.component, dimm.serial, dimm.part_number) == (Component.MEMORY, "1566035e", "M393A2K43")


def test_a_refusal_without_words_is_told() -> None:
    assert flaws(IPMITOOL.replace("(Timeout)", "()")) == [Flaw.REFUSED]


def test_other_things_are_foreign() -> None:
    assert flaws("hello") == [Flaw.FOREIGN]
    assert flaws(bytes(64)) == [Flaw.FOREIGN]
    assert flaws(b"\xff" * 64) == [Flaw.FOREIGN]


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_nothing_makes_it_raise(data: st.DataObject) -> None:
    seed = data.draw(st.sampled_from([demo.fru_image("SN1"), IPMITOOL.encode()]))
    at = data.draw(st.integers(0, len(seed)))
    through = data.draw(st.integers(at, len(seed)))
    for found in everything(seed[:at] + data.draw(st.binary(max_size=6)) + seed[through:]):
        assert isinstance(found, Listed | Undecoded)
        assert not isinstance(found, Undecoded) or len(found.message) < 200
