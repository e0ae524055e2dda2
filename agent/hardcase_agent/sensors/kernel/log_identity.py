"""Who is meant: what lines of a log tell of the machine, and of disks that other lines call by a name only."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from hardcase_agent.domain.part import Asset, Component, Part
from hardcase_agent.sensors.kernel.daemon_lines import watched_part

_MACHINE = re.compile(r"(?:Hardware name|DMI): (?P<name>[^,]{3,120}), BIOS ")
_VENDORS = re.compile(
    r"(Supermicro|Super Micro Computer, Inc\.|Dell Inc\.|HPE?|Hewlett[- ]Packard|Lenovo|IBM|Intel Corporation|Huawei|"
    r"Inspur|Quanta[\w ]*|FUJITSU|Cisco Systems Inc|GIGABYTE|ASUSTeK[\w .]*|ASRockRack|Oracle Corporation|Inventec|H3C|"
    r"ZTE|Sugon|Foxconn|Wiwynn|Tyan|MiTAC|NVIDIA) "
)
_SMARTD = re.compile(
    r"Device: (?P<dev>/dev/\S+?)(?P<kind> \[[^\]]+\](?: \[[^\]]+\])?)?, (?P<model>[^,]{3,48}), "
    r"S/N: ?(?P<serial>[^,\s]{3,32})(?:, WWN:(?P<wwn>[0-9a-f-]+))?(?:, FW:(?P<firmware>[^,]+))?"
)
_DEVICE = re.compile(r"Device: (?P<dev>/dev/\S+?)(?P<kind> \[[^\]]+\](?: \[[^\]]+\])?)?,")
_INFO = re.compile(
    r"(?P<model>[^,:]{3,48}), S/N: ?(?P<serial>[^,\s]{3,32})(?:, WWN:(?P<wwn>[0-9a-f-]+))?(?:, FW:(?P<firmware>[^,]+))?"
)
_ATA = re.compile(r"(?P<dev>ata\d+)\.\d+: ATA-\d+: (?P<model>[^,]+), +(?P<firmware>[^,]+), max ")
_MOST = 4096
"""Disks remembered. More do not hang off one machine."""


@dataclass(slots=True)
class Identities:
    """Learns from lines; gives parts with what it has learned."""

    asset: Asset = Asset()
    _known: dict[str, Part] | None = None
    _last: str = ""

    def learn(self, text: str) -> None:
        if "BIOS" in text:
            self._learn_machine(text)
        if "S/N:" in text or text.startswith("Device: ") or ": ATA-" in text:
            self._learn_disk(text)

    def _learn_machine(self, text: str) -> None:
        match = _MACHINE.search(text)
        if match is None or self.asset.model:
            return
        name = match["name"].strip()
        vendor = _VENDORS.match(name)
        model = name[vendor.end() :] if vendor else name
        self.asset = replace(self.asset, vendor=vendor[1].strip() if vendor else "", model=model.partition("/")[0])

    def _learn_disk(self, text: str) -> None:
        match = _SMARTD.search(text)
        if match:
            self._remember(watched_part(match["dev"], match["kind"] or "").slot, match)
            return
        match = _ATA.search(text)
        if match:
            self._remember(match["dev"], match)
            return
        device = _DEVICE.search(text)
        if device:
            self._last = watched_part(device["dev"], device["kind"] or "").slot
            return
        # smartd's mail names the disk below its message.
        match = _INFO.match(text)
        if match and self._last:
            self._remember(self._last, match)

    def _remember(self, slot: str, match: re.Match[str]) -> None:
        known = self._known = self._known if self._known is not None else {}
        if len(known) < _MOST:
            groups = match.groupdict()
            known[slot] = Part(
                component=Component.DISK,
                model=groups["model"].strip(),
                serial=groups.get("serial") or "",
                firmware=(groups.get("firmware") or "").strip(),
                wwn=(groups.get("wwn") or "").replace("-", ""),
            )

    def of(self, part: Part) -> Part:
        """The same part with what is known of it."""
        known = (self._known or {}).get(part.slot)
        if known is None or part.component is not Component.DISK:
            return part
        return replace(part, model=known.model, serial=known.serial, firmware=known.firmware, wwn=known.wwn)
