"""FRU images."""

from __future__ import annotations

from pathlib import Path

import pytest
from hardcase_agent.domain.errors import MalformedAnswer
from hardcase_agent.sensors.ipmi.fru import FruArea, inspect, parse_area, parse_fru
from hypothesis import given
from hypothesis import strategies as st

from tests.peers.ipmi_sim import demo


def test_all_three_areas_are_read() -> None:
    fru = parse_fru(demo.fru_image("SN1", vendor="Maker", model="Box"))
    assert fru.chassis == FruArea(part_number="CH-100", serial="CSN1", chassis_type=0x17)
    assert fru.board.made_ms == 1_700_000_000_000 // 60_000 * 60_000
    assert (fru.board.manufacturer, fru.board.serial, fru.board.part_number) == ("Maker", "BSN1", "BP-987")
    assert (fru.product.name, fru.product.serial, fru.product.part_number, fru.product.version) == (
        "Box", "SN1", "PP-9000", "1.0",
    )  # fmt: skip


def test_a_captured_dell_board_area_decodes() -> None:
    area = bytes.fromhex(
        "0109000000008364c9b2de506f77657245646765205235313520202020202020202020202020202020ce434e373137303333"
        "414930303538c930524d5246374130354103c100002a"
    )
    assert parse_area("board", area) == FruArea(
        manufacturer="DELL", name="PowerEdge R515", serial="CN717033AI0058", part_number="0RMRF7A05",
        file_id="03",
    )  # fmt: skip


def test_wrong_checksums_are_told_and_what_they_cover_is_read() -> None:
    image = bytearray(demo.fru_image("SN1"))
    image[8 + image[8 + 1] * 8 - 1] ^= 0xFF
    image[7] ^= 0xFF
    found = inspect(bytes(image))
    assert found.fru.product.serial == "SN1"
    assert found.checksums == (
        ("the header's checksum is wrong", "offset 0x0"),
        ("the chassis area's checksum is wrong", "offset 0x8"),
    )


def test_a_header_that_points_nowhere_is_none() -> None:
    with pytest.raises(MalformedAnswer):
        parse_fru(bytes.fromhex("0101010101000000") + bytes(64))
    with pytest.raises(MalformedAnswer):
        parse_fru(bytes.fromhex("2073d40100000000") + bytes(64))


def area(body: bytes) -> bytes:
    length = -(-(len(body) + 3) // 8)
    whole = bytes((1, length)) + body + bytes(length * 8 - 3 - len(body))
    return whole + bytes((-sum(whole) & 0xFF,))


def test_languages_and_packed_texts() -> None:
    packed = bytes.fromhex("83") + bytes.fromhex("64c9b2")
    assert parse_area("product", area(b"\x00" + packed + b"\xc1")).manufacturer == "DELL"
    bcd = parse_area("product", area(b"\x00\xc0\xc0" + b"\x43\x12\x3b\x4a" + b"\xc1"))
    assert bcd.part_number == "123-4"
    chinese = "电源".encode("utf-16-le")
    assert (
        parse_area("product", area(b"\x01" + bytes((0xC0 | len(chinese),)) + chinese + b"\xc1")).manufacturer == "电源"
    )
    own = parse_area("chassis", area(b"\x17" + b"\xc2P1\xc2S1\xc3abc\xc2de\xc1"))
    assert (own.part_number, own.serial, own.extra) == ("P1", "S1", ("abc", "de"))


def multirecord(kind: int, data: bytes, *, last: bool) -> bytes:
    head = bytes((kind, 0x02 | (0x80 if last else 0), len(data), -sum(data) & 0xFF))
    return head + bytes((-sum(head) & 0xFF,)) + data


def test_ratings_of_a_supply_and_records_of_makers() -> None:
    supply = bytearray(24)
    supply[0:2] = (750).to_bytes(2, "little")
    supply[6:10] = (9000).to_bytes(2, "little") + (26400).to_bytes(2, "little")
    supply[14:18] = bytes((47, 63, 0, 0x09))
    output = bytes((1,)) + b"".join((n).to_bytes(2, "little") for n in (1200, 1140, 1260, 120, 0, 62000))
    records = multirecord(0, bytes(supply), last=False) + multirecord(1, output, last=False)
    records += multirecord(0xC0, bytes.fromhex("a20200") + b"x", last=True)
    header = bytes((1, 0, 0, 0, 0, 1, 0))
    fru = parse_fru(header + bytes((-sum(header) & 0xFF,)) + records)
    rating, dc, oem = fru.records
    assert rating.supply is not None
    assert dc.output is not None
    assert (rating.supply.capacity_w, rating.supply.input_v, rating.supply.input_hz) == (750, (90.0, 264.0), (47, 63))
    assert (rating.supply.hot_swap, rating.supply.predicts_failure) == (True, True)
    assert (dc.output.number, dc.output.nominal_v, dc.output.highest_a) == (1, 12.0, 62.0)
    assert oem.manufacturer == 674


def test_multirecords_that_are_cut_or_wrong_are_told() -> None:
    header = bytes((1, 0, 0, 0, 0, 1, 0))
    header += bytes((-sum(header) & 0xFF,))
    record = multirecord(0xC0, bytes.fromhex("a2020011"), last=True)
    assert inspect(header + record[:-1]).cut
    assert inspect(header + record[:-1] + b"\x00").checksums == (
        ("multirecord 0xc0 has a wrong checksum", "offset 0x8"),
    )
    assert inspect(header + b"\xff" * 5).checksums


def test_an_area_cut_short_gives_what_is_there() -> None:
    area = demo.fru_image("SN1")[8:24]
    assert parse_area("chassis", area[:12]).part_number == "CH-100"


@given(image=st.binary(max_size=120))
def test_no_image_does_worse_than_a_named_error(image: bytes) -> None:
    try:
        parse_fru(image)
    except MalformedAnswer:
        return


@given(body=st.binary(max_size=80), kind=st.sampled_from(("chassis", "board", "product")))
def test_any_area_is_read_as_far_as_it_goes(body: bytes, kind: str) -> None:
    parse_area(kind, body)


def test_captured_images_name_their_board(captures: Path) -> None:
    folder = captures / "ipmi" / "fru_bin"
    supermicro = parse_fru((folder / "fru_supermicro_x11scz-f.bin").read_bytes())
    assert "Supermicro" in supermicro.board.manufacturer + supermicro.product.manufacturer
    kontron = parse_fru((folder / "kontron_am4904.bin").read_bytes())
    assert kontron.board.manufacturer.lower().startswith("kontron")
