"""The one list of capture kinds and the decoder of each. Adding a kind = one module in its family, one line here.

`decoding.py` (the command `decode`) calls them. They use the parsers of the live path and are imported on demand.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

from hardcase_agent.domain.capture import Capture, Decoded


class DecoderModule(Protocol):
    """What a decoder's module offers."""

    def decode(self, capture: Capture) -> Iterable[Decoded]:
        """Everything in the capture, in its order. Raises nothing, whatever the bytes: what cannot be decoded is an
        `Undecoded` and the rest goes on. Pure: no device, no clock, no file. Time and memory grow linearly with the
        capture."""


@dataclass(frozen=True, slots=True)
class Decoder:
    kind: str
    """First argument of `hardcase-agent decode`."""
    place: str
    """Module below `hardcase_agent.sensors`."""
    about: str
    """What is taken, for `--help`."""

    def module(self) -> DecoderModule:
        module: Any = import_module(f"hardcase_agent.sensors.{self.place}")
        return module  # type: ignore[no-any-return]  # a module is no Protocol to mypy


DECODERS: tuple[Decoder, ...] = (
    Decoder("smart", "smart.decoding", "smartctl --json or its text, also of --scan; nvme-cli, hddtemp"),
    Decoder("snmp", "snmp.decoding", "a walk: snmprec, or text of net-snmp's snmpwalk, with or without MIBs"),
    Decoder("ipmi-sdr", "ipmi.sdr_decoding", "raw SDR records, with readings where the file has them"),
    Decoder("ipmi-emu", "ipmi.sdr_decoding", "a BMC simulator's file: SDRs, readings, FRUs"),
    Decoder("sel", "ipmi.sel_decoding", "raw SEL records; text of ipmitool sel, ipmi-sel, ipmiutil, racadm getsel"),
    Decoder("ipmitool", "ipmi.text_decoding", "text of ipmitool sdr elist, sdr -v and sensor, of ipmi-sensors"),
    Decoder("fru", "ipmi.fru_decoding", "a FRU image, or text of ipmitool fru print and ipmi-fru"),
    Decoder("edac", "kernel.tree_decoding", "a sysfs tree: EDAC, hwmon, md, network, enclosures"),
    Decoder("kernel-log", "kernel.log_decoding", "kernel and system log lines: MCE, AER, EDAC, disks, md, smartd"),
    Decoder("dmi", "kernel.dmi_decoding", "dmidecode text, or a raw SMBIOS table"),
    Decoder("arrays", "arrays.decoding", "text or JSON of RAID tools; mdadm, /proc/mdstat, zpool, sg_ses"),
)
