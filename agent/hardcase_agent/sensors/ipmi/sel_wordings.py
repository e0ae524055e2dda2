"""Sensor types and event states by the words that tools print: ipmitool, FreeIPMI, ipmiutil, the specification.

Tables alone; `sel_words.py` looks words up in them. "|" stands between wordings of one thing.
"""

from __future__ import annotations

from hardcase_agent.sensors.ipmi.states import REDUNDANCY

TYPE_NAMES: dict[int, str] = {
    0x01: "temperature|temp",
    0x02: "voltage",
    0x03: "current",
    0x04: "fan",
    0x05: "physical security|chassis intrusion|intrusion",
    0x06: "platform security|platform security violation attempt|platform security violation",
    0x07: "processor|cpu",
    0x08: "power supply",
    0x09: "power unit",
    0x0A: "cooling device|cooling",
    0x0B: "other|other units based sensor|other units",
    0x0C: "memory",
    0x0D: "drive slot / bay|drive slot|drive bay|drive slot (bay)",
    0x0E: "post memory resize",
    0x0F: "system firmware progress|system firmwares|system firmware|post error|firmware progress",
    0x10: "event logging disabled|event log|sel disabled|event logging",
    0x11: "watchdog1|watchdog 1",
    0x12: "system event",
    0x13: "critical interrupt",
    0x14: "button|button / switch",
    0x15: "module / board",
    0x16: "microcontroller|microcontroller / coprocessor",
    0x17: "add-in card|add in card",
    0x18: "chassis",
    0x19: "chip set|chipset",
    0x1A: "other fru",
    0x1B: "cable / interconnect|cable",
    0x1C: "terminator",
    0x1D: "system boot initiated|system boot|boot initiated|system boot / restart initiated",
    0x1E: "boot error",
    0x1F: "os boot",
    0x20: "os critical stop|os stop/shutdown|os stop / shutdown|os stop",
    0x21: "slot / connector|slot",
    0x22: "system acpi power state|acpi power state|acpi state",
    0x23: "watchdog2|watchdog 2",
    0x24: "platform alert",
    0x25: "entity presence",
    0x26: "monitor asic|monitor asic / ic",
    0x27: "lan",
    0x28: "management subsys health|management subsystem health|management health",
    0x29: "battery",
    0x2A: "session audit",
    0x2B: "version change",
    0x2C: "fru state",
}

