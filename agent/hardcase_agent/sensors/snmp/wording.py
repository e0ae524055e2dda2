"""One value as net-snmp writes it: "INTEGER: up(1)", "Hex-STRING: 00 1A", "Timeticks: (12) 0:00:00.12". Pure; called by
`walk_text.py`.
"""

from __future__ import annotations

import re
import struct

from hardcase_agent.sensors.snmp.symbols import resolve
from hardcase_agent.sensors.snmp.values import Missing, Value

_TYPE = re.compile(
    r"(?:Wrong Type \(should be [^)]*\): )?(?P<type>[A-Za-z][A-Za-z0-9-]*(?: Address)?|OPAQUE): ?(?P<rest>.*)",
    re.DOTALL,
)
_WHOLE = re.compile(r"[+-]?\d{1,20}")
_ENUMERATED = re.compile(r"[^\s()]*\((-?\d{1,20})\)(\s.*)?", re.DOTALL)
_HINTED = re.compile(r"([+-]?\d{1,20}(?:\.\d+)?)(?:\s.*)?", re.DOTALL)
_TICKS = re.compile(r"\((\d{1,20})\).*", re.DOTALL)
_CLOCK = re.compile(r"(?:(\d{1,6}):)?(\d{1,6}):(\d{1,6}):(\d{1,2})\.(\d{1,2})")
_HEX_LINE = re.compile(r"\s*(?:[0-9A-Fa-f]{2}\s*)+")
_FLOAT = re.compile(r"(?:Float|Double): (-?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,4})?)", re.IGNORECASE)
_NUMBERS = frozenset(
    {"INTEGER", "Integer32", "Gauge32", "Counter32", "Counter64", "Unsigned32", "UInteger32", "Gauge", "Counter"}
)
_NOT_THERE = (
    ("No Such Object", Missing.NO_SUCH_OBJECT),
    ("No Such Instance", Missing.NO_SUCH_INSTANCE),
    ("No more variables left", Missing.NO_SUCH_OBJECT),
)
_FLOAT_OPAQUE, _DOUBLE_OPAQUE = b"\x9f\x78\x04", b"\x9f\x79\x08"


def value_of(rest: str) -> tuple[Value | None, str]:
    """(value, what is wrong): None and "" where the text says that there is none."""
    rest = rest.strip()
    for words, missing in _NOT_THERE:
        if rest.startswith(words):
            return missing, ""
    typed = _TYPE.match(rest)
    if typed is None or rest.startswith('"'):
        return _untyped(rest), ""
    kind, text = typed["type"], typed["rest"].strip()
    if kind in _NUMBERS:
        value: Value | None = _number(text)
        return value, "" if value is not None else "not a number"
    return _typed(kind, text, rest)


def _typed(kind: str, text: str, whole: str) -> tuple[Value | None, str]:
    match kind:
        case "STRING":
            return _text(text).encode(), ""
        case "Hex-STRING" | "BITS":
            found = octets(re.sub(r"[\[(].*|\w+\(\d+\).*", "", text, flags=re.DOTALL) if kind == "BITS" else text)
            return found, "" if found is not None else "not hexadecimal"
        case "OID":
            oid = resolve(text)
            # The name of an unknown object is text to people, and no state of any profile.
            return (oid, "") if oid is not None else (text.encode(), "")
        case "Timeticks":
            ticks = _ticks(text)
            return ticks, "" if ticks is not None else "not a time"
        case "IpAddress" | "Network Address":
            return text.encode(), ""
        case "Opaque" | "OPAQUE":
            said = _FLOAT.fullmatch(text)
            return (float(said[1]) if said else text.encode()), ""
        case "NULL":
            return None, ""
        case _:
            # A text with a colon in it, of a walk without types (-Oq, -OQ).
            return _untyped(whole), ""


def is_open(lines: list[str]) -> bool:
    """Whether a quoted text begun in these lines has not ended."""
    if not lines:
        return False
    opening = re.match(r'(?:STRING: )?"', lines[0])
    if opening is None:
        return False
    body = "\n".join(lines)[opening.end() :] if len(lines) < 2 else lines[-1]
    return not _closes(body)


def _closes(text: str) -> bool:
    stripped = text.rstrip()
    if not stripped.endswith('"'):
        return False
    before = stripped[:-1]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 0


def goes_on(lines: list[str], line: str) -> bool:
    """Whether a line that begins nothing belongs to the value begun in `lines`."""
    if not lines:
        return False
    first = lines[0]
    if is_open(lines):
        return True
    if first.startswith(("Hex-STRING:", "BITS:")):
        return _HEX_LINE.fullmatch(line) is not None
    if re.match(r'(STRING: )?".*"$', first) and len(lines) == 1:
        return False
    return first.startswith("STRING:") and bool(line.strip())


def is_numeric(name: str) -> bool:
    return name.lstrip(".").split(".", 1)[0].isdigit()


def integer(text: str) -> int | None:
    text = text.strip()
    return int(text) if _WHOLE.fullmatch(text) else None


def octets(text: str) -> bytes | None:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return None


def opaque(value: bytes) -> Value:
    """net-snmp's float or double inside Opaque: context tag 120 or 121."""
    if value[:3] == _FLOAT_OPAQUE and len(value) == 7:
        return float(struct.unpack(">f", value[3:])[0])
    if value[:3] == _DOUBLE_OPAQUE and len(value) == 11:
        return float(struct.unpack(">d", value[3:])[0])
    return value


def _number(text: str) -> Value | None:
    if _WHOLE.fullmatch(text):
        return int(text)
    enumerated = _ENUMERATED.fullmatch(text)
    if enumerated:
        return int(enumerated[1])
    hinted = _HINTED.fullmatch(text)
    if hinted:
        # A display hint: "23.5 degrees" is 235 on the wire, which the text does not tell; the number said is kept.
        return float(hinted[1]) if "." in hinted[1] else int(hinted[1])
    # An enumeration whose number was left out: the word is kept.
    return text.encode() if text and " " not in text else None


def _ticks(text: str) -> int | None:
    if (ticks := _TICKS.fullmatch(text)) is not None:
        return int(ticks[1])
    if (clock := _CLOCK.fullmatch(text)) is not None:
        days, hours, minutes, seconds, hundredths = (int(part or 0) for part in clock.groups())
        return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 100 + hundredths
    return integer(text)


def _untyped(text: str) -> Value | None:
    """Walks with -Oq or -OQ: the kind of value is told by its looks."""
    if text in ("", "NULL"):
        return b"" if text == "" else None
    if _WHOLE.fullmatch(text):
        return int(text)
    if text.startswith('"') and re.fullmatch(r'"(?:[0-9A-Fa-f]{2} )+"', text):
        found = octets(text.strip('"'))
        return found if found is not None else _text(text).encode()
    if text.startswith(".1.") and (oid := resolve(text)) is not None:
        return oid
    if _CLOCK.fullmatch(text):
        return _ticks(text)
    if (enumerated := re.fullmatch(r"[A-Za-z][\w-]*\((-?\d{1,20})\)", text)) is not None:
        return int(enumerated[1])
    return _text(text).encode()


def _text(text: str) -> str:
    if len(text) >= 2 and text[0] == '"' and text[-1] == '"':
        return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
    return text
