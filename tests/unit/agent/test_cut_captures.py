"""A JSON capture that was cut is said to be cut, wherever that was and whosever it is."""

from __future__ import annotations

import json

import pytest
from hardcase_agent.domain.capture import Capture, Flaw, Undecoded, is_cut_json
from hardcase_agent.sensors.decoders import DECODERS
from hypothesis import given
from hypothesis import strategies as st

DOCUMENT = json.dumps(
    {
        "json_format_version": [1, 0],
        "ok": True,
        "no": None,
        "f": -1.5e-07,
        "text": 'a "b" \\ \u00e9\u4e2d',
        "in": [{"x": False}],
    }
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("length", range(1, len(DOCUMENT)))
def test_every_beginning_of_a_document_is_cut(length: int) -> None:
    assert is_cut_json(DOCUMENT[:length])


@given(st.dictionaries(st.text(max_size=5), VALUES, min_size=1) | st.lists(VALUES, min_size=1), st.data())
def test_every_beginning_of_any_document_is_cut_and_the_whole_is_not(value: object, data: st.DataObject) -> None:
    text = json.dumps(value, ensure_ascii=data.draw(st.booleans()))
    assert not is_cut_json(text)
    assert is_cut_json(text[: data.draw(st.integers(1, len(text) - 1))])


@pytest.mark.parametrize(
    "text", ["", "{]", '{"a": x, "b": 1}', "plain text", '{"a": 1} trailing', "[" * 100_000, '"text"']
)
def test_what_is_whole_broken_or_no_json_is_not_cut(text: str) -> None:
    assert not is_cut_json(text)


@pytest.mark.parametrize("kind", ["smart", "arrays", "edac"])
@pytest.mark.parametrize(
    "text", ['{"json_fo', '{"Controllers": [{"Comm', '{"critical_warning": 0, "temp', '{"/sys/devices": "x']
)
def test_the_decoders_say_so(kind: str, text: str) -> None:
    module = next(one for one in DECODERS if one.kind == kind).module()
    (told,) = module.decode(Capture("cut.json", {"": text.encode()}))
    assert isinstance(told, Undecoded)
    assert told.flaw is Flaw.TRUNCATED
    assert len(told.message) < 200
