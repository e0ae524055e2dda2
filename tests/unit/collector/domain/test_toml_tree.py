"""What TOML is taken: a tree that can be walked, and numbers that a store holds; all else is a mistake with a text."""

from __future__ import annotations

import tomllib

import pytest
from hardcase_collector.config import parse
from hardcase_collector.domain.errors import ConfigError
from hardcase_collector.domain.toml_tree import DEEPEST, tree_of
from hardcase_collector.registry.toml_text import tables_of
from hardcase_collector.sheets.table import Mistakes

DEEP = ["a = " + "[" * 5000 + "]" * 5000, "a = " + "{b=" * 2000 + "1" + "}" * 2000, ".".join("b" * 3000) + " = 1"]
LONG = ["a = " + "1" * 5000, f"a = {1 << 63}", "a = [{b = 0x" + "f" * 5000 + "}]"]


def test_the_deepest_that_is_taken() -> None:
    arrays = DEEPEST - 1
    assert tree_of("a = " + "[" * arrays + "]" * arrays)
    with pytest.raises(ValueError, match="levels deep"):
        tree_of("a = " + "[" * DEEPEST + "1" + "]" * DEEPEST)


def test_every_number_that_toml_must_hold_is_taken() -> None:
    assert tree_of(f"a = [{(1 << 63) - 1}, {-(1 << 63)}, true, 1.5]")


@pytest.mark.parametrize("text", DEEP)
def test_what_is_nested_without_end_is_a_mistake(text: str) -> None:
    with pytest.raises(ValueError, match="levels deep"):
        tree_of(text)


@pytest.mark.parametrize("text", LONG)
def test_a_number_without_end_is_a_mistake(text: str) -> None:
    with pytest.raises(ValueError, match="64 bits"):
        tree_of(text)


def test_a_mistake_of_the_syntax_keeps_its_line() -> None:
    with pytest.raises(tomllib.TOMLDecodeError, match="line 2"):
        tree_of("a = 1\nb =\n")


@pytest.mark.parametrize("text", [*DEEP, *LONG])
def test_the_configuration_and_the_books_tell_it_as_a_mistake(text: str) -> None:
    with pytest.raises(ConfigError, match=r"levels deep|64 bits"):
        parse(text, origin="collector.toml")
    mistakes = Mistakes()
    assert list(tables_of("books.toml", text, mistakes)) == []
    assert "levels deep" in str(mistakes.found) or "64 bits" in str(mistakes.found)
