"""Lines of the kernel about the PCIe bus, network ports, heat, and the machine as a whole."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hardcase_agent.domain.part import Component, Part
from hardcase_agent.sensors.kernel.log_rule import Found, LineRule, Make, Outcome, event, nothing, rule

_BDF = r"(?:[0-9a-f]{4}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]"
"""A PCI address: domain, bus, device, function."""
_DRIVER = rf"(?:(?P<driver>[a-z][a-z0-9_]+) (?P<slot>{_BDF})(?: (?P<port>[a-z][\w.@-]*))?[: ]+)?"


_LINK_DOWN = (
    rf"(?:\b[a-z][a-z0-9_]+ (?P<slot>{_BDF})(?: (?P<port>[a-z][\w.@-]*))?[: ].*?"
    r"|\b(?P<name>(?:eth|en|ib|p\d)[\w.@-]*):? )"
    r"(?:NIC )?Link (?:is )?Down"
)
"""Of a network port: named by its driver and address, or by itself. A SATA port's "link down" is an empty bay."""


def bus_code(severity: str) -> str:
    """Of the kernel's words: Corrected, Uncorrected (Non-Fatal), Uncorrectable (Fatal)."""
    words = severity.lower()
    if words.startswith(("correct", "multiple correct")):
        return "pcie.bus_correctable_error"
    return "pcie.bus_uncorrectable_error" if "non-fatal" in words else "pcie.bus_fatal_error"


def _bus(match: re.Match[str]) -> Iterable[Outcome]:
    yield Found(bus_code(match["severity"]), Part(component=Component.PCIE, slot=match["slot"] or ""))


def _port(code: str) -> Make:
    def make(match: re.Match[str]) -> Iterable[Outcome]:
        groups = match.groupdict()
        port = groups.get("port") or groups.get("name") or ""
        place = " ".join(word for word in (groups.get("slot") or "", port) if word)
        yield Found(code, Part(component=Component.NIC, slot=place, paths=(port,) if port else ()))

    return make


def _throttle(match: re.Match[str]) -> Iterable[Outcome]:
    # The line names a thread; which socket it is on is not told.
    yield Found("cpu.throttled", Part(component=Component.CPU), asserted="above" in match[0])


