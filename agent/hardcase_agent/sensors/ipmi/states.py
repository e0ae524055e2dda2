"""State names by event/reading type and sensor type, as tables (IPMI 2.0, 42-2 and 42-3; words of protos/README.md).

`plan.py` names a discrete sensor's bits by it, `sel.py` the offsets of events. "" = a bit without meaning.
"""

from __future__ import annotations

from dataclasses import dataclass

from hardcase_agent.domain.part import Component

SENSOR_SPECIFIC = 0x6F
REDUNDANCY = 0x0B
PREDICTIVE, PRESENCE = 0x04, 0x08

THRESHOLD_EVENTS: tuple[tuple[str, bool], ...] = (
    ("lower_non_critical", True), ("lower_non_critical", False),
    ("lower_critical", True), ("lower_critical", False),
    ("lower_non_recoverable", True), ("lower_non_recoverable", False),
    ("upper_non_critical", False), ("upper_non_critical", True),
    ("upper_critical", False), ("upper_critical", True),
    ("upper_non_recoverable", False), ("upper_non_recoverable", True),
)  # fmt: skip
"""By offset: the limit, and whether the value passes it outwards ("lower critical going high" is a recovery)."""

LIMIT_NAMES = (
    "lower_non_critical", "lower_critical", "lower_non_recoverable",
    "upper_non_critical", "upper_critical", "upper_non_recoverable",
)  # fmt: skip
"""By bit of the comparison byte and of threshold masks."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the bits of one sensor mean."""

    quantity: str
    states: tuple[str, ...]
    component: Component
    """What such a sensor speaks of, where its entity does not say."""


def _words(text: str) -> tuple[str, ...]:
    return tuple("" if word == "-" else word for word in text.split())


GENERIC: dict[int, tuple[str, ...]] = {
    0x01: LIMIT_NAMES,
    0x02: _words("idle active busy"),
    0x03: _words("state_deasserted state_asserted"),
    0x04: _words("predictive_failure_deasserted predictive_failure"),
    0x05: _words("limit_not_exceeded limit_exceeded"),
    0x06: _words("performance_met performance_lags"),
    0x07: _words(
        "ok non_critical_from_ok critical_from_less_severe non_recoverable_from_less_severe"
        " non_critical_from_more_severe critical_from_non_recoverable non_recoverable monitor informational"
    ),
    0x08: _words("absent present"),
    0x09: _words("disabled enabled"),
    0x0A: _words("running in_test power_off on_line off_line off_duty degraded power_save install_error"),
    0x0B: _words(
        "fully_redundant redundancy_lost redundancy_degraded non_redundant_sufficient_from_redundant"
        " non_redundant_sufficient_from_insufficient non_redundant_insufficient degraded_from_fully_redundant"
        " degraded_from_non_redundant"
    ),
    0x0C: _words("d0 d1 d2 d3"),
}

