"""Which asset is which: by what the hardware prints, placeholders included."""

from __future__ import annotations

import pytest
from hardcase_collector.domain.asset import AssetFacts, IdentityBasis
from hardcase_collector.domain.identity import identify, is_placeholder_serial, normalise_vendor
from hypothesis import given
from hypothesis import strategies as st

UUID = "4c4c4544-0035-4a10-8052-b4c04f4b3433"
MACHINE_ID = "7f4a9be1a3c94c0d8a1f0d6f1f0a2b3c"


@pytest.mark.parametrize(
    ("printed", "vendor"),
    [
        ("Dell Inc.", "dell"),
        ("DELL", "dell"),
        ("HP", "hpe"),
        ("HPE", "hpe"),
        ("Hewlett-Packard", "hpe"),
        ("Hewlett Packard Enterprise", "hpe"),
        ("Inspur", "inspur"),
        ("IEIT SYSTEMS", "inspur"),
        ("Supermicro", "supermicro"),
        ("Super Micro Computer, Inc.", "supermicro"),
        ("LENOVO", "lenovo"),
        ("Huawei Technologies Co., Ltd.", "huawei"),
        ("XFUSION", "xfusion"),
        ("xFusion Digital Technologies Co., Ltd.", "xfusion"),
        ("New H3C Technologies Co., Ltd.", "h3c"),
        ("H3C", "h3c"),
        ("FUJITSU", "fujitsu"),
        ("Cisco Systems Inc", "cisco"),
        ("Sugon", "sugon"),
        ("American Power Conversion Corp.", "apc"),
        ("To be filled by O.E.M.", ""),
        ("Acme & Sons", "acme_sons"),
        ("Hpc Systems", "hpc_systems"),
    ],
)
def test_a_vendor_is_one_word_however_it_is_printed(printed: str, vendor: str) -> None:
    assert normalise_vendor(printed) == vendor


@pytest.mark.parametrize(
    "printed",
    [
        "",
        "   ",
        "To be filled by O.E.M.",
        "To Be Filled By OEM",
        "Default string",
        "0123456789",
        "123456789",
        "1234567890",
        "9876543210",
        "0000000000",
        "00000000-0000",
        "xxxxxxxx",
        "FFFFFFFF",
        "...............",
        "Not Specified",
        "System Serial Number",
        "N/A",
        "None",
        "Empty",
        "INVALID",
        "1",
        "SN0123456789",
    ],
)
def test_a_placeholder_is_no_serial(printed: str) -> None:
    assert is_placeholder_serial(printed)


@pytest.mark.parametrize("printed", ["7ABC123", "CZ3120YX4B", "S15317X2A12345", "2102311XDB10J8000012", "0A1B2C3"])
def test_a_real_serial_is_one(printed: str) -> None:
    assert not is_placeholder_serial(printed)


def test_the_serial_comes_first() -> None:
    facts = AssetFacts(vendor="Dell Inc.", serial=" 7abc123 ", uuid=UUID, machine_id=MACHINE_ID)
    assert identify(facts) == ("dell|7ABC123", IdentityBasis.SERIAL)


def test_without_a_serial_the_uuid_then_the_machine_id_then_the_address() -> None:
    nothing = "To be filled by O.E.M."
    assert identify(AssetFacts(serial=nothing, uuid=UUID.upper(), machine_id=MACHINE_ID)) == (
        "uuid|" + UUID.replace("-", ""),
        IdentityBasis.UUID,
    )
    assert identify(AssetFacts(serial=nothing, uuid="03000200-0400-0500-0006-000700080009", machine_id=MACHINE_ID)) == (
        "machine_id|" + MACHINE_ID,
        IdentityBasis.MACHINE_ID,
    )
    assert identify(AssetFacts(serial=nothing, address="lan:10.0.0.7")) == (
        "address|lan:10.0.0.7",
        IdentityBasis.ADDRESS,
    )


def test_the_nodes_of_a_chassis_are_told_apart() -> None:
    nodes = {
        identify(AssetFacts(vendor="Supermicro", serial="S15317X2A12345", node=node))[0]
        for node in ("1", "2", "OM19AS00321", "")
    }
    assert len(nodes) == 4


def test_a_placeholder_board_serial_is_no_node() -> None:
    with_node = AssetFacts(vendor="Dell", serial="7ABC123", node="Default string")
    assert identify(with_node) == identify(AssetFacts(vendor="Dell", serial="7ABC123"))


def test_a_drill_never_has_the_key_of_real_hardware() -> None:
    real = AssetFacts(vendor="Dell Inc.", serial="7ABC123", uuid=UUID)
    drill = AssetFacts(vendor="Dell Inc.", serial="7ABC123", uuid=UUID, rehearsal=True)
    assert identify(drill) == ("rehearsal|dell|7ABC123", IdentityBasis.REHEARSAL)
    assert identify(real)[0] != identify(drill)[0]


facts = st.builds(
    AssetFacts,
    vendor=st.text(max_size=20),
    serial=st.text(max_size=20),
    uuid=st.text(max_size=40),
    machine_id=st.text(max_size=40),
    node=st.text(max_size=8),
    hostname=st.text(max_size=8),
    rehearsal=st.booleans(),
    address=st.text(max_size=12),
)


@given(facts)
def test_whatever_the_hardware_says_there_is_a_key_and_drills_stay_apart(said: AssetFacts) -> None:
    key, basis = identify(said)
    assert key
    assert key.startswith("rehearsal|") == said.rehearsal == (basis is IdentityBasis.REHEARSAL)


def test_a_vendor_called_rehearsal_does_not_get_a_drills_key() -> None:
    key, _ = identify(AssetFacts(vendor="rehearsal", serial="7ABC123"))
    assert not key.startswith("rehearsal|")
