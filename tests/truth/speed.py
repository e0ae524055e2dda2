"""How fast captures are decoded: figures for the table of `make truth`, processor time of this process."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Sequence
from pathlib import Path

from hardcase_agent import decoding
from hardcase_agent.domain.capture import Capture

DRIVES = 1000
AGAIN = 5


def decode_s(kind: str, captures: Sequence[Capture]) -> float:
    """Seconds from bytes to printed lines."""
    began = time.process_time()
    for capture in captures:
        for decoded in decoding.decode(kind, capture):
            json.dumps(decoding.line_of(decoded))
    return time.process_time() - began


def thousand_drives_s(folder: Path) -> float | None:
    """A thousand smartctl files, from as many as there are; None where there is none."""
    files = [Capture(path.name, {"": path.read_bytes()}) for path in sorted(folder.glob("smart/json/**/*.json"))]
    if not files:
        return None
    decode_s("smart", files[:1])
    return decode_s("smart", list(itertools.islice(itertools.cycle(files), DRIVES)))


def server_ms(folder: Path) -> dict[str, float]:
    """Sensor records, FRUs, readings and firmware tables of each captured server, the best of a few runs."""
    told: dict[str, float] = {}
    for emu in sorted(folder.glob("ipmi/emu/*.emu")):
        parts = [("ipmi-emu", Capture(emu.name, {"": emu.read_bytes()}))]
        smbios = emu.with_name(f"{emu.stem}_smbios.bin")
        if smbios.is_file():
            parts.append(("dmi", Capture(smbios.name, {"": smbios.read_bytes()})))
        runs = [sum(decode_s(kind, [capture]) for kind, capture in parts) for _ in range(AGAIN)]
        told[emu.stem] = min(runs) * 1000
    return told
