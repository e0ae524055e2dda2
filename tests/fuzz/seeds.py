"""Captures to damage: those below HARDCASE_FIXTURES and the project's own golden ones, each with its kind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from hardcase_agent.domain.capture import Capture

LARGEST = 120_000
"""Bytes of a seed: what is larger is cut, so that a hundred thousand mutants take minutes."""

_FIXTURES: tuple[tuple[str, str], ...] = (
    # First match wins; patterns are below the folder of captures.
    ("smart/json/**/*.json", "smart"),
    ("smart/text/**/*", "smart"),
    ("smart/nvme-cli/**/*", "smart"),
    ("snmp/**/*.snmprec", "snmp"),
    ("snmp/centreon/**/*", "snmp"),
    ("ipmi/emu/*.emu", "ipmi-emu"),
    ("ipmi/emu/*_smbios.bin", "dmi"),
    ("ipmi/fru_bin/*", "fru"),
    ("ipmi/text/**/*sel*", "sel"),
    ("ipmi/text/**/*fru*", "fru"),
    ("ipmi/text/**/*", "ipmitool"),
    ("kernel/dmidecode/*", "dmi"),
    ("kernel/logs/*", "kernel-log"),
    ("kernel/mce/*", "kernel-log"),
    ("kernel/sysfs/*.json", "edac"),
    ("kernel/proc/mdstat", "arrays"),
    ("raid/**/*", "arrays"),
)
_GOLDEN = {
    "smart": ("smart",),
    "snmp": ("snmp",),
    "arrays": ("arrays",),
    "kernel-log": ("kernel", "kernel-log"),
    "sel": ("sel",),
    "fru": ("fru",),
    "ipmi-emu": ("ipmi",),
}


def seeds(fixtures: Path, golden: Path) -> list[tuple[str, Capture]]:
    """(kind, capture) in a stable order; empty folders give nothing."""
    found: dict[Path, str] = {}
    for pattern, kind in _FIXTURES:
        for path in sorted(fixtures.glob(pattern)) if fixtures.is_dir() else ():
            if path.is_file() and path.stat().st_size:
                found.setdefault(path, kind)
    for kind, folders in _GOLDEN.items():
        for folder in folders:
            for path in sorted((golden / folder).rglob("*")):
                if path.is_file() and path.suffix not in (".py", ".pyc") and "expected" not in path.name:
                    found.setdefault(path, kind)
    captures = [(kind, Capture(path.name, {"": path.read_bytes()[:LARGEST]})) for path, kind in found.items()]
    return captures + list(_sel_cases(fixtures))


def _sel_cases(fixtures: Path) -> Iterator[tuple[str, Capture]]:
    for path in sorted(fixtures.glob("ipmi/sel_cases/*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            case = json.loads(line)
            yield "sel", Capture(case["id"], {"": case["text"].encode()})
