"""Reads a log line by line, and makes hardware events of it: single lines by the rule tables, and what takes several
lines (machine checks, APEI blocks) by keeping it until it is complete. Pure.

Used by the live source on what the ring got since last time, and by the decoder (`log_decoding.py`) on a whole capture,
there with the rules of every writer (`log_writers.py`): in the kernel's ring only the kernel writes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from hardcase_agent.domain.event import Event
from hardcase_agent.domain.part import Component, Part
from hardcase_agent.sensors.kernel import (
    controller_lines,
    device_lines,
    disk_lines,
    filesystem_lines,
    ghes,
    gpu_lines,
    machine_check,
    maker_lines,
    memory_lines,
)
from hardcase_agent.sensors.kernel.log_identity import Identities
from hardcase_agent.sensors.kernel.log_line import Line
from hardcase_agent.sensors.kernel.log_rule import Counted, Found, LineRule, Outcome
from hardcase_agent.sensors.kernel.machine_check import Record, status_of

KERNEL: tuple[LineRule, ...] = (
    *memory_lines.RULES,
    *filesystem_lines.RULES,
    *disk_lines.RULES,
    *device_lines.RULES,
    *gpu_lines.RULES,
    *controller_lines.RULES,
    *maker_lines.RULES,
)
"""What Linux and its drivers write."""
_Ordered = tuple[tuple[int, LineRule], ...]
_OF_RECORDS = ("CPU", "Bank ", "[Hardware Error]", "mce_record", "STATUS", "SOCKET", "PROCESSOR")

_CHECK = re.compile(
    r"(?:EDAC (?P<edac>\w+) MC\d+: )?CPU (?P<cpu>\d+): Machine Check(?: Event| Exception)?: +(?:0x)?[0-9a-f]+ "
    r"Bank (?P<bank>\d+): (?P<status>(?:0x)?[0-9a-f]+)",
    re.IGNORECASE,
)
_OLD_BANK = re.compile(r"(?:CPU (?P<cpu>\d+): )?\bBank (?P<bank>\d+): (?P<status>[0-9a-f]{16})\b", re.IGNORECASE)
"""Kernels before 2.6.31 told the exception on one line and each bank on the next."""
_AMD = re.compile(
    r"\[Hardware Error\]: CPU:? ?(?P<cpu>\d+) .*MC(?P<bank>\d+)_STATUS\[.*\]: (?P<status>0x[0-9a-f]+)", re.IGNORECASE
)
_BANK = re.compile(r"CPU (?P<cpu>\d+) (?:BANK )?(?P<bank>\d+)\b")
_STATUS = re.compile(
    r"(?:^|\s)STATUS\s+(?P<status>(?:(?:(?:0x)?[0-9a-fA-F]+|CORRECTED|UNCORRECTED|FATAL|VAL|OVER|UC|EN|PCC|S|AR)(?:\s+|$))+)"
)
_SOCKET = re.compile(r"\bSOCKET(?:ID)? (\d+)")
_PROCESSOR = re.compile(r"PROCESSOR (\d+):")
_UNIT = re.compile(r"\[Hardware Error\]: (?P<unit>[A-Z][\w /-]+?) (?:Ext\. )?Error Code:")
_RASDAEMON = re.compile(r"mce_record:.*\bbank=(?P<bank>\w+).*\bstatus= ?(?P<status>[0-9a-f]+)", re.IGNORECASE)
_HANDLED_BY_EDAC = re.compile(r"EDAC MC\d+: (?:\d+ )?(?:CE|UE) ")
_ATA_PORT = re.compile(r"\b(ata\d+)(?:\.\d+)?: ")
_ATA_RESULT = re.compile(r"\bres [0-9a-f]{2}/[0-9a-f:/]+ Emask 0x[0-9a-f]+ \((?P<why>[^)]+)\)")
_ATA_REASONS = {
    "media error": "disk.media_error",
    "timeout": "disk.command_timeout",
    "ATA bus error": "cable.link_reset",
}
"""Why a command failed, as libata classed it. "device error" and "host bus error" say too little."""
_GPU = re.compile(r"NVRM: The NVIDIA GPU ([0-9a-fA-F]{4,8}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2})")
"""Without the function, as an Xid names it: one that is lost is often told in both ways."""
_GPU_LOST = re.compile(r"NVRM: fallen off the bus and is not responding")
_PROVOKED = re.compile(r"sysrq ?: (?:SysRq : )?Trigger a crash|lkdtm: Performing", re.IGNORECASE)
_TEXT = 300
"""Characters of an event's words for people."""
_RECORD_LINES = 40
"""Lines after its first within which a machine-check record's further lines are looked for."""