OWN_WORDS: dict[int, dict[int, str]] = {
    0x05: {
        0: "general chassis intrusion|chassis intrusion", 1: "drive bay intrusion",
        4: "system unplugged from lan|lan leash lost (system is unplugged from lan)",
        6: "fan area intrusion|fan area intrusion (supports detection of hot plug fan tampering)",
        2: "i/o card area intrusion", 3: "processor area intrusion",
    },
    0x06: {
        0: "front panel lockout violation attempted|secure mode (front panel lockout) violation attempt"
           "|secure mode violation attempt",
        1: "pre-boot password violation - user password",
        2: "pre-boot password violation - setup password|pre-boot password violation attempt - setup password",
        3: "pre-boot password violation - network boot password"
           "|pre-boot password violation attempt - network boot password",
        4: "other pre-boot password violation", 5: "out-of-band access password violation",
    },
    0x07: {
        0: "caterr|cpld caterr asserted|internal error",
        3: "frb2/hang in post failure", 4: "frb3/processor startup/init failure|frb3/processor startup failure"
           "|frb3/processor startup/initialization failure (cpu didn't start)|processor startup failure"
           "|frb3/processor startup/initialization failure",
        6: "sm bios uncorrectable cpu-complex error|sm bios `uncorrectable cpu-complex error'|uncorrectable cpu error"
           "|uncorrectable cpu-complex error",
        7: "presence detected|processor presence detected", 8: "processor disabled",
        9: "terminator presence detected", 10: "processor automatically throttled|processor throttled",
        11: "uncorrectable machine check exception|machine check exception (uncorrectable)|machine check exception"
            "|uncorrectable machine check error",
        12: "correctable machine check error",
    },
    0x08: {
        0: "presence detected", 1: "failure detected|power supply failure detected|failed|failure",
        3: "power supply ac lost|ac lost|power supply input lost (ac/dc)|power supply input lost|input lost (ac/dc)",
        4: "ac lost or out-of-range|power supply input lost or out-of-range|input lost or out-of-range"
           "|power supply ac lost or out-of-range",
        5: "ac out-of-range, but present|power supply input out-of-range, but present|input out-of-range, but present",
        6: "config error|configuration error: vendor mismatch|configuration error: revision mismatch"
           "|configuration error: processor missing|configuration error: power supply rating mismatch"
           "|configuration error: voltage rating mismatch|config error: vendor mismatch|config error: revision mismatch"
           "|config error: processor missing|config error: power supply rating mismatch"
           "|config error: voltage rating mismatch|config error: unknown",
        7: "power supply inactive|power supply inactive (in standby state)",
    },
    0x09: {
        0: "power off/down|power off/power down", 4: "ac lost|power input lost|ac lost/power input lost"
           "|ac lost/power input lost (the power source for the power unit was lost)",
        5: "soft-power control failure|soft power control failure (unit did not respond to request to turn on)",
        6: "failure detected|power unit failure detected", 7: "predictive failure",
    },
    0x0C: {
        0: "correctable memory error|correctable ecc/other correctable memory error|corrected ecc"
           "|correctable ecc error|corrected memory error",
        1: "uncorrectable memory error|uncorrectable ecc/other uncorrectable memory error|uncorrected ecc"
           "|uncorrectable ecc error",
        2: "memory parity error|parity error", 3: "memory scrub failed|memory scrub failed (stuck bit)|scrub failed",
        4: "memory device disabled|device disabled|disabled",
        5: "correctable ecc logging limit reached|correctable memory error logging limit reached"
           "|correctable ecc/other correctable memory error logging limit reached",
        6: "presence detected", 8: "spare|presence of spare", 9: "memory automatically throttled",
        10: "critical overtemperature",
    },
    0x0D: {
        0: "drive present|drive presence|presence detected", 1: "drive fault|fault status|faulty",
        2: "predictive failure|drive predictive failure",
        4: "parity check in progress|consistency check in progress|consistency check / parity check in progress"
           "|consistency or parity check in progress",
        7: "rebuild in progress|rebuild/remap in progress",
        8: "rebuild aborted|rebuild/remap aborted|rebuild/remap aborted (was not completed normally)",
    },
    0x0F: {
        0: "system firmware error|system firmware error (post error)|unknown error|post error|error"
           "|unspecified|no system memory is physically installed in the system|no system memory installed"
           "|no usable system memory|no usable system memory, all installed memory has experienced an unrecoverable"
           " failure|unrecoverable hard-disk/atapi/ide device failure|unrecoverable ide device failure"
           "|unrecoverable system-board failure|unrecoverable diskette subsystem failure"
           "|unrecoverable hard-disk controller failure|unrecoverable ps/2 or usb keyboard failure"
           "|unrecoverable keyboard failure|removable boot media not found"
           "|unrecoverable video controller failure|no video device selected|no video device detected"
           "|firmware (bios) rom corruption detected|bios corruption detected|cpu voltage mismatch"
           "|cpu speed mismatch|cpu speed matching failure",
        1: "system firmware hang|unknown hang|hang",
        2: "system firmware progress|unknown progress|progress|memory initialization|hard-disk initialization"
           "|primary cpu initialization|secondary cpu initialization|secondary processor initialization"
           "|user authentication|user-initiated system setup|usb resource configuration|pci resource configuration"
           "|option rom initialization|video initialization|cache initialization|smbus initialization|sm bus"
           " initialization|keyboard controller initialization|management controller initialization"
           "|docking station attachment|enabling docking station|docking station ejection"
           "|disabling docking station|calling operating system wake-up vector|system boot initiated"
           "|starting operating system boot process|motherboard initialization|baseboard or motherboard"
           " initialization|floppy initialization|keyboard test|pointing device test|primary processor"
           " initialization|calling os wake-up vector",
    },
    0x10: {
        0: "correctable memory error logging disabled", 1: "event logging disabled|event type logging disabled"
           "|event `type' logging disabled",
        2: "log area reset/cleared|log cleared|log area reset|sel cleared", 3: "all event logging disabled",
        4: "log full|sel full", 5: "log almost full|sel almost full",
        6: "correctable machine check error logging disabled",
    },
    0x11: {
        0: "bios reset|bios watchdog reset", 1: "os reset|os watchdog reset", 2: "os watchdog shut down",
        3: "os watchdog power down", 4: "os watchdog power cycle",
        5: "os nmi/diag interrupt|os watchdog nmi/diagnostic interrupt",
        6: "os watchdog expired, status only", 7: "os pre-timeout interrupt|os watchdog pre-timeout interrupt, non-nmi",
    },
    0x12: {
        0: "system reconfigured", 1: "oem system boot event", 2: "undetermined system hardware failure",
        3: "entry added to auxiliary log", 4: "pef action", 5: "timestamp clock sync|timestamp clock synch",
    },
    0x13: {
        0: "nmi/diag interrupt|front panel nmi/diagnostic interrupt", 2: "i/o channel check nmi",
        6: "eisa failsafe timeout", 7: "bus correctable error|bus correctable error (nmi)",
        8: "bus uncorrectable error", 9: "fatal nmi|fatal nmi (port 61h, bit 7)", 10: "bus fatal error",
        11: "bus degraded|bus degraded (bus operating in a degraded performance state)",
    },
    0x14: {
        0: "power button pressed", 1: "sleep button pressed", 2: "reset button pressed", 3: "fru latch|fru latch open",
        4: "fru service|fru service request button",
    },
    0x1B: {
        0: "cable/interconnect is connected",
        1: "config error|configuration error - incorrect cable connected"
           "|configuration error - incorrect cable connected / incorrect interconnection",
    },
    0x1D: {
        0: "initiated by power up", 1: "initiated by hard reset", 2: "initiated by warm reset",
        3: "user requested pxe boot", 4: "automatic boot to diagnostic",
        5: "os initiated hard reset|os / run-time software initiated hard reset",
        6: "os initiated warm reset|os / run-time software initiated warm reset", 7: "system restart",
    },
    0x1E: {
        1: "non-bootable disk in drive|non-bootable diskette left in drive", 2: "pxe server not found",
        4: "timeout waiting for selection|timeout waiting for user selection of boot source",
    },
    0x1F: {
        0: "a: boot completed", 1: "c: boot completed", 2: "pxe boot completed", 3: "diagnostic boot completed",
        4: "cd-rom boot completed", 5: "rom boot completed",
        6: "boot completed - device not specified|boot completed - boot device not specified",
        7: "installation started|base os/hypervisor installation started",
        8: "installation completed|base os/hypervisor installation completed",
        9: "installation aborted|base os/hypervisor installation aborted",
        10: "installation failed|base os/hypervisor installation failed",
    },
    0x20: {
        0: "error during system startup|critical stop during os load|stop during os load/init"
           "|critical stop during os load / initialization",
        1: "run-time critical stop|run-time stop|run-time critical stop (a.k.a. 'core dump', 'blue screen')",
        2: "os graceful stop", 3: "os graceful shutdown", 4: "pef initiated soft shutdown|soft shutdown initiated by"
           " pef", 5: "agent not responding",
    },
    0x21: {
        0: "fault status|fault status asserted", 1: "identify status|identify status asserted",
        2: "device installed|slot/connector device installed/attached",
        3: "ready for device installation|slot/connector ready for device installation",
        4: "ready for device removal|slot/connector ready for device removal", 5: "slot power is off",
        6: "device removal request|slot/connector device removal request", 7: "interlock asserted",
        8: "slot is disabled", 9: "spare device|slot holds spare device",
    },
    0x22: {
        0: "s0/g0: working|s0/g0 \"working\"|s0/g0", 5: "s5/g2: soft-off|s5/g2 \"soft-off\"|s5/g2",
        6: "s4/s5: soft-off|s4/s5 soft-off|s4/s5 soft-off, particular s4/s5 state cannot be determined",
        1: "s1: sleeping with system hw & processor context maintained",
        2: "s2: sleeping, processor context lost",
        3: "s3: sleeping, processor & hw context lost, memory retained",
        4: "s4: non-volatile sleep/suspend-to-disk", 7: "g3: mechanical off|g3/mechanical off",
        8: "sleeping in s1/s2/s3 state|sleeping in an s1, s2, or s3 states",
        9: "g1: sleeping|g1 sleeping", 10: "s5: entered by override|s5 entered by override",
        11: "legacy on state", 12: "legacy off state", 13: "unspecified", 14: "unknown",
    },
    0x23: {
        0: "timer expired|timer expired, status only|timer expired, status only (no action, no interrupt)",
        1: "hard reset", 2: "power down", 3: "power cycle", 8: "timer interrupt",
    },
    0x24: {
        0: "platform generated page", 1: "platform generated lan alert", 2: "platform event trap generated"
           "|platform event trap generated, formatted per ipmi pet specification",
        3: "platform generated snmp trap, oem format",
    },
    0x25: {0: "entity present", 1: "entity absent", 2: "entity disabled"},
    0x27: {0: "lan heartbeat lost", 1: "lan heartbeat"},
    0x28: {
        0: "sensor access degraded or unavailable", 1: "controller access degraded or unavailable",
        2: "management controller off-line", 3: "management controller unavailable", 4: "sensor failure",
        5: "fru failure",
    },
    0x29: {
        0: "low|battery low|battery low (predictive failure)", 1: "failed|battery failed",
        2: "presence detected|battery presence detected",
    },
    0x2A: {
        0: "session activated", 1: "session deactivated", 2: "invalid username or password",
        3: "invalid password disable",
    },
    0x2B: {
        0: "hardware change detected|hardware change detected with associated entity",
        1: "firmware or software change detected|firmware or software change detected with associated entity",
        2: "hardware incompatibility detected|hardware incompatibility detected with associated entity",
        3: "firmware or software incompatibility detected"
           "|firmware or software incompatibility detected with associated entity",
        4: "invalid or unsupported hardware version|entity is of an invalid or unsupported hardware version",
        5: "invalid or unsupported firmware or software version"
           "|entity contains an invalid or unsupported firmware or software version",
        6: "hardware change success|hardware change detected with associated entity was successful",
        7: "software or f/w change success|firmware or software change success"
           "|software or f/w change detected with associated entity was successful",
    },
    0x2C: {
        0: "not installed|fru not installed", 1: "inactive|fru inactive",
        2: "activation requested|fru activation requested",
        3: "activation in progress|fru activation in progress",
        4: "active|fru active", 5: "deactivation requested|fru deactivation requested",
        6: "deactivation in progress|fru deactivation in progress",
        7: "communication lost|fru communication lost",
    },
}  # fmt: skip
"""By sensor type and offset: what tools print for it beside the words of `states.py`."""