RULES: tuple[LineRule, ...] = (
    # PCIe advanced error reporting. Its "error received" line says nothing that the device's own line does not.
    rule("pcie bus error", rf"(?:(?P<slot>{_BDF}): )?(?:AER: )?PCIe Bus Error: severity=(?P<severity>[^,]+),", _bus),
    rule(
        "aer_event", rf"aer_event:.* (?P<slot>{_BDF}) \(?(?P<severity>Corrected|Uncorrected \((?:Non-)?Fatal\))", _bus
    ),
    rule(
        "insufficient power",
        rf"{_DRIVER}.*Detected insufficient power on the PCIe slot \((?P<watt>\d+)W\)",
        event("pcie.slot_power", Component.PCIE, "slot"),
    ),
    rule(
        "dpc: ",
        rf"pcieport (?P<slot>{_BDF}): (?:AER: )?DPC: containment event",
        event("pcie.bus_fatal_error", Component.PCIE, "slot"),
    ),
    rule(
        "link down",
        rf"pcieport (?P<slot>{_BDF}):.*Slot\([^)]*\): Link Down",
        event("pcie.link_down", Component.PCIE, "slot"),
    ),
    rule(
        "power fault",
        rf"pcieport (?P<slot>{_BDF}):.*Slot\([^)]*\): Power fault",
        event("pcie.slot_power", Component.PCIE, "slot"),
    ),
    rule("nmi: ", r"NMI: (?:PCI system error \(SERR\)|IOCK error)", event("pcie.pci_serr", Component.PCIE)),
    rule(
        "edac pci",
        rf"EDAC PCI.*: (?:Signaled System Error|Master Data Parity Error|Detected Parity Error) on (?P<slot>{_BDF})",
        event("pcie.pci_perr", Component.PCIE, "slot"),
    ),
    # Network ports
    rule("high temperature", r"Port module event.*High Temperature", _port("nic.module_hot")),
    rule(
        "cable error",
        rf"{_DRIVER}.*Port module event\[error\]: module \d+, Cable error, (?!High Temperature)",
        _port("nic.module_error"),
    ),
    rule(
        "access_reg", rf"{_DRIVER}.*mlx5_cmd_out_err.*ACCESS_REG\(0x[0-9a-f]+\).*failed", _port("nic.register_failed")
    ),
    rule(
        "health",
        rf"{_DRIVER}.*(?:device's health compromised|Health issue observed|health recovery flow aborted)",
        _port("nic.failed"),
    ),
    rule(
        "fatal error",
        rf"{_DRIVER}.*(?:FW fatal error|firmware fatal error|poll_health\b.*Fatal error \d+ detected"
        r"|fatal error detected.*reset)",
        _port("nic.failed"),
    ),
    rule(
        "netdev watchdog",
        r"NETDEV WATCHDOG: (?:CPU: \d+: )?(?P<port>[\w.@-]+) \([^)]*\): transmit queue \d+ timed out",
        _port("nic.tx_timeout"),
    ),
    rule("tx unit hang", rf"{_DRIVER}.*Detected (?:Tx |Hardware )?Unit Hang", _port("nic.tx_timeout")),
    rule("detected hardware unit hang", rf"{_DRIVER}.*Detected Hardware Unit Hang", _port("nic.tx_timeout")),
    rule("link is down", _LINK_DOWN, _port("nic.link_down")),
    rule("link down", _LINK_DOWN, _port("nic.link_down")),
    rule(
        "adapter removed",
        rf"(?P<driver>[a-z]\w+) (?P<slot>{_BDF})(?: (?P<port>[\w.@-]+))?: Adapter removed",
        _port("nic.failed"),
    ),
    rule(
        "pcie link lost",
        rf"(?P<driver>[a-z]\w+) (?P<slot>{_BDF})(?: (?P<port>[\w.@-]+))?: PCIe link lost",
        _port("nic.failed"),
    ),
    rule("mc assert", rf"bnx2x (?P<slot>{_BDF})(?: (?P<port>[\w.@-]+))?: .*MC assert", _port("nic.failed")),
    rule("mc assert", r"bnx2x: \[bnx2x_\w+:\d+\((?P<port>[\w.@-]+)\)\].*MC assert", _port("nic.failed")),
    rule(
        "detected",
        rf"(?P<driver>be2net|qlcnic|mlx4_core) (?P<slot>{_BDF})(?: (?P<port>[\w.@-]+))?: "
        r"(?:Unrecoverable Error|firmware hang|Internal error) detected",
        _port("nic.failed"),
    ),
    rule(
        "transmit timed out",
        rf"(?P<driver>[a-z]\w+) (?P<slot>{_BDF})(?: (?P<port>[\w.@-]+))?: transmit timed out",
        _port("nic.tx_timeout"),
    ),
    rule(
        "tx timeout detected",
        rf"(?P<driver>[a-z]\w+) (?P<slot>{_BDF})(?: (?P<port>[\w.@-]+))?: TX timeout detected",
        _port("nic.tx_timeout"),
    ),
    rule(
        "ecc error",
        rf"(?P<driver>i40e|ice|ixgbe|igb|bnx2x|bnxt_en) (?P<slot>{_BDF})(?: (?P<port>[\w.@-]+))?: "
        r".*(?:ECC|parity) error",
        _port("nic.failed"),
    ),
    rule(
        "adapter",
        rf"{_DRIVER}.*(?:Fan has stopped, replace the adapter|adapter has been stopped because it has over ?heated)",
        _port("nic.failed"),
    ),
    rule("over heat", rf"{_DRIVER}.*(?:over heat|overheat)", _port("nic.module_hot")),
    # Heat
    rule(
        "cpu clock throttled",
        r"CPU\d+: (?:Core|Package) temperature (?:/speed )?above threshold, cpu clock throttled",
        _throttle,
    ),
    rule("temperature/speed normal", r"CPU\d+: (?:Core|Package) temperature/speed normal", _throttle),
    rule(
        "critical temperature reached",
        r"(?P<zone>thermal_zone\d+|\S+): critical temperature reached.*shutting down",
        event("thermal.critical", Component.THERMAL, "zone"),
    ),
    rule("power limit notification", r"power limit notification", nothing),
    # Processors that stopped
    rule(
        "hard lockup",
        r"(?:NMI watchdog|watchdog): (?:BUG: )?(?:Watchdog detected )?hard LOCKUP on cpu (\d+)",
        event("host.hard_lockup", Component.HOST),
    ),
    rule("soft lockup", r"BUG: soft lockup - CPU#(\d+) stuck for \d+s", event("host.soft_lockup", Component.HOST)),
    rule(
        "blocked for more than",
        r"INFO: task \S+:\d+ blocked for more than \d+ seconds",
        event("host.task_blocked", Component.HOST),
    ),
    rule(
        "kernel panic",
        r"Kernel panic - not syncing: (?:(?:Fatal )?[Mm]achine check|CPU context corrupt)",
        event("cpu.uncorrectable_machine_check", Component.CPU),
    ),
    rule(
        "kernel panic",
        r"Kernel panic - not syncing: (?:Fatal hardware error|.*APEI)",
        event("board.fatal_hardware_error", Component.BOARD),
    ),
    rule("kernel panic", r"Kernel panic - not syncing: sysrq", nothing),
    rule("kernel panic", r"Kernel panic - not syncing", event("host.kernel_panic", Component.HOST)),
)
