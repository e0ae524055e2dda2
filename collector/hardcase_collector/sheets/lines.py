"""Where in a TOML text each key stands: tomllib tells values but no lines, and a mistake is told with its line.

Used by `files.py` alone. The text has already passed tomllib, so only well-formed TOML arrives here.
"""

from __future__ import annotations

import re

_PART = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*""")
_TOKEN = re.compile(r'"""|\'\'\'|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*|[\[\]{}]')


def key_lines(text: str) -> dict[tuple[str, ...], int]:
    """Line (from 1) of each table and key by its whole path; keys inside a value stand where the value begins."""
    lines: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    depth = 0
    quote = ""
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not depth and not quote and stripped and not stripped.startswith("#"):
            if stripped.startswith("["):
                table = _path(stripped.lstrip("["))
                lines.setdefault(table, number)
                continue
            lines.setdefault(table + _path(stripped), number)
        depth, quote = _inside(line, depth, quote)
    return lines


def line_of(lines: dict[tuple[str, ...], int], path: tuple[str, ...]) -> int:
    """The line of this key, or of the nearest enclosing key that has one; 1 where none has."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return 1


def _path(text: str) -> tuple[str, ...]:
    parts: list[str] = []
    position = 0
    while match := _PART.match(text, position):
        parts.append(next(group for group in match.groups() if group is not None))
        position = match.end()
        if text[position : position + 1] != ".":
            break
        position += 1
    return tuple(parts)


def _inside(line: str, depth: int, quote: str) -> tuple[int, str]:
    """Bracket depth and open multi-line quote after this line."""
    position = 0
    while position < len(line):
        if quote:
            end = line.find(quote, position)
            if end < 0:
                return depth, quote
            position, quote = end + 3, ""
            continue
        match = _TOKEN.search(line, position)
        if match is None:
            break
        token, position = match.group(), match.end()
        if token in ('"""', "'''"):
            quote = token
        elif token in "[{":
            depth += 1
        elif token in "]}":
            depth -= 1
    return depth, quote


def entry_lines(text: str, name: str) -> list[dict[tuple[str, ...], int]]:
    """For each entry of the array of tables `[[name]]`, the line of its keys; the entry itself stands at `(name,)`.

    Empty for a text in which a multi-line string looks like such a header.
    """
    rows = text.splitlines()
    heads = [number for number, row in enumerate(rows) if re.match(rf"\s*\[\[\s*{re.escape(name)}\s*\]\]", row)]
    entries: list[dict[tuple[str, ...], int]] = []
    for begins, ends in zip(heads, [*heads[1:], len(rows)], strict=True):
        found = key_lines("\n".join(rows[begins:ends]))
        entries.append({path: line + begins for path, line in found.items()})
    return entries
