"""storcli's text output as the document that its `J` would print. Called by `recognise.py` for text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

_RULE = re.compile(r"-{10,}\s*")
_FACT = re.compile(r"([A-Za-z/][^=]{0,80}?)\s+=\s?(.*)")
_TITLE = re.compile(r"(\S.{0,100}?)\s*:\s*")
_JOINED = re.compile(r"(?<=\d)\s+(?=[KMGTPE]?i?B\b|hours\b)|(?<=hours)\s+(?=\+)")
"""Blanks inside one cell: "14.551 TB", "893.75 GiB" (storcli2), "48 hours +"."""
_WIDE = ("Model", "ProdID", "Name")
"""Columns whose cells may hold spaces."""


def parse_text(lines: Sequence[str]) -> dict[str, Any]:
    """Always a document; sections that were not understood are left out."""
    controllers: list[dict[str, Any]] = []
    status: dict[str, Any] = {}
    data: dict[str, Any] = {}
    title = ""
    index = 0
    while index < len(lines):
        line = lines[index].rstrip()
        index += 1
        if _RULE.fullmatch(line.strip()) and line.strip():
            rows, index = _table(lines, index)
            if rows:
                _put(data, title, rows)
            continue
        fact = _FACT.fullmatch(line.strip())
        if fact is not None:
            name, value = fact[1].strip(), fact[2].strip()
            if name in ("CLI Version", "Controller", "Status") and (name in status or name == "CLI Version"):
                status, data, title = {}, {}, ""
            if not status:
                controllers.append({"Command Status": status, "Response Data": data})
            if name in ("CLI Version", "Operating system", "Controller", "Status", "Description") and not title:
                status[name] = int(value) if name == "Controller" and value.isdecimal() else value
            else:
                section = data.setdefault(title or "Basics", {})
                if isinstance(section, dict):
                    section[name] = int(value) if value.isdecimal() and len(value) < 16 else value
            continue
        heading = _TITLE.fullmatch(line.strip())
        if heading is not None:
            title = heading[1]
    return {"Controllers": controllers}


def _put(data: dict[str, Any], title: str, rows: list[dict[str, str]]) -> None:
    """A table stands beside the facts of its section."""
    there = data.get(title)
    if isinstance(there, list):
        there.extend(rows)
    elif isinstance(there, dict):
        there.setdefault("table", []).extend(rows)
    else:
        data[title] = rows


def _table(lines: Sequence[str], index: int) -> tuple[list[dict[str, str]], int]:
    """Rows of a table whose first rule stands before `index`; and where to go on."""
    if index + 1 >= len(lines) or not _RULE.fullmatch(lines[index + 1].strip()):
        return [], index
    header = lines[index].split()
    value_at = lines[index].find("Value") if header == ["Property", "Value"] else -1
    rows: list[dict[str, str]] = []
    index += 2
    while index < len(lines):
        line = lines[index].strip()
        index += 1
        if not line or _RULE.fullmatch(line):
            break
        row = lines[index - 1]
        rows.append(_row(header, row) if value_at < 0 else _property(row, value_at))
    return rows, index


def _property(line: str, value_at: int) -> dict[str, str]:
    """Both cells hold spaces ("Replacement required", "28 C"): the place tells them apart, or else the gap."""
    if line[value_at - 1 : value_at].isspace() and line[:value_at].strip():
        return {"Property": line[:value_at].strip(), "Value": line[value_at:].strip()}
    name, *value = re.split(r"\s{2,}", line.strip(), maxsplit=1)
    return {"Property": name, "Value": value[0] if value else ""}


def _row(header: Sequence[str], line: str) -> dict[str, str]:
    cells = _JOINED.sub("\0", line).split()
    spare = len(cells) - len(header)
    wide = next((column for column in _WIDE if column in header), header[-1])
    if spare > 0:
        at = header.index(wide)
        cells[at : at + spare + 1] = [" ".join(cells[at : at + spare + 1])]
    return {name: cell.replace("\0", " ") for name, cell in zip(header, cells, strict=False)}
