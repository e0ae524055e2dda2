"""Lines of the kernel about disks: block layer, SCSI, ATA, NVMe, md, file systems.

What the daemons (smartd, mdadm) and controller tools write is in `daemon_lines.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from hardcase_agent.domain.part import Component, Part
from hardcase_agent.sensors.kernel.log_rule import Found, LineRule, Make, Outcome, event, nothing, rule

_NO_DISK = re.compile(r"(fd|sr|scd|loop|ram|zram|nbd|rbd|drbd|zd|cdrom|st|nst|pmem)\d*.*|cdrom")
"""Removable, virtual or of another machine: nothing that is replaced here."""
_PARTITION = re.compile(r"(?P<whole>nvme\d+|mmcblk\d+|(?:sd|hd|vd|xvd)[a-z]+|dasd[a-z]+)(?:c\d+)?(?:n\d+)?(?:p?\d+)?")


def disk_part(name: str) -> Part | None:
    """The disk of a kernel name or a partition of it; None for what is no disk of this machine."""
    name = name.strip("[]() :,.").removeprefix("/dev/")
    if not name or _NO_DISK.fullmatch(name):
        return None
    match = _PARTITION.fullmatch(name)
    whole = match["whole"] if match else name
    return Part(component=Component.DISK, slot=whole[:64], paths=(f"/dev/{whole[:64]}",))


def of_disk(code: str, group: int | str = "dev") -> Make:
    """An event of the disk that the group names."""

    def make(match: re.Match[str]) -> Iterable[Outcome]:
        part = disk_part(match[group] or "")
        if part is not None:
            yield Found(code, part)

    return make


def _md_failure(match: re.Match[str]) -> Iterable[Outcome]:
    """md names the member that failed, and whether the array goes on without it."""
    part = disk_part(match["dev"])
    if part is not None:
        yield Found("disk.fault", part)
    array = Part(component=Component.RAID, slot=match["array"] or "", paths=(f"/dev/{match['array']}",))
    yield Found("raid.failed" if match["end"] else "raid.degraded", array)


def _sense(match: re.Match[str]) -> Iterable[Outcome]:
    key = match["key"].lower()
    code = {"medium error": "disk.media_error", "hardware error": "disk.hardware_error"}.get(key)
    if code is None:
        code = {3: "disk.media_error", 4: "disk.hardware_error"}.get(int(key, 16)) if key.startswith("0x") else None
    part = disk_part(match["dev"])
    if code is not None and part is not None:
        yield Found(code, part)


def _offline(match: re.Match[str]) -> Iterable[Outcome]:
    """Some kernels name the disk, others its SCSI address alone."""
    part = disk_part(match["dev"] or f"scsi {match['address']}")
    if part is not None:
        yield Found("disk.offline", part)


def _asc(match: re.Match[str]) -> Iterable[Outcome]:
    """ASC 11h unrecovered read, 5Dh failure prediction, 44h internal target failure (SPC-5, table F)."""
    codes = {0x11: "disk.media_error", 0x5D: "disk.predictive_failure", 0x44: "disk.hardware_error"}
    code = codes.get(int(match["asc"], 16))
    part = disk_part(match["dev"])
    if code is not None and part is not None:
        yield Found(code, part)


_ASKED_WRONGLY = frozenset({*range(0x01, 0x04), *range(0x07, 0x14), 0x15, 0x16, 0x18, 0x19, 0x80, 0x81, 0x83, 0x84})
"""Generic status of a command that cannot be or was taken back (NVMe base 2.0, figure 97): no fault of the disk."""


def _nvme_status(match: re.Match[str]) -> Iterable[Outcome]:
    """Status code type 2 is media and data integrity, 1 what is wrong with the command (NVMe base 2.0, figure 96)."""
    part, kind, code = disk_part(match["dev"]), int(match["sct"], 16), int(match["sc"], 16)
    if part is not None and kind != 1 and not (kind == 0 and code in _ASKED_WRONGLY):
        yield Found("disk.media_error" if kind == 2 else "disk.io_error", part)


_SD = r"(?:sd [\d:]+ )?\[(?P<dev>sd[a-z]+)\]"

RULES: tuple[LineRule, ...] = (
    # Block layer. A target that does not know a discard command answers "critical target error": no fault.
    rule("critical target error", r"critical target error, dev", nothing),
    rule("critical medium error", r"critical medium error, dev (?P<dev>\S+?),", of_disk("disk.media_error")),
    rule("protection error", r"protection error, dev (?P<dev>\S+?),", of_disk("disk.media_error")),
    rule(
        "i/o error, dev",
        r"I/O error, dev (?P<dev>\S+?),(?! sector 0 op 0x[0-9a-f]+:\(DISCARD)",
        of_disk("disk.io_error"),
    ),
    rule("timeout error, dev", r"timeout error, dev (?P<dev>\S+?),", of_disk("disk.command_timeout")),
    rule("transport error, dev", r"transport error, dev (?P<dev>\S+?),", of_disk("cable.link_reset")),
    rule(
        "buffer i/o error", r"Buffer I/O error on (?:dev|device) (?P<dev>\S+?), logical block", of_disk("disk.io_error")
    ),
    rule("i/o error on", r"lost page write due to I/O error on (?P<dev>\S+)", of_disk("disk.io_error")),
    # SCSI
    rule("sense key", _SD + r".*Sense Key : (?P<key>0x[0-9a-f]+|[A-Za-z ]+?) ?\[", _sense),
    rule("asc=0x", _SD + r".*ASC=0x(?P<asc>[0-9a-f]{1,2})\b", _asc),
    rule(
        "add. sense",
        _SD + r".*Add\. Sense: (?:Unrecovered read error|Record not found|Write error|Peripheral device"
        r" write fault)",
        of_disk("disk.media_error"),
    ),
    rule(
        "add. sense",
        _SD + r".*Add\. Sense: (?:Failure prediction|.*impending failure)",
        of_disk("disk.predictive_failure"),
    ),
    rule(
        "add. sense",
        _SD + r".*Add\. Sense: (?:Internal target failure|Logical unit failure|Mechanical)",
        of_disk("disk.hardware_error"),
    ),
    # What a drive answers that hangs; other kinds of "not ready" are a drive that spins up.
    rule("hard reset required", _SD + r".*not ready, hard reset required", of_disk("disk.io_error")),
    rule(
        "offline",
        r"sd (?P<address>[\d:]+): (?:\[(?P<dev>sd[a-z]+)\] )?(?:rejecting I/O to offline device|Device offlined)",
        _offline,
    ),
    rule("did_no_connect", _SD + r".*hostbyte=DID_NO_CONNECT", of_disk("disk.offline")),
    rule("did_time_out", _SD + r".*hostbyte=DID_TIME_OUT", of_disk("disk.command_timeout")),
    rule("timing out command", _SD + r".*timing out command", of_disk("disk.command_timeout")),
    rule("predictive", r"\[(?P<dev>sd[a-z]+)\].*predictive failure", of_disk("disk.predictive_failure")),
    # ATA. The port's number is all that these lines name.
    rule("error: {", r"(?P<dev>ata\d+)(?:\.\d+)?: error: \{ [A-Z ]*ICRC", of_disk("cable.crc_error")),
    rule("error: {", r"(?P<dev>ata\d+)(?:\.\d+)?: error: \{ [A-Z ]*(?:UNC|IDNF|AMNF)", of_disk("disk.media_error")),
    rule(
        "serr",
        r"(?P<dev>ata\d+)(?:\.\d+)?: SError: \{ .*(?:BadCRC|Handshk|LinkSeq|TrStaTrns|10B8B)",
        of_disk("cable.link_reset"),
    ),
    rule("resetting link", r"(?P<dev>ata\d+)(?:\.\d+)?: hard resetting (?:PMP )?link", of_disk("cable.link_reset")),
    rule("comreset failed", r"(?P<dev>ata\d+)(?:\.\d+)?: COMRESET failed", of_disk("cable.link_reset")),
    rule("limiting sata", r"(?P<dev>ata\d+)(?:\.\d+)?: limiting SATA link speed", of_disk("cable.link_reset")),
    rule(": disable", r"(?P<dev>ata\d+)\.\d+: disable(?:d| device)", of_disk("disk.offline")),
    # Bit 5 of the status register: the device's own fault.
    rule("status: {", r"(?P<dev>ata\d+)(?:\.\d+)?: status: \{ [A-Z ]*\bDF\b", of_disk("disk.io_error")),
    rule("failed to identify", r"(?P<dev>ata\d+)(?:\.\d+)?: failed to IDENTIFY", of_disk("disk.command_timeout")),
    rule(
        "failed command",
        r"(?P<dev>ata\d+)(?:\.\d+)?: failed command: (?:READ|WRITE|FLUSH)",
        of_disk("disk.command_failed"),
    ),
    rule("dma intr", r"(?P<dev>hd[a-z]+): .*intr: error=0x[0-9a-f]+ \{.*BadCRC", of_disk("cable.crc_error")),
    rule(
        "uncorrectableerror",
        r"(?P<dev>hd[a-z]+): .*error=0x[0-9a-f]+ \{.*UncorrectableError",
        of_disk("disk.media_error"),
    ),
    # NVMe
    rule("no available path", r"block (?P<dev>nvme\S+): no available path - failing I/O", of_disk("disk.offline")),
    rule(
        "timeout",
        r"nvme (?P<dev>nvme\d+): I/O (?:tag )?\d+ .*timeout, (?:reset|disable|aborting)",
        of_disk("disk.command_timeout"),
    ),
    rule(
        "resetting controller due to",
        r"nvme (?P<dev>nvme\d+): resetting controller due to (?:AER|persistent internal error)",
        of_disk("disk.io_error"),
    ),
    rule("reset failure", r"nvme (?P<dev>nvme\d+): Disabling device after reset failure", of_disk("disk.offline")),
    rule("probe failure", r"nvme (?P<dev>nvme\d+): Removing after probe failure", of_disk("disk.offline")),
    rule(
        "device not ready",
        r"nvme (?P<dev>nvme\d+): Device not ready; aborting (?:reset|shutdown|initiali[sz]ation)",
        of_disk("disk.offline"),
    ),
    rule(
        "controller is down", r"nvme (?P<dev>nvme\d+): controller is down; will reset", of_disk("disk.command_timeout")
    ),
    rule(
        "capacity change",
        r"(?P<dev>(?:nvme|sd)[a-z0-9]+): detected capacity change from [1-9]\d* to 0\b",
        of_disk("disk.offline"),
    ),
    rule("(sct ", r"(?P<dev>nvme\d+n\d+): .*\(sct 0x(?P<sct>[0-9a-f]+) / sc 0x(?P<sc>[0-9a-f]+)", _nvme_status),
    # md
    rule(
        "disk failure on",
        r"md/?[a-z0-9]*:? ?(?P<array>md\w+):? Disk failure on (?P<dev>\S+?)"
        r"(?: detected)?, (?:(?P<end>failing array)|.*)",
        _md_failure,
    ),
    rule("kicking", r"md:? .*kicking (?:non-fresh|faulty) (?P<dev>\S+) from array", of_disk("disk.dropped")),
    rule("super_written", r"md: super_written gets error.*(?:uptodate=0|on (?P<dev>\w+)|$)", event("", Component.RAID)),
    rule(
        "not enough operational",
        r"md/raid\w*:(?P<a>md\w+): not enough operational",
        event("raid.failed", Component.RAID, "a"),
    ),
    rule(
        "out of",
        r"md/raid\w*:(md\w+): active with (\d+) out of (?!\2\b)\d+ (?:mirrors|devices)",
        event("raid.degraded", Component.RAID, 1),
    ),
    rule(
        "raid level",
        r"md/raid\w*:(md\w+): raid level \d+ active with (\d+) out of (?!\2\b)\d+ devices",
        event("raid.degraded", Component.RAID, 1),
    ),
    rule(
        "read error corrected",
        r"md/raid\w*:md\w+: read error corrected \(\d+ sectors at \d+ on (?P<dev>\w+)\)",
        of_disk("disk.media_error"),
    ),
    rule(
        "read error not correctable",
        r"md/raid\w*:md\w+: .*read error not correctable \(sector \d+ on (?P<dev>\w+)\)",
        of_disk("disk.media_error"),
    ),
    # File systems
    rule(
        "end of device",
        r"(?:(?P<dev>[a-z]+[0-9a-z]*): )?(?:rw=\d+, )?attempt to access beyond end of device",
        event("host.beyond_end_of_device", Component.HOST),
    ),
    rule(
        "while writing superblock",
        r"(?:(?P<fs>[\w-]+) ?(?:\((?P<dev>[^)]*)\))?: )?I/O error while writing superblock",
        lambda match: _superblock(match),
    ),
    rule(
        "read-only",
        r"(?:[\w-]+ ?(?:\(([^)]*)\))?: )?(?:\S+ )?Remounting filesystem read-only",
        event("host.filesystem_readonly", Component.HOST, 1),
    ),
    rule(
        "remounting",
        r"re-?mounting .*read-only after (?:error|abort)",
        event("host.filesystem_readonly", Component.HOST),
    ),
)


def _superblock(match: re.Match[str]) -> Iterable[Outcome]:
    part = disk_part(match["dev"] or "")
    yield Found("disk.io_error", part if part is not None else Part(component=Component.DISK))