@dataclass(frozen=True, slots=True)
class Told:
    """An outcome and the line that told it."""

    line: Line
    outcome: Outcome
    words: str = ""
    """For people, where the line itself is a register."""


class LogReader:
    """Feed it with `take`, in order; `finish` gives what was found and begins anew. `whole` reads lines that are a
    form of their own, before anything else looks at them."""

    def __init__(
        self, rules: Sequence[LineRule] = KERNEL, whole: Callable[[Line], Sequence[Told] | None] | None = None
    ) -> None:
        self.identities = Identities()
        # Almost no line holds any of these words; looking for each is faster than one expression over all.
        self._by_needle: dict[str, _Ordered] = {
            needle: tuple((order, one) for order, one in enumerate(rules) if one.needle == needle)
            for needle in {one.needle for one in rules}
        }
        self._whole = whole
        self._begin()

    def _begin(self) -> None:
        self._told: list[Told] = []
        self._record: Record | None = None
        self._record_line = Line("", 0)
        self._block: ghes.Block | None = None
        self._block_line = Line("", 0)
        self._edac_named = False
        self._of_edac: list[Told] = []
        self._provoked = False
        self._port = ""
        self._gpu = ""

    def take(self, line: Line) -> bool:
        """Whether anything of the line is known here."""
        text = line.text
        self.identities.learn(text)
        told = self._whole(line) if self._whole is not None else None
        if told is not None:
            self._told.extend(told)
            return True
        if self._takes_record(line) or self._takes_ata_result(line) or self._takes_lost_gpu(line):
            return True
        lowered = text.lower()
        if ("sysrq" in lowered or "lkdtm" in lowered) and _PROVOKED.search(text):
            self._provoked = True
        rules = [entry for needle, entries in self._by_needle.items() if needle in lowered for entry in entries]
        for _, one in sorted(rules, key=lambda entry: entry[0]):
            match = one.pattern.search(text)
            if match:
                self._edac_named = self._edac_named or _HANDLED_BY_EDAC.search(text) is not None
                self._told.extend(Told(line, outcome) for outcome in one.make(match))
                return True
        return False

    def finish(self) -> tuple[Told, ...]:
        """Everything found since the beginning or the last call, each thing once."""
        self._close_record()
        self._close_block()
        if not self._edac_named:
            # EDAC's own line would have named the module; there was none.
            self._told.extend(self._of_edac)
        told = sorted(self._told, key=lambda one: one.line.number)
        found = tuple(self._identified(one) for one in _each_once(told, provoked=self._provoked))
        self._begin()
        return found

    def _identified(self, told: Told) -> Told:
        return replace(told, outcome=replace(told.outcome, part=self.identities.of(told.outcome.part)))

    # Several lines

    def _takes_ata_result(self, line: Line) -> bool:
        """The result of a command names no port: it is that of the line before."""
        if "ata" not in line.text and "Emask" not in line.text:
            return False
        port = _ATA_PORT.search(line.text)
        if port:
            self._port = port[1]
        match = _ATA_RESULT.search(line.text) if "Emask" in line.text else None
        code = _ATA_REASONS.get(match["why"]) if match else None
        part = disk_lines.disk_part(self._port) if code else None
        if code is None or part is None:
            return False
        self._told.append(Told(line, Found(code, part)))
        return True

    def _takes_lost_gpu(self, line: Line) -> bool:
        """The driver's message over three lines names the GPU in its first one."""
        if "NVRM" not in line.text:
            return False
        named = _GPU.search(line.text)
        if named:
            self._gpu = named[1].lower()
        if _GPU_LOST.search(line.text) is None:
            return False
        self._told.append(Told(line, Found("gpu.lost", Part(component=Component.GPU, slot=self._gpu))))
        return True

    def _takes_record(self, line: Line) -> bool:
        """Whether the line belonged to a machine-check record or an APEI block."""
        text = line.text
        if not any(word in text for word in _OF_RECORDS):
            return False
        if self._starts_record(line):
            return True
        apei = ghes.LINE.search(text)
        if apei and (apei[1] is not None or self._block is not None or ghes.begins(apei[2])):
            self._take_block(apei[1] or "", apei[2], line)
            return True
        return self._record is not None and self._goes_on(self._record, line)

    def _starts_record(self, line: Line) -> bool:
        text = line.text
        match = (
            _CHECK.search(text)
            or _AMD.search(text)
            or _OLD_BANK.match(text)
            or _RASDAEMON.search(text)
            or _BANK.match(text)
        )
        if match is None:
            return False
        groups = match.groupdict()
        self._close_record()
        record = Record(line.number, line.when_ms, cpu=int(groups.get("cpu") or -1))
        record.handled = bool(groups.get("edac"))
        told = groups.get("status")
        if told is None:
            beside = _STATUS.search(text)
            told = beside["status"] if beside else None
        if told:
            record.status = status_of(told, amd=match.re is _AMD)
        socket = re.search(r"socket(?:id)?[= ] ?(\d+)", text, re.IGNORECASE)
        record.socket = int(socket[1]) if socket else -1
        self._record, self._record_line = record, line
        return True

    def _goes_on(self, record: Record, line: Line) -> bool:
        text = line.text
        if line.number - record.line > _RECORD_LINES:
            self._close_record()
            return False
        status = _STATUS.search(text)
        if status and record.status is None:
            record.status = status_of(status["status"])
            return True
        socket = _SOCKET.search(text)
        if socket:
            record.socket = int(socket[1])
        processor = _PROCESSOR.search(text)
        if processor and processor[1] == "2" and record.status is not None:
            record.status = replace(record.status, amd=True)
        unit = _UNIT.search(text)
        if unit:
            record.seen.setdefault("unit", unit["unit"])
        return bool(socket or processor or unit)

    def _close_record(self) -> None:
        record, self._record = self._record, None
        if record is None or record.status is None:
            return
        words = record.status.words() if record.status.valid else "the bank's status is not valid: it holds no error"
        made = [Told(self._record_line, outcome, words) for outcome in machine_check.outcomes(record)]
        if not made:
            made = [Told(self._record_line, Found("", Part(component=Component.CPU)), words)]
        (self._of_edac if record.handled else self._told).extend(made)

    def _take_block(self, key: str, text: str, line: Line) -> None:
        if self._block is None or self._block.key != key or "Hardware error from APEI" in text:
            self._close_block()
            self._block, self._block_line = ghes.Block(key, line.number, line.when_ms), line
        self._block.take(text)

    def _close_block(self) -> None:
        block, self._block = self._block, None
        if block is not None:
            self._told.extend(Told(self._block_line, outcome, _block_words(block)) for outcome in ghes.outcomes(block))


