"""What takes several lines: machine checks, the firmware's blocks, and one error that several lines tell."""

from __future__ import annotations

import pytest
from hardcase_agent.domain.capture import Capture, Recorded
from hardcase_agent.domain.part import Component
from hardcase_agent.sensors.kernel import log_decoding
from hardcase_agent.sensors.kernel.machine_check import status_of


def events(text: str) -> list[tuple[str, Component, str]]:
    decoded = log_decoding.decode(Capture("log", {"": text.encode()}))
    return [
        (one.event.code, one.event.part.component, one.event.part.slot) for one in decoded if isinstance(one, Recorded)
    ]


@pytest.mark.parametrize(
    ("status", "kind", "uncorrected", "channel"),
    [
        (0x8C00004F000800C2, "memory", False, 2),
        (0xBD80000010100134, "cache", True, None),
        (0x9C00000000000E0B, "io", False, None),
        (0xBA00000000400405, "internal", True, None),
        (0xBE00000000800400, "timer", True, None),
        (0x8800000000000080, "memory", False, 0),
        (0x880000000000009F, "memory", False, None),
        (0xB200000000000800 | 0x17, "bus", True, None),
        (0x8800000000000014, "tlb", False, None),
    ],
)
def test_the_status_register_is_read_after_the_architecture(
    status: int, kind: str, uncorrected: bool, channel: int | None
) -> None:
    read = status_of(f"{status:016x}")
    assert read is not None
    assert (read.valid, read.kind, read.uncorrected, read.channel) == (True, kind, uncorrected, channel)


def test_a_status_of_too_many_digits_is_none() -> None:
    assert status_of("1" * 17) is None
    assert status_of("0xBA000000'00400405") is not None


def test_a_record_of_mcelog_is_one_event_with_its_socket() -> None:
    text = (
        "Hardware event. This is not a software error.\nMCE 0\nCPU 3 BANK 8\nMISC 0 ADDR ee30a0000\n"
        "MCG status:\nMCi status:\nCorrected error\nMCA: MEMORY CONTROLLER RD_CHANNEL1_ERR\n"
        "STATUS 8c00004000010091 MCGSTATUS 0\nCPUID Vendor Intel Family 6 Model 63\nSOCKETID 1\n"
    )
    assert events(text) == [("memory.correctable_ecc", Component.MEMORY, "CPU2 channel 1")]


def test_names_of_bits_and_fields_of_one_line_are_a_register_too() -> None:
    assert events("CPU 0 BANK 2\nSTATUS UNCORRECTED 0x134\n") == [
        ("cpu.uncorrectable_machine_check", Component.CPU, "")
    ]
    assert events("CPU 1 BANK 7 STATUS CORRECTED 0x91 ADDR 0x1000\n") == [
        ("memory.correctable_ecc", Component.MEMORY, "channel 1")
    ]


def test_a_bank_without_a_valid_error_is_told_and_is_no_fault() -> None:
    assert events("CPU 0 2\nSTATUS 1234\n") == [("", Component.CPU, "")]


def test_edac_names_the_module_of_the_record_that_it_decodes() -> None:
    text = (
        "EDAC sbridge MC0: HANDLING MCE MEMORY ERROR\n"
        "EDAC sbridge MC0: CPU 0: Machine Check Event: 0 Bank 9: 8c00004000010090\n"
        "EDAC sbridge MC0: PROCESSOR 0:306f2 TIME 1519356496 SOCKET 0 APIC 0\n"
        "EDAC MC0: 1 CE memory read error on CPU_SrcID#0_Ha#0_Chan#0_DIMM#1 (channel:0 slot:1 page:0x1)\n"
    )
    assert events(text) == [("memory.correctable_ecc", Component.MEMORY, "CPU_SrcID#0_Ha#0_Chan#0_DIMM#1")]


