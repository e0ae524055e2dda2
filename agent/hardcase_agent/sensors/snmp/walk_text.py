"""Recorded walks: snmprec, and the text of net-snmp's snmpwalk, as objects. Pure; called by `decoding.py`.

Texts of net-snmp: with -On, -Oe, -Oq, -OQ, -Ot and without; names as far as `symbols.py` knows them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from hardcase_agent.domain.capture import Flaw, Undecoded
from hardcase_agent.sensors.snmp import wording
from hardcase_agent.sensors.snmp.symbols import resolve
from hardcase_agent.sensors.snmp.values import Missing, Oid, Value

_OID = re.compile(r"\.?\d{1,10}(\.\d{1,10}){1,127}")
_START = re.compile(
    r"""(?P<name>
            \.?(?:\d+|iso(?:\.[A-Za-z][\w-]*)*|[A-Za-z][\w-]*::[A-Za-z][\w-]*|[a-z][A-Za-z][\w-]*)
            (?:\.(?:\d+|"(?:[^"\\]|\\.)*"|'[^']*')|\[[^\]\s]*\])*           # its index
        )
        (?:\ =\ ?|\ +=$|\ )(?P<rest>.*)""",
    re.VERBOSE | re.DOTALL,
)
_NUMERIC_START = re.compile(r"(\.?1(?:\.\d+)+) = ?(.*)", re.DOTALL)
"""What nearly every line of a walk looks like: told apart first, because it is quick to."""
_CERTAIN = re.compile(r"\.?1(\.\d+){5,127} = [A-Za-z][\w -]*:")
"""Begins a value even inside a text that was never closed."""
_LONGEST_TEXT = 1 << 16
_SAID = re.compile(
    r"(timeout|snmp\w*:|error( in packet|:)|end of mib|reason:|failed object|authentication failure|unknown (user|host)"
    r"|no log handling|cannot find module|did not find|bad operator|unlinked oid|at line)",
    re.IGNORECASE,
)
_PROMPT = re.compile(r"\s*([#$>]|\S+@\S+[:~].*[#$]|snmp(bulk)?walk\b(?!:))")
_TAG = re.compile(r"(\d{1,3})([xe]?)(?::[\w.]*)?")
_MOST_ARCS = 128
_LONGEST_OID = 128 * 11
_INTEGERS = frozenset({2, 65, 66, 67, 70})
_OCTETS, _OID_TAG, _OPAQUE = 4, 6, 68
_NO_VALUE = frozenset({5, 130})
"""NULL, endOfMibView."""
_MISSING = {128: Missing.NO_SUCH_OBJECT, 129: Missing.NO_SUCH_INSTANCE}


@dataclass(slots=True)
class Recorded:
    """What a recorded walk holds."""

    objects: dict[Oid, Value] = field(default_factory=dict)
    flaws: list[Undecoded] = field(default_factory=list)

    def add(self, oid: Oid, value: Value | None, number: int, said: str) -> None:
        if value is None:
            self.flaws.append(_flaw(Flaw.MALFORMED, f"not a value of its type: {said[:80]!r}", f"line {number}"))
        elif not isinstance(value, Missing):
            self.objects.setdefault(oid, value)


def read_walk(text: str) -> Recorded:
    """Of either form, by which one its lines have."""
    lines = text.split("\n")
    sample = [line for line in lines[:200] if line.strip()]
    recorded = sum(_fields(line) is not None for line in sample)
    return _snmprec(lines) if recorded * 2 > len(sample) else _net_snmp(lines)


def _flaw(flaw: Flaw, message: str, at: str) -> Undecoded:
    return Undecoded(flaw=flaw, message=message[:199], at=at)


def _snmprec(lines: list[str]) -> Recorded:
    recorded = Recorded()
    text_at: Oid | None = None
    for number, line in enumerate(lines, start=1):
        fields = _fields(line)
        if fields is not None:
            text_at = _record(recorded, fields, number)
        elif text_at is not None and line.strip() and _lengthen(recorded, text_at, line):
            continue
        elif line.strip() and not line.startswith("#"):
            flaw = Flaw.TRUNCATED if number >= len(lines) - 1 else Flaw.MALFORMED
            recorded.flaws.append(_flaw(flaw, f"no OID|TYPE|VALUE: {line[:80]!r}", f"line {number}"))
        else:
            text_at = None
    return recorded


def _fields(line: str) -> tuple[str, re.Match[str], str] | None:
    """OID, type and value of a line; None where it is none of snmprec."""
    fields = line.split("|", 2)
    if len(fields) < 3 or len(fields[0]) > _LONGEST_OID or not fields[0].replace(".", "").isdecimal():
        return None
    tag = _TAG.fullmatch(fields[1])
    return None if tag is None else (fields[0], tag, fields[2])


def _record(recorded: Recorded, fields: tuple[str, re.Match[str], str], number: int) -> Oid | None:
    """One line; the OID where a text that may go on in the next line was read."""
    name, kind, text = fields
    oid, tag = _oid(name), int(kind[1])
    if oid is None:
        recorded.flaws.append(_flaw(Flaw.MALFORMED, f"no OID: {name[:80]!r}", f"line {number}"))
        return None
    if tag in _NO_VALUE:
        return None
    recorded.add(oid, _tagged(tag, kind[2], text), number, text)
    return oid if tag == _OCTETS and not kind[2] else None


def _lengthen(recorded: Recorded, oid: Oid, line: str) -> bool:
    """A text of several lines, written as it is; False where there is no such text."""
    text = recorded.objects.get(oid)
    if not isinstance(text, bytes) or len(text) > _LONGEST_TEXT or "|" in line:
        return False
    recorded.objects[oid] = text + b"\n" + line.encode()
    return True


def _tagged(tag: int, form: str, text: str) -> Value | None:
    if tag in _MISSING:
        return _MISSING[tag]
    if tag in _INTEGERS:
        return wording.integer(text)
    if tag == _OID_TAG:
        return _oid(text)
    octets = wording.octets(text) if form == "x" else text.encode()
    if octets is None:
        return None
    return wording.opaque(octets) if tag == _OPAQUE else octets


def _oid(text: str) -> Oid | None:
    # int() alone takes blanks, signs and underscores, too.
    if len(text) > _LONGEST_OID or not text.replace(".", "").isdecimal() or not text.isascii():
        return None
    try:
        oid = tuple(map(int, text.removeprefix(".").split(".")))
    except ValueError:
        return None
    return oid if 2 <= len(oid) <= _MOST_ARCS else None


def _net_snmp(lines: list[str]) -> Recorded:
    recorded = Recorded()
    for number, name, rest in _varbinds(lines, recorded):
        at = f"line {number}"
        oid = resolve(name)
        if oid is None:
            known = "an index that cannot be told" if wording.is_numeric(name) else "a name that is not known here"
            recorded.flaws.append(_flaw(Flaw.UNKNOWN, f"{known}, walk with -On: {name[:80]!r}", at))
            continue
        value, flaw = wording.value_of(rest)
        if flaw:
            recorded.flaws.append(_flaw(Flaw.MALFORMED, f"{flaw}: {rest[:80]!r}", at))
        elif value is not None and not isinstance(value, Missing):
            recorded.objects.setdefault(oid, value)
    return recorded


def _varbinds(lines: list[str], recorded: Recorded) -> Iterator[tuple[int, str, str]]:
    """(line, name, rest): lines of one value joined, words of the tool told as flaws."""
    name, begun_at = "", 0
    more: list[str] = []
    foreign: list[int] = []
    for number, line in enumerate(lines, start=1):
        start = _start(line) if not wording.is_open(more) or _CERTAIN.match(line) else None
        if start is not None:
            if name:
                yield begun_at, name, "\n".join(more)
            name, begun_at, more = start[0], number, [start[1]]
        elif _SAID.match(line.strip()) and not wording.is_open(more):
            recorded.flaws.append(_flaw(Flaw.REFUSED, line.strip(), f"line {number}"))
        elif name and wording.goes_on(more, line):
            more.append(line)
        elif line.strip() and not _PROMPT.match(line[:200]):
            foreign.append(number)
    if name:
        if wording.is_open(more):
            recorded.flaws.append(_flaw(Flaw.TRUNCATED, "the walk ends inside a text", f"line {begun_at}"))
        yield begun_at, name, "\n".join(more)
    _tell_foreign(lines, foreign, bool(name), recorded)


def _tell_foreign(lines: list[str], foreign: list[int], seen: bool, recorded: Recorded) -> None:
    if not seen:
        if not recorded.flaws:
            recorded.flaws.append(_flaw(Flaw.FOREIGN, "no line of a walk was recognised", ""))
        return
    for number in foreign:
        flaw = Flaw.TRUNCATED if number >= len(lines) - 1 else Flaw.MALFORMED
        recorded.flaws.append(_flaw(flaw, f"no line of a walk: {lines[number - 1][:80]!r}", f"line {number}"))


def _start(line: str) -> tuple[str, str] | None:
    """Name and rest of a line that begins a value. Without "=" (-Oq) only a numeric OID counts: a line of a text may
    begin with a word."""
    if (numeric := _NUMERIC_START.match(line)) is not None:
        return numeric[1], numeric[2].strip()
    read = _START.match(line)
    if read is None:
        return None
    name = read["name"]
    marked = line[read.end("name") :].lstrip().startswith("=")
    if not marked and not _OID.fullmatch(name):
        return None
    if name.isdigit() or (not marked and "::" not in name and name.count(".") < 4):
        return None
    return name, read["rest"].lstrip("=").strip() if marked else read["rest"].strip()
