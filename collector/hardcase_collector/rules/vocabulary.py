"""Closed lists a sheet may use: components, quantities with their states, statuses. Read by `sheet_reader`.

The quantity table repeats protos/README.md, the contract with the agent; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

COMPONENTS = frozenset(
    {
        "disk", "memory", "cpu", "psu", "power", "fan", "thermal", "voltage", "board", "pcie", "nic", "gpu", "raid",
        "battery", "chassis", "backplane", "cable", "firmware", "bmc", "agent", "host", "ups", "pdu", "appliance",
        "os", "network", "application", "request",
    }
)  # fmt: skip

KINDS = frozenset(
    {
        "temperature", "voltage", "current", "power", "energy", "fan", "humidity", "percentage", "count", "duration",
        "frequency", "state",
    }
)  # fmt: skip

STATUSES = frozenset(
    {"ok", "failing", "hung", "refused", "stretched", "absent", "silent", "stopped", "clock_off"}
)  # fmt: skip
"""`SourceStatus.state`; the last three come from the source "liveness"."""

_REDUNDANCY = (
    "fully_redundant",
    "redundancy_lost",
    "redundancy_degraded",
    "non_redundant_sufficient_from_redundant",
    "non_redundant_sufficient_from_insufficient",
    "non_redundant_insufficient",
    "degraded_from_fully_redundant",
    "degraded_from_non_redundant",
)

HEALTH = ("ok", "warning", "degraded", "failed", "critical", "predicted", "absent", "unknown")
"""A verdict without the reason, one at a time: `<component>.health`."""
_JUDGED = (
    "disk", "memory", "cpu", "psu", "power", "fan", "thermal", "voltage", "board", "pcie", "nic", "gpu", "raid",
    "battery", "chassis", "backplane", "cable", "firmware", "bmc", "host", "ups", "pdu", "appliance",
)  # fmt: skip

_ARRAY = (
    "degraded", "rebuilding", "failed", "partially_degraded", "offline", "checking", "initializing", "bad_blocks",
    "optimal",
)  # fmt: skip

STATES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        **{f"{component}.health": HEALTH for component in _JUDGED},
        "raid.controller": HEALTH,
        "psu.status": (
            "present", "failure_detected", "predictive_failure", "input_lost", "input_lost_or_out_of_range",
            "input_out_of_range", "configuration_error", "inactive",
        ),
        "psu.redundancy": _REDUNDANCY,
        "fan.redundancy": _REDUNDANCY,
        "memory.redundancy": _REDUNDANCY,
        "power.redundancy": _REDUNDANCY,
        "thermal.alarm": ("alarm", "min", "max", "crit", "lcrit", "emergency", "cap"),
        "cpu.status": (
            "ierr", "thermal_trip", "frb1_bist_failure", "frb2_hang", "frb3_startup_failure", "configuration_error",
            "uncorrectable_machine_check", "present", "disabled", "terminator_present", "throttled", "machine_check",
            "correctable_machine_check",
        ),
        "memory.status": (
            "correctable_ecc", "uncorrectable_ecc", "parity", "scrub_failed", "device_disabled",
            "correctable_ecc_logging_limit", "present", "configuration_error", "spare", "throttled",
            "critical_overtemperature",
        ),
        "disk.bay": (
            "present", "fault", "predictive_failure", "hot_spare", "consistency_check", "in_critical_array",
            "in_failed_array", "rebuild_in_progress", "rebuild_aborted",
        ),
        "chassis.intrusion": (
            "general_intrusion", "drive_bay_intrusion", "io_card_intrusion", "processor_intrusion", "lan_leash_lost",
            "unauthorized_dock", "fan_intrusion",
        ),
        "battery.status": ("low", "failed", "present"),
        "chassis.power": ("on", "fault", "control_fault", "interlock", "overload"),
        "disk.nvme_warning": (
            "spare_low", "temperature", "reliability_degraded", "read_only", "backup_failed", "pmr_unreliable",
        ),
        "disk.scsi_warning": (
            "temperature", "enclosure_degraded", "selftest_failed", "medium_error", "cache_volatile", "spare_low",
            "worn", "other",
        ),
        "disk.attributes": (
            "prefailure_now", "prefailure_past", "old_age_now", "old_age_past", "worn_now", "temperature_now",
            "power_loss_protection_now",
        ),
        "disk.selftest": ("failed",),
        "raid.md": _ARRAY,
        "raid.volume": _ARRAY,
        "raid.battery": ("ok", "learning", "charging", "low", "replace", "failed", "missing", "hot"),
        "raid.cache": HEALTH,
        "disk.member": (
            "online", "hot_spare", "unconfigured", "jbod", "rebuilding", "copyback", "predicted", "failed", "missing",
            "offline", "foreign", "in_degraded_array", "in_failed_array",
        ),
        "nic.carrier": ("down",),
        "ups.battery": (
            "unknown", "normal", "low", "depleted", "failed", "replace", "absent", "charging", "discharging",
            "testing", "resting", "disconnected",
        ),
        "ups.output": (
            "other", "none", "normal", "bypass", "battery", "booster", "reducer", "eco", "test", "standby",
            "fault_bypass", "unknown",
        ),
        "ups.input": ("normal", "high_voltage", "low_voltage", "frequency", "lost", "unknown"),
        "ups.overload": ("normal", "overload"),
        "ups.test": ("passed", "warning", "failed", "aborted", "running", "none"),
        "pdu.load": ("normal", "low", "near_overload", "overload", "low_critical", "unknown"),
        "pdu.outlet": ("on", "off", "pending", "unknown"),
        "pdu.breaker": ("closed", "open", "tripped", "unknown"),
        "pdu.source": ("normal", "failed", "redundancy_lost", "unknown"),
        "env.sensor": ("normal", "warning", "alarm", "absent", "unknown"),
        "env.contact": ("open", "closed", "disabled", "unknown"),
        "ups.alarm": (
            "battery_bad", "on_battery", "low_battery", "depleted_battery", "temperature_bad", "input_bad",
            "output_bad", "output_overload", "on_bypass", "bypass_bad", "output_off_as_requested",
            "ups_off_as_requested", "charger_failed", "ups_output_off", "ups_system_off", "fan_failure",
            "fuse_failure", "general_fault", "diagnostic_test_failed", "communications_lost", "awaiting_power",
            "shutdown_pending", "shutdown_imminent", "test_in_progress",
        ),
        "ucd.disk": ("error",),
        "ucd.load": ("error",),
        "ucd.process": ("error",),
        "ucd.swap": ("error",),
        "entity.status": ("ok", "unavailable", "nonoperational"),
    }
)  # fmt: skip

NUMBERS = frozenset(
    {
        "", "sel.used", "disk.reallocated", "disk.pending", "disk.offline_uncorrectable", "disk.reported_uncorrectable",
        "disk.end_to_end", "disk.command_timeout", "disk.spin_retry", "disk.crc_errors", "disk.grown_defects",
        "disk.media_errors", "disk.uncorrected_errors", "disk.error_log", "disk.recent_uncorrectable", "disk.too_hot",
        "disk.used", "disk.spare", "disk.hours", "disk.written",
        "disk.read", "disk.temperature", "memory.corrected", "memory.uncorrected", "cpu.throttle_count",
        "nic.link_losses", "nic.errors",
        "filesystem.used", "ups.charge", "ups.runtime", "ups.load", "ups.alarms", "ups.bad_packs",
        "raid.progress", "raid.temperature",
        "raid.battery_charge", "raid.memory_corrected", "raid.memory_uncorrected", "disk.other_errors",
        "disk.predictive_failures", "disk.pool_errors", "trap.received", "trap.dropped", "trap.refused",
        "trap.strangers", "trap.unread", "agent.cpu", "agent.rss", "agent.sweep",
        "agent.spool_records", "agent.spool_bytes", "agent.lost",
    }
)  # fmt: skip


def known_quantity(word: str) -> bool:
    """Whether protos/README.md has this quantity; "ipmi.<type>" stands for every other IPMI sensor type."""
    return word in NUMBERS or word in STATES or word.startswith("ipmi.")


def known_state(quantities: tuple[str, ...], state: str) -> bool:
    """Whether one of these quantities has this state; those of other IPMI types are the specification's own."""
    return any(word.startswith("ipmi.") or state in STATES.get(word, ()) for word in quantities)