def test_a_record_that_edac_took_and_did_not_name_is_told_all_the_same() -> None:
    text = "EDAC sbridge MC0: CPU 0: Machine Check Event: 0 Bank 9: 8c00004000010090\n"
    assert events(text) == [("memory.correctable_ecc", Component.MEMORY, "channel 0")]


def test_a_fatal_machine_check_accuses_the_processor_of_its_socket() -> None:
    text = (
        "mce: [Hardware Error]: CPU 17: Machine Check Exception: 5 Bank 3: be00000000800400\n"
        "mce: [Hardware Error]: TSC 5c3b3e4 ADDR ffffffff MISC 7f\n"
        "mce: [Hardware Error]: PROCESSOR 0:50657 TIME 1600000000 SOCKET 1 APIC 40 microcode 5003006\n"
    )
    assert events(text) == [("cpu.uncorrectable_machine_check", Component.CPU, "CPU2")]


def test_amds_memory_controller_is_memory_by_its_name() -> None:
    text = (
        "[Hardware Error]: Corrected error, no action required.\n"
        "[Hardware Error]: CPU:2 (17:31:0) MC17_STATUS[Over|CE|MiscV|AddrV|-|-|SyndV|CECC|-|-|-]: 0xdc2040000000011b\n"
        "[Hardware Error]: Error Addr: 0x00000001f9ab5c80\n"
        "[Hardware Error]: Unified Memory Controller Ext. Error Code: 0, DRAM ECC error.\n"
    )
    assert events(text) == [("memory.correctable_ecc", Component.MEMORY, "")]


GHES = """{1}[Hardware Error]: Hardware error from APEI Generic Hardware Error Source: 1
{1}[Hardware Error]: event severity: SEVERITY
{1}[Hardware Error]:  Error 0, type: SEVERITY
{1}[Hardware Error]:  fru_text: B1
{1}[Hardware Error]:   section_type: memory error
{1}[Hardware Error]:   error_type: 3, multi-bit ECC
"""


def test_a_block_of_the_firmware_names_module_and_severity() -> None:
    assert events(GHES.replace("SEVERITY", "recoverable")) == [("memory.uncorrectable_ecc", Component.MEMORY, "B1")]
    assert events(GHES.replace("SEVERITY", "corrected")) == [("memory.correctable_ecc", Component.MEMORY, "B1")]
    assert events(GHES.replace("SEVERITY", "info")) == []


def test_the_third_record_since_boot_is_not_the_first_of_its_kind() -> None:
    text = GHES.replace("SEVERITY", "corrected").replace("{1}", "{7}")
    assert events(text) == [("memory.correctable_ecc_repeated", Component.MEMORY, "B1")]


def test_the_slot_of_smbios_is_better_than_the_firmwares_text() -> None:
    text = GHES.replace("SEVERITY", "fatal") + "{1}[Hardware Error]:   DIMM location: NODE 4 CPU1_DIMM_A1\n"
    assert events(text) == [("memory.uncorrectable_ecc", Component.MEMORY, "CPU1_DIMM_A1")]


def test_bus_and_processor_sections_are_theirs() -> None:
    bus = (
        "{2}[Hardware Error]: Hardware error from APEI Generic Hardware Error Source: 4\n"
        "{2}[Hardware Error]: event severity: corrected\n{2}[Hardware Error]:  Error 0, type: corrected\n"
        "{2}[Hardware Error]:   section_type: PCIe error\n{2}[Hardware Error]:   device_id: 0000:3b:00.0\n"
    )
    assert events(bus) == [("pcie.bus_correctable_error", Component.PCIE, "0000:3b:00.0")]
    assert events(bus.replace("PCIe error", "general processor error")) == [
        ("cpu.correctable_machine_check", Component.CPU, "")
    ]


def test_an_error_without_a_place_is_not_told_beside_one_with_a_place() -> None:
    text = (
        GHES.replace("SEVERITY", "recoverable") + "mce: Uncorrected hardware memory error in user-access at 8a398a400\n"
    )
    assert events(text) == [("memory.uncorrectable_ecc", Component.MEMORY, "B1")]