GENERIC_WORDS: dict[int, dict[int, str]] = {
    0x02: {0: "transition to idle", 1: "transition to active", 2: "transition to busy"},
    0x04: {1: "predictive failure asserted|predictive failure"},
    0x07: {
        0: "transition to ok", 1: "transition to non-critical from ok",
        2: "transition to critical from less severe|transition to critical",
        3: "transition to non-recoverable from less severe", 4: "transition to non-critical from more severe",
        5: "transition to critical from non-recoverable", 6: "transition to non-recoverable",
    },
    0x08: {
        0: "device absent|device removed/device absent|device removed|absent|removed",
        1: "device present|device inserted/device present|device inserted|present|inserted",
    },
    0x09: {0: "device disabled", 1: "device enabled"},
    0x0A: {
        0: "transition to running", 1: "transition to in test", 2: "transition to power off",
        3: "transition to on line", 4: "transition to off line", 5: "transition to off duty",
        6: "transition to degraded", 7: "transition to power save",
    },
    REDUNDANCY: {
        0: "redundancy regained|fully redundant (formerly \"redundancy regained\")|full redundancy",
        3: "non-redundant: sufficient from redundant|non-redundant:sufficient resources from redundant"
           "|entered from redundancy degraded or fully redundant",
        4: "non-redundant: sufficient from insufficient"
           "|non-redundant:sufficient resources from insufficient resources"
           "|entered from non-redundant:insufficient resources",
        5: "non-redundant: insufficient resources",
        6: "redundancy degraded from fully redundant", 7: "redundancy degraded from non-redundant",
    },
    0x0C: {0: "d0 power state", 1: "d1 power state", 2: "d2 power state", 3: "d3 power state"},
}  # fmt: skip

LIMITS = ("lower non critical", "lower critical", "lower non recoverable",
          "upper non critical", "upper critical", "upper non recoverable")  # fmt: skip
AT_LIMITS = ("at or below lower non critical threshold", "at or below lower critical threshold",
             "at or below lower non recoverable threshold", "at or above upper non critical threshold",
             "at or above upper critical threshold", "at or above upper non recoverable threshold")  # fmt: skip
"""FreeIPMI's interpreted words; it prints the sign between: "At or Below (<=) Lower Critical Threshold"."""
