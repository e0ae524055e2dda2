"""One line of a kernel or system log: what stands before the message, and when it was written.

Used by `log_reader.py`. Formats: dmesg (plain, -T, -x, iso), printk with <level>, /dev/kmsg records, syslog (RFC 3164
and 5424), journalctl (short forms and -o json), NVIDIA's fabric manager, rasdaemon and ras-mc-ctl dates.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

LONGEST = 1200
"""Characters of a message that are looked at: the kernel's own have at most 1024 with their prefix."""
_LONGEST_ENTRY = 65_536
"""Characters of a line of journalctl -o json, which has some thirty fields beside the message."""


@dataclass(frozen=True, slots=True)
class Line:
    text: str
    """The message without what the log put before it."""
    number: int
    """In the capture, from 1; in the kernel's ring its sequence number."""
    when_ms: int = 0
    """Unix ms; 0 = the line tells no date. A date without zone is taken as UTC."""


_KMSG = re.compile(r"(\d{1,4}),(\d{1,20}),(\d{1,20}),[-c+](?:,[^;]*)?;")
_PRIORITY = re.compile(r"<\d{1,3}>(?:\d )?")
_LEVELS = re.compile(r"(?:kern|user|daemon|syslog)\s*:\s*(?:emerg|alert|crit|err|warn|notice|info|debug)\s*:\s*")
_ISO = re.compile(
    r"\[?(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(?: ?(Z|UTC|[+-]\d\d:?\d\d))?\]?[:,]?\s+"
)
_CTIME = re.compile(
    r"\[?(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\s+(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\s+(\d{1,2})"
    r" (\d\d):(\d\d):(\d\d)(?: [A-Z]{3,4})? (\d{4})\]?:?\s*"
)
_FABRIC = re.compile(
    r"\[(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) (\d{1,2}) (\d{4}) (\d\d):(\d\d):(\d\d)\]\s*"
    r"(?:\[[A-Z]+\] )?(?:\[tid \d+\] )?"
)
_SYSLOG = re.compile(r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d \d\d:\d\d:\d\d ")
_UPTIME = re.compile(r"\[\s*\d+\.\d+\](?:\[\s*[TC]\d+\])?\s?")
_PROCESS = re.compile(
    r"(?:[\w.-]{1,64} )?(?:kernel|smartd|mdadm|mdmonitor|mcelog|rasdaemon|ipmievd|nv-fabricmanager|hp-?\w{1,12}|hpe?log"
    r"|omsad|cmathreshd|cmahealthd)(?:\[\d+\])?: "
)
"""Host and process. Only those whose lines are read: elsewhere "name: " is part of the message."""
_MONTHS = {
    "Jan": 1, "Feb": 2, "Mar": 3, "Apr": 4, "May": 5, "Jun": 6,
    "Jul": 7, "Aug": 8, "Sep": 9, "Oct": 10, "Nov": 11, "Dec": 12,
}  # fmt: skip


def read_line(raw: str, number: int) -> Line:
    """Never fails: what is not recognised stays part of the message."""
    if raw[:1] == "{" and len(raw) <= _LONGEST_ENTRY:
        return _journal(raw, number)
    raw = raw[:LONGEST]
    when, text = 0, raw
    kmsg = _KMSG.match(raw)
    if kmsg:
        return Line(raw[kmsg.end() :], int(kmsg[2]))
    for pattern in (_PRIORITY, _LEVELS):
        match = pattern.match(text)
        text = text[match.end() :] if match else text
    when, text = _date(text)
    match = _SYSLOG.match(text)
    if match:
        # No year: its date is not told.
        text = text[match.end() :]
    process = _PROCESS.match(text)
    text = text[process.end() :] if process else text
    uptime = _UPTIME.match(text)
    return Line(text[uptime.end() :] if uptime else text, number, when)


def _date(text: str) -> tuple[int, str]:
    iso = _ISO.match(text)
    if iso:
        year, month, day, hour, minute, second, fraction, zone = iso.groups()
        clock = (int(year), int(month), int(day), int(hour), int(minute), int(second))
        return _unix_ms(clock, fraction or "", zone or ""), text[iso.end() :]
    ctime = _CTIME.match(text)
    if ctime:
        name, day, hour, minute, second, year = ctime.groups()
        clock = (int(year), _MONTHS[name], int(day), int(hour), int(minute), int(second))
        return _unix_ms(clock), text[ctime.end() :]
    fabric = _FABRIC.search(text[:64])
    if fabric:
        name, day, year, hour, minute, second = fabric.groups()
        clock = (int(year), _MONTHS[name], int(day), int(hour), int(minute), int(second))
        return _unix_ms(clock), text[fabric.end() :]
    return 0, text


def _unix_ms(clock: tuple[int, int, int, int, int, int], fraction: str = "", zone: str = "") -> int:
    offset = UTC
    if zone[:1] in ("+", "-") and zone:
        minutes = int(zone[1:3]) * 60 + int(zone[-2:])
        if minutes >= 24 * 60:
            return 0
        offset = timezone(timedelta(minutes=minutes if zone[0] == "+" else -minutes))
    try:
        moment = datetime(*clock, tzinfo=offset)
    except ValueError:
        return 0
    return int(moment.timestamp()) * 1000 + int((fraction + "000")[:3])


def _journal(raw: str, number: int) -> Line:
    """One entry of journalctl -o json."""
    try:
        entry = json.loads(raw)
        message = entry["MESSAGE"]
        when = int(entry.get("__REALTIME_TIMESTAMP", 0)) // 1000
    except (ValueError, KeyError, TypeError, RecursionError):
        return Line(raw[:LONGEST], number)
    return Line(message[:LONGEST], number, when) if isinstance(message, str) else Line("", number)
