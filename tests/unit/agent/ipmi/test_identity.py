"""Device id, GUID and the asset they make."""

from __future__ import annotations

import uuid

import pytest
from hardcase_agent.domain.errors import MalformedAnswer
from hardcase_agent.sensors.ipmi.fru import Fru, FruArea
from hardcase_agent.sensors.ipmi.identity import asset_of, parse_device_id, parse_guid
from hypothesis import given
from hypothesis import strategies as st

DELL = bytes.fromhex("2081023002dfa20200000100080400")


def test_a_device_id_gives_firmware_and_maker() -> None:
    device = parse_device_id(DELL)
    assert (device.firmware, device.vendor, device.product, device.updating) == ("2.30", "Dell", 256, False)
    assert parse_device_id(DELL[:2] + b"\x82" + DELL[3:]).updating


def test_the_cache_key_moves_with_the_firmware() -> None:
    assert parse_device_id(DELL).key != parse_device_id(DELL[:3] + b"\x31" + DELL[4:]).key


@given(data=st.binary(max_size=10))
def test_a_device_id_cut_short_is_named(data: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        parse_device_id(data)


@given(value=st.uuids(version=4))
def test_a_uuid_sent_as_smbios_or_backwards_is_the_same_uuid(value: uuid.UUID) -> None:
    backwards = uuid.UUID(bytes=value.bytes_le[::-1])
    assert parse_guid(value.bytes_le) == str(value)
    if backwards.variant != uuid.RFC_4122 or backwards.version not in (1, 3, 4, 5):
        # Sent last byte first it reads as no UUID of RFC 4122 the SMBIOS way, so it is turned round.
        assert uuid.UUID(parse_guid(value.bytes[::-1])) in (value, uuid.UUID(bytes_le=value.bytes[::-1]))


def test_an_empty_guid_is_none() -> None:
    assert parse_guid(bytes(16)) == parse_guid(b"\xff" * 16) == parse_guid(b"") == ""


def test_the_asset_is_the_product_and_falls_back_to_board_and_maker() -> None:
    device = parse_device_id(DELL)
    board = FruArea(manufacturer="Dell Inc.", name="0CNCJW", serial="CN1")
    product = FruArea(manufacturer="DELL", name="PowerEdge R630", serial="ABC1234")
    full = asset_of(device, Fru(board=board, product=product), "u", "bmc7")
    assert (full.vendor, full.model, full.serial, full.node) == ("DELL", "PowerEdge R630", "ABC1234", "CN1")
    nameless = Fru(board=FruArea(part_number="X11DPU"), product=FruArea(name="NONE", serial="S1"))
    assert asset_of(device, nameless, "u", "bmc7").model == "X11DPU"
    bare = asset_of(device, Fru(), "u", "bmc7")
    assert (bare.vendor, bare.serial, bare.uuid, bare.address) == ("Dell", "", "u", "bmc7")
