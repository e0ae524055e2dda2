"""Reads recorded devices (snmprec) as the objects a look at them would bring."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hardcase_agent.sensors.snmp.values import Oid, Value, parse_oid

FIXTURES = Path(os.environ.get("HARDCASE_FIXTURES", Path(__file__).parents[3] / ".." / "shared" / "fixtures")).resolve()


def captures(folder: str) -> list[Path]:
    """Recordings of one folder of the fixtures; empty where the fixtures are not."""
    return sorted((FIXTURES / "snmp" / folder).glob("*.snmprec"))


def needs_captures() -> None:
    if not (FIXTURES / "snmp").exists():
        pytest.skip(f"the captured hardware data is not here ({FIXTURES}); set HARDCASE_FIXTURES")


def read_capture(path: Path) -> dict[Oid, Value]:
    objects: dict[Oid, Value] = {}
    for line in path.read_text(errors="replace").splitlines():
        fields = line.split("|", 2)
        if len(fields) == 3:
            read = value_of(fields[1], fields[2])
            if read is not None:
                objects[parse_oid(fields[0])] = read
    return objects


def value_of(tag: str, text: str) -> Value | None:
    """None where snmprec says "no value" (tag 5) or holds what its type cannot."""
    try:
        if tag in ("2", "65", "66", "67", "70"):
            return int(text)
        if tag == "6":
            return parse_oid(text)
        if tag == "4x":
            return bytes.fromhex(text)
    except ValueError:
        return None
    return text.encode() if tag == "4" else None
