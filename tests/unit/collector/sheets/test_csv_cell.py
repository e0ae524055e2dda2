"""Cells of CSV against spreadsheets that run what they read."""

from __future__ import annotations

import pytest
from hardcase_collector.sheets.csv_cell import bare, guarded
from hypothesis import given
from hypothesis import strategies as some

TEXTS = some.text(alphabet="aZ'=+-@\t\r\n ,;\"", max_size=8)


@given(text=TEXTS)
def test_every_text_comes_back(text: str) -> None:
    assert bare(guarded(text)) == text


@given(text=TEXTS)
def test_no_cell_begins_as_a_formula_does(text: str) -> None:
    assert guarded(text) == "-" or guarded(text)[:1] not in tuple("=+-@\t\r")


@pytest.mark.parametrize("plain", ["", "-", "a=b", "'quoted'", "7+", " =1"])
def test_what_is_no_formula_stays_as_it_is(plain: str) -> None:
    assert guarded(plain) == plain


def test_what_somebody_typed_with_an_apostrophe_keeps_it() -> None:
    assert bare("'tis") == "'tis"
