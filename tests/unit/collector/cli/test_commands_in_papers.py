"""Every command that collector/README.md names exists, and every command that exists is named there."""

from __future__ import annotations

import re
from pathlib import Path

import click
import typer
from hardcase_collector.cli import app


def commands(group: click.Command, prefix: str = "") -> set[str]:
    nested = getattr(group, "commands", None)
    if nested is None:
        return {prefix.strip()}
    return {name for word, command in nested.items() for name in commands(command, f"{prefix} {word}")}


def named(text: str) -> set[str]:
    """Commands of the table's first column; "cases ack`, `note`" leaves the group out after the first."""
    found: set[str] = set()
    for row in re.findall(r"^\| (`.*?) \| [^|]*\|$", text, re.MULTILINE):
        group = ""
        for entry in re.findall(r"`([^`]+)`", row.replace("\\|", "/")):
            words = [word for word in entry.split() if re.fullmatch(r"[a-z-]+(/[a-z]+)?", word)]
            if len(words) == 1 and group:
                words = [group, *words]
            group = words[0] if len(words) > 1 else ""
            ends = words[-1].split("/")
            found |= {" ".join([*words[:-1], end]) for end in ends}
    return found


def test_the_papers_name_every_command(root: Path) -> None:
    text = (root / "collector/README.md").read_text(encoding="utf-8")
    existing = commands(typer.main.get_command(app))
    table = text[text.index("## Commands") : text.index("Exit codes")]
    said = named(table)

    missing = {name for name in existing if not any(name in entry or entry.startswith(name) for entry in said)}
    assert missing == set()


def test_every_command_explains_itself() -> None:
    silent = []

    def walk(command: click.Command, name: str) -> None:
        for word, inner in getattr(command, "commands", {}).items():
            walk(inner, f"{name} {word}")
        if not command.help:
            silent.append(name)

    walk(typer.main.get_command(app), "hardcase-collector")
    assert silent == []
