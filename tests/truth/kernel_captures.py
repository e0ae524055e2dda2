"""Where the captures of kernels and firmware stand below a folder. Used by `kernel.py` and `kernel_verdicts.py`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hardcase_agent import decoding

ALERTS = {"KERNDTLB": True, "KERNSTOR": True}
"""Blue Gene's alert categories that name the hardware of a node; the others are of applications and file systems."""


def read(kind: str, path: Path) -> list[Any]:
    return list(decoding.decode(kind, decoding.read(path)))


def trees(folder: Path) -> Iterator[tuple[Path, Path]]:
    """(tree, metrics): node_exporter's, whatever form the tree is kept in."""
    for metrics in sorted(folder.glob("**/*node_exporter*expected*metrics*")):
        for tree in sorted(metrics.parent.glob("*node_exporter*sys*")):
            if tree != metrics:
                yield tree, metrics


def dmi_texts(folder: Path) -> Iterator[Path]:
    yield from sorted(path for path in folder.glob("**/dmidecode/*") if path.is_file() and path.suffix != ".bin")


def labelled_lines(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in sorted(folder.glob("**/*kmsg_labelled_lines*.jsonl")):
        for raw in path.read_text(encoding="utf-8").splitlines():
            if raw.strip():
                yield path, json.loads(raw)
