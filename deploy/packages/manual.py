"""The manual pages. What programs take is asked of the programs, settings of the sample configurations; the rest is
written by hand in `man/`, where a line @WORD@ marks the place.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from deploy.packages import roff
from deploy.packages.product import DEPLOY, Product

PAGES = DEPLOY / "packages" / "man"


def pages(product: Product, *, version: str, date: str) -> dict[str, str]:
    """Text of each page of the product by file name, as `hardcase-agent.8`."""
    made = {}
    for path in sorted(PAGES.glob("*.in")):
        text = path.read_text(encoding="utf-8")
        owner = re.match(r'\.\\" package: (\S+)\n', text)
        assert owner is not None, f"{path.name} does not say which package it belongs to"
        if owner[1] == product.name:
            name = path.name.removesuffix(".in")
            made[name] = _filled(text[owner.end() :], _words(product, name, version, date))
    return made


def _words(product: Product, page: str, version: str, date: str) -> dict[str, str]:
    words = {"VERSION": version, "DATE": date}
    if page == "hardcase-agent.8":
        words |= agent_commands()
    elif page == "hardcase-collector.8":
        words |= collector_commands()
    elif page.endswith(".toml.5"):
        words["SETTINGS"] = settings(product.folder / page.removesuffix(".5"))
    return words


def _filled(text: str, words: dict[str, str]) -> str:
    filled = re.sub(r"@([A-Z]+)@", lambda found: words[found[1]], text).rstrip() + "\n"
    # A heading begins a paragraph by itself.
    return re.sub(r"^(\.S[HS] .*\n)\.PP\n", r"\1", filled, flags=re.MULTILINE)


# hardcase-agent: argparse


def agent_commands() -> dict[str, str]:
    """OPTIONS before a command, and COMMANDS."""
    from hardcase_agent.cli import _parser

    parser = _parser()
    commands = []
    for name, command in _subcommands(parser):
        commands.append(roff.subsection(f"hardcase-agent {name} {_usage(command)}".rstrip()))
        commands += [roff.prose(text) for text in (command.description, command.epilog) if text]
        commands += [roff.entry(head, text) for head, text in _arguments(command)]
    options = [roff.entry(head, text) for head, text in _arguments(parser)]
    return {"OPTIONS": "\n".join(options), "COMMANDS": "\n".join(commands)}


def _subcommands(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def _usage(parser: argparse.ArgumentParser) -> str:
    words = parser.format_usage().split()[1:]
    return " ".join(word for word in words if word not in parser.prog.split() and word not in ("[-h]",))


def _arguments(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction | argparse._HelpAction) or action.help == argparse.SUPPRESS:
            continue
        value = action.metavar or action.dest.upper()
        shown = value if isinstance(value, str) else " ".join(value)
        head = ", ".join(action.option_strings) or (shown if action.metavar else action.dest)
        if action.option_strings and action.nargs != 0:
            head += f" {shown}"
        yield head, parser._get_formatter()._expand_help(action) if action.help else ""


# hardcase-collector: typer


def collector_commands() -> dict[str, str]:
    """OPTIONS before a command, and COMMANDS."""
    import typer
    from hardcase_collector.cli import app

    root: Any = typer.main.get_command(app)
    commands = []
    for path, command in _leaves(root, ("hardcase-collector",)):
        words = [_value(one) for one in command.params if one.param_type_name == "argument"]
        commands.append(roff.subsection(" ".join((*path, *words))))
        commands.append(roff.prose(_unset(command.help or "")))
        commands += [roff.entry(head, text) for head, text in _parameters(command)]
    options = [roff.entry(head, text) for head, text in _parameters(root)]
    return {"OPTIONS": "\n".join(options), "COMMANDS": "\n".join(commands)}


def _leaves(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, inner in command.commands.items():
        if not inner.hidden:
            yield from _leaves(inner, (*path, name))


def _parameters(command: Any) -> Iterator[tuple[str, str]]:
    for one in command.params:
        if getattr(one, "hidden", False):
            continue
        if one.param_type_name == "argument":
            if one.help:
                yield _value(one), one.help
        else:
            head = ", ".join((*one.opts, *one.secondary_opts))
            yield head if one.is_flag else f"{head} {_value(one)}", one.help or ""


def _value(one: Any) -> str:
    annotation = one.type_descriptor.annotation
    if get_origin(annotation) is Literal:
        return "|".join(map(str, get_args(annotation)))
    return str(one.metavar or one.name.upper())


def _unset(text: str) -> str:
    """A docstring's paragraphs without the blanks that its function's place gave them."""
    return "\n".join(line.strip() for line in text.splitlines())


# Settings: the sample configurations


SWITCHED_OFF = re.compile(r"# ?(\[{1,2}[\w.]+\]{1,2}|\w+ = .*)$")
SET = re.compile(r"(\w+) = (.*)$")


def settings(sample: Path) -> str:
    """Every setting of a sample with its default and what is said of it; what is off by default as an example."""
    gathered = _Gathered()
    for line in sample.read_text(encoding="utf-8").splitlines():
        off, value = SWITCHED_OFF.match(line), SET.match(line)
        if off:
            gathered.off(off[1])
        elif value:
            gathered.key(f"{value[1]} = {value[2]}")
        elif line.startswith("#"):
            gathered.say(line.lstrip("# "))
        elif line.startswith("["):
            gathered.table(line)
        else:
            gathered.end()
    gathered.end()
    return "\n".join(gathered.parts)


class _Gathered:
    """What was read of a sample and is not yet a part of the page: comments, keys under one comment, an example."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._said: list[str] = []
        self._keys: list[str] = []
        self._example: list[str] = []

    def say(self, words: str) -> None:
        if self._keys or self._example:
            self.end()
        self._said.append(words)

    def key(self, text: str) -> None:
        if self._example:
            self.end()
        self._keys.append(text)

    def table(self, heading: str) -> None:
        """What is said directly before it is said of it."""
        if self._keys or self._example:
            self.end()
        self.parts.append(roff.subsection(heading))
        self.end()

    def off(self, line: str) -> None:
        if not self._example:
            self.end()
        self._example.append(f"    {line}")

    def end(self) -> None:
        said = " ".join(self._said)
        if self._keys:
            self.parts.append(roff.entry(self._keys, said))
        elif said:
            self.parts.append(roff.prose(said))
        if self._example:
            self.parts.append(roff.as_is(self._example))
        for one in (self._said, self._keys, self._example):
            one.clear()
