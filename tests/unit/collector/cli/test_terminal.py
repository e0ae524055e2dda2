"""What callers and customers wrote is told to a terminal, never obeyed by it."""

from __future__ import annotations

import json

import pytest
from hardcase_collector.commands import talk

RETITLES = "\x1b]0;root\x07 \x9b31m red \u202eback"


def test_neither_lines_nor_tables_carry_orders_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    talk.say(RETITLES)
    talk.complain(RETITLES)
    talk.show_table(RETITLES, ("what",), [(RETITLES,)], empty="")
    talk.show_facts({"what": RETITLES})
    talk.show_json({"what": RETITLES})
    out, err = capsys.readouterr()
    for order in "\x1b\x07\x9b\u202e":
        assert order not in out + err
    assert out.count("\\u001b]0;root") == 5
    assert err.count("\\u001b]0;root") == 1


def test_json_says_the_same_as_before(capsys: pytest.CaptureFixture[str]) -> None:
    talk.show_json({"what": RETITLES, "lines": "a\nb\t张伟"})
    assert json.loads(capsys.readouterr().out) == {"what": RETITLES, "lines": "a\nb\t张伟"}


def test_texts_keep_their_lines(capsys: pytest.CaptureFixture[str]) -> None:
    talk.say("a\n\tb")
    assert capsys.readouterr().out == "a\n\tb\n"


def test_the_title_of_a_narrow_table_stays_on_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    talk.show_table("quote 1: open, valid until 2026-12-07", ("a",), [("1",)], empty="")
    assert capsys.readouterr().out.splitlines()[0].rstrip() == "quote 1: open, valid until 2026-12-07"
