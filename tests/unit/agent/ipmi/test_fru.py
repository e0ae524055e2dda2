"""FRU images."""

from __future__ import annotations

from pathlib import Path

import pytest
from hardcase_agent.domain.errors import MalformedAnswer
from hardcase_agent.sensors.ipmi.fru import FruArea, parse_area, parse_fru
from hypothesis import given
from hypothesis import strategies as st

from tests.peers.ipmi_sim import demo


def test_all_three_areas_are_read() -> None:
    fru = parse_fru(demo.fru_image("SN1", vendor="Maker", model="Box"))
    assert fru.chassis == FruArea(part_number="CH-100", serial="CSN1")
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
        manufacturer="DELL", name="PowerEdge R515", serial="CN717033AI0058", part_number="0RMRF7A05"
    )


def test_an_area_with_a_wrong_checksum_is_read_and_a_header_with_one_is_not() -> None:
    image = bytearray(demo.fru_image("SN1"))
    broken_area = bytearray(image)
    broken_area[8 + image[8 + 1] * 8 - 1] ^= 0xFF
    assert parse_fru(bytes(broken_area)).product.serial == "SN1"
    image[7] ^= 0xFF
    with pytest.raises(MalformedAnswer):
        parse_fru(bytes(image))


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
