"""The manual pages are true: every option the programs know and every setting of the samples stands in them."""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from hardcase_agent.cli import _parser
from hardcase_collector.cli import app

from deploy.packages import manual
from deploy.packages.product import PRODUCTS

NAMES = {
    "hardcase-agent": {"hardcase-agent.8", "hardcase-helper.8", "agent.toml.5"},
    "hardcase-collector": {"hardcase-collector.8", "collector.toml.5"},
}
OPTION = re.compile(r"^ +(?:-\w, )?(--[a-z][a-z-]+)", re.MULTILINE)


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    """As a reader sees them: the escapes undone."""
    made: dict[str, str] = {}
    for product in PRODUCTS:
        found = manual.pages(product, version="1.2.3", date="2026-01-02")
        assert set(found) == NAMES[product.name]
        made |= found
    return made


def plain(page: str) -> str:
    return page.replace("\\-", "-").replace("\\(dq", '"').replace("\\e", "\\").replace("\\&", "")


def of_command(page: str, heading: str) -> str:
    """What stands below a command's own heading."""
    found = re.search(rf'^\.SS "{re.escape(heading)}(?=[ "]).*?(?=^\.S[HS] )', page, re.MULTILINE | re.DOTALL)
    assert found is not None, heading
    return found[0]


def parsers(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def test_every_command_of_the_agent_has_its_options_in_the_page(pages: dict[str, str]) -> None:
    page = plain(pages["hardcase-agent.8"])
    commands = dict(parsers(_parser()))

    assert {"run", "enroll", "doctor", "decode"} <= set(commands)
    for name, command in commands.items():
        options = set(OPTION.findall(command.format_help()))
        told = of_command(page, f"hardcase-agent {name}")
        assert [one for one in options - {"--help"} if one not in told] == [], name


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, inner in command.commands.items():
        if not inner.hidden:
            yield from leaves(inner, (*path, name))


def test_every_command_of_the_collector_has_its_options_in_the_page(
    pages: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("typer.core.HAS_RICH", False)  # Plain help: drawn tables of so many take a minute.
    page = plain(pages["hardcase-collector.8"])
    commands = list(leaves(typer.main.get_command(app)))

    assert len(commands) > 80
    for path, command in commands:
        with command.make_context(path[-1], [], resilient_parsing=True) as context:
            options = set(OPTION.findall(command.get_help(context)))
        assert "--help" in options
        told = of_command(page, " ".join(("hardcase-collector", *path)))
        assert [one for one in options - {"--help"} if one not in told] == [], path


def test_every_option_of_the_helper_stands_in_its_page(root: Path, pages: dict[str, str]) -> None:
    source = (root / "agent/hardcase_agent/helper/__main__.py").read_text(encoding="utf-8")
    from hardcase_agent.helper.switches import SWITCHES, option

    known = {*re.findall(r'"(--[a-z-]+)"', source), *map(option, SWITCHES)}
    page = plain(pages["hardcase-helper.8"])
    assert len(known) > 5
    assert [one for one in sorted(known) if one not in page] == []


def keys(table: dict[str, Any]) -> Iterator[str]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield f"[{key}]"
            yield from keys(value)
        else:
            yield key


@pytest.mark.parametrize("short", ["agent", "collector"])
def test_every_setting_stands_in_its_page_with_its_default(root: Path, pages: dict[str, str], short: str) -> None:
    text = (root / f"deploy/{short}/{short}.toml").read_text(encoding="utf-8")
    page = plain(pages[f"{short}.toml.5"])

    for key in keys(tomllib.loads(text)):
        assert (f'.SS "{key}"' if key.startswith("[") else f".B {key} = ") in page, key
    for line in re.findall(r"^\w+ = .*$", text, re.MULTILINE):
        assert f".B {line}" in page


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="needs the Debian package mandoc")
def test_the_pages_are_right_to_a_reader_that_minds(pages: dict[str, str], tmp_path: Path) -> None:
    for name, text in pages.items():
        page = tmp_path / name
        page.write_text(text, encoding="utf-8")
        said = subprocess.run(
            ["mandoc", "-T", "lint", "-W", "warning", str(page)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert said.stdout + said.stderr == "", name
        assert "1.2.3" in text
        assert not re.search(r"@[A-Z]+@", text)