def _block_words(block: ghes.Block) -> str:
    kinds = [section.fields.get("error_type", section.fields.get("section_type", "")) for section in block.sections]
    return f"firmware tells a {block.severity or 'hardware'} error: {'; '.join(kind for kind in kinds if kind)}"


_DISK_OR_MEMORY = (Component.MEMORY, Component.DISK)


def _each_once(told: Iterable[Told], *, provoked: bool) -> Iterator[Told]:
    """Without what another line tells better: an error without a place beside one with a place; the panic that a
    person asked for."""
    listed = list(told)
    placed = {
        (one.outcome.part.component, one.outcome.code)
        for one in listed
        if isinstance(one.outcome, Found) and one.outcome.part.slot
    }
    for one in listed:
        outcome = one.outcome
        if isinstance(outcome, Found):
            component = outcome.part.component
            unplaced = component in _DISK_OR_MEMORY and not outcome.part.slot
            if unplaced and (component, outcome.code) in placed:
                continue
            if provoked and outcome.code == "host.kernel_panic":
                continue
        yield one


def event_of(told: Told, *, erase_stamp: int = 0) -> Event:
    outcome = told.outcome
    assert isinstance(outcome, Found)
    words = f"{told.words}: {told.line.text}" if told.words else told.line.text
    return Event(
        log="kernel",
        erase_stamp=erase_stamp,
        record_id=told.line.number,
        raw=told.line.text.encode(),
        device_ms=told.line.when_ms,
        part=outcome.part,
        code=outcome.code,
        asserted=outcome.asserted,
        sensor="",
        text=words[:_TEXT],
    )


__all__ = ["KERNEL", "Counted", "Found", "LogReader", "Told", "event_of"]