_TYPES: dict[int, tuple[str, Component, str]] = {
    0x01: ("temperature", Component.THERMAL, ""),
    0x02: ("voltage", Component.VOLTAGE, ""),
    0x03: ("current", Component.POWER, ""),
    0x04: ("fan", Component.FAN, ""),
    0x05: ("chassis.intrusion", Component.CHASSIS, "general_intrusion drive_bay_intrusion io_card_intrusion"
           " processor_intrusion lan_leash_lost unauthorized_dock fan_intrusion"),
    0x06: ("platform_security", Component.HOST, "secure_mode_violation user_password_violation"
           " setup_password_violation network_boot_password_violation other_password_violation"
           " out_of_band_password_violation"),
    0x07: ("cpu.status", Component.CPU, "ierr thermal_trip frb1_bist_failure frb2_hang frb3_startup_failure"
           " configuration_error uncorrectable_machine_check present disabled terminator_present throttled"
           " machine_check correctable_machine_check"),
    0x08: ("psu.status", Component.PSU, "present failure_detected predictive_failure input_lost"
           " input_lost_or_out_of_range input_out_of_range configuration_error inactive"),
    0x09: ("power_unit", Component.POWER, "power_off power_cycle 240va_power_down interlock_power_down input_lost"
           " soft_power_control_failure failure_detected predictive_failure"),
    0x0A: ("cooling_device", Component.FAN, ""),
    0x0B: ("other_units", Component.BOARD, ""),
    0x0C: ("memory.status", Component.MEMORY, "correctable_ecc uncorrectable_ecc parity scrub_failed device_disabled"
           " correctable_ecc_logging_limit present configuration_error spare throttled critical_overtemperature"),
    0x0D: ("disk.bay", Component.DISK, "present fault predictive_failure hot_spare consistency_check"
           " in_critical_array in_failed_array rebuild_in_progress rebuild_aborted"),
    0x0E: ("post_memory_resize", Component.MEMORY, ""),
    0x0F: ("firmware_progress", Component.FIRMWARE, "firmware_error firmware_hang firmware_progress"),
    0x10: ("event_logging", Component.BMC, "memory_error_logging_disabled event_type_logging_disabled cleared"
           " all_logging_disabled full almost_full machine_check_logging_disabled"),
    0x11: ("watchdog_1", Component.HOST, "bios_reset os_reset os_shut_down os_power_down os_power_cycle os_nmi"
           " os_expired os_pre_timeout"),
    0x12: ("system_event", Component.HOST, "reconfigured oem_boot undetermined_hardware_failure"
           " auxiliary_log_entry pef_action clock_synch"),
    0x13: ("critical_interrupt", Component.PCIE, "front_panel_nmi bus_timeout io_check_nmi software_nmi pci_perr"
           " pci_serr eisa_fail_safe_timeout bus_correctable_error bus_uncorrectable_error fatal_nmi bus_fatal_error"
           " bus_degraded"),
    0x14: ("button", Component.CHASSIS, "power_button sleep_button reset_button latch_open service_request"),
    0x15: ("board", Component.BOARD, ""),
    0x16: ("microcontroller", Component.BOARD, ""),
    0x17: ("add_in_card", Component.PCIE, ""),
    0x18: ("chassis", Component.CHASSIS, ""),
    0x19: ("chip_set", Component.BOARD, "soft_power_control_failure thermal_trip"),
    0x1A: ("other_fru", Component.BOARD, ""),
    0x1B: ("cable", Component.CABLE, "connected configuration_error"),
    0x1C: ("terminator", Component.BOARD, ""),
    0x1D: ("boot_initiated", Component.HOST, "power_up hard_reset warm_reset pxe_requested diagnostic_boot"
           " software_hard_reset software_warm_reset restart"),
    0x1E: ("boot_error", Component.HOST, "no_bootable_media diskette_left pxe_not_found invalid_boot_sector"
           " selection_timeout"),
    0x1F: ("os_boot", Component.HOST, "a_completed c_completed pxe_completed diagnostic_completed cdrom_completed"
           " rom_completed boot_completed install_started install_completed install_aborted install_failed"),
    0x20: ("os_stop", Component.HOST, "stop_during_load runtime_stop graceful_stop graceful_shutdown pef_shutdown"
           " agent_not_responding"),
    0x21: ("slot", Component.PCIE, "fault identify installed ready_for_installation ready_for_removal power_off"
           " removal_request interlock disabled spare"),
    0x22: ("acpi_power", Component.HOST, "s0 s1 s2 s3 s4 s5 s4_or_s5 g3 sleeping g1 s5_by_override legacy_on"
           " legacy_off - unknown"),
    0x23: ("watchdog_2", Component.HOST, "expired hard_reset power_down power_cycle - - - - interrupt"),
    0x24: ("platform_alert", Component.BMC, "page lan_alert trap snmp_trap"),
    0x25: ("entity_presence", Component.BOARD, "present absent disabled"),
    0x26: ("monitor_asic", Component.BOARD, ""),
    0x27: ("lan", Component.NIC, "heartbeat_lost heartbeat"),
    0x28: ("management_health", Component.BMC, "sensor_access_degraded controller_access_degraded"
           " controller_off_line controller_unavailable sensor_failure fru_failure"),
    0x29: ("battery.status", Component.BATTERY, "low failed present"),
    0x2A: ("session_audit", Component.BMC, "activated deactivated invalid_name_or_password password_disabled"),
    0x2B: ("version_change", Component.FIRMWARE, "hardware_changed firmware_changed hardware_incompatible"
           " firmware_incompatible hardware_unsupported firmware_unsupported hardware_change_done"
           " firmware_change_done"),
    0x2C: ("fru_state", Component.BOARD, "not_installed inactive activation_requested activation_in_progress active"
           " deactivation_requested deactivation_in_progress communication_lost"),
}  # fmt: skip
"""Sensor type: its words (with a dot: already a quantity), what it speaks of, its sensor-specific states."""

_REDUNDANT = {
    0x04: "fan.redundancy", 0x0A: "fan.redundancy", 0x08: "psu.redundancy", 0x09: "power.redundancy",
    0x0C: "memory.redundancy",
}  # fmt: skip

_SPECIAL: dict[tuple[int, int], tuple[str, tuple[str, ...]]] = {
    (0x08, PREDICTIVE): ("psu.status", ("", "predictive_failure")),
    (0x08, PRESENCE): ("psu.status", ("", "present")),
    (0x0D, PREDICTIVE): ("disk.bay", ("", "predictive_failure")),
    (0x0D, PRESENCE): ("disk.bay", ("", "present")),
    (0x0C, PRESENCE): ("memory.status", ("", "present")),
    (0x07, PRESENCE): ("cpu.status", ("", "present")),
}
"""(sensor type, event type): generic events of parts that have a vocabulary of their own."""

OFFSETS = 15
"""State bits of a sensor; bit 15 is reserved."""


def meaning(sensor_type: int, code: int) -> Meaning:
    """What a sensor of this type and event/reading type says. Unknown and OEM ones keep their bits by number."""
    words, component, own = _TYPES.get(sensor_type, (f"oem_{sensor_type:02x}", Component.BOARD, ""))
    quantity = words if "." in words else f"ipmi.{words}"
    special = _SPECIAL.get((sensor_type, code))
    if special is not None:
        return Meaning(special[0], special[1], component)
    if code == SENSOR_SPECIFIC and own:
        return Meaning(quantity, _words(own), component)
    if code == REDUNDANCY:
        return Meaning(_REDUNDANT.get(sensor_type, f"ipmi.{words.replace('.', '_')}"), GENERIC[REDUNDANCY], component)
    generic = f"ipmi.{words.replace('.', '_')}"
    if code in GENERIC:
        return Meaning(generic, GENERIC[code], component)
    return Meaning(generic, tuple(f"offset_{bit}" for bit in range(OFFSETS)), component)
