"""From files and folders of TOML sheets to trees and the lines of their keys. Used by the readers of rules and plans.

`read_texts` reads files, when sheets are loaded and only then; `parse` is pure.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from hardcase_collector.domain.toml_tree import tree_of
from hardcase_collector.sheets.lines import key_lines
from hardcase_collector.sheets.table import Mistakes


def read_texts(shipped: Path | None, paths: Iterable[Path], mistakes: Mistakes) -> dict[str, str]:
    """Name -> text of the shipped sheets and, after them, of these files and folders of `*.toml`."""
    texts: dict[str, str] = {}
    for path in [*([shipped] if shipped else ()), *paths]:
        for file in sorted(path.glob("*.toml")) if path.is_dir() else [path]:
            try:
                texts[file.name if path == shipped else str(file)] = file.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                mistakes.add(str(file), 1, "", f"cannot be read: {error}")
    return texts


def parse(
    file: str, text: str, sections: Collection[str], mistakes: Mistakes
) -> tuple[Mapping[str, object], dict[tuple[str, ...], int]]:
    """The tree and the line of each key; both empty where it is not TOML."""
    try:
        tree = tree_of(text)
    except ValueError as error:
        where = re.search(r"line (\d+)", str(error))
        line = int(where[1]) if where else max(1, text.count("\n"))
        mistakes.add(file, line, "", f"not TOML: {error}")
        return {}, {}
    lines = key_lines(text)
    for key in tree:
        if key not in sections:
            mistakes.add(file, lines.get((key,), 1), key, "unknown key")
    return tree, lines
