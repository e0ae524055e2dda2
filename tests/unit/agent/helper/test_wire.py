"""Frames between agent and helper: bounded, versioned, every error named again on the other side."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hardcase_agent.domain import errors
from hardcase_agent.domain.errors import AgentError, MalformedAnswer
from hardcase_agent.helper import wire
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize("kind", [kind for kind in wire.OUTCOMES if kind is not None])
def test_every_named_error_arrives_as_itself(kind: type[AgentError]) -> None:
    with pytest.raises(kind, match="why and what to do"):
        wire.outcome_of(wire.pack_error(kind("why and what to do")))


def test_an_error_without_a_number_arrives_as_a_failed_device() -> None:
    with pytest.raises(errors.DeviceFailed, match="odd"):
        wire.outcome_of(wire.pack_error(errors.SpoolFailed("odd")))


@pytest.mark.parametrize("payload", [b"", b"\xff", bytes([len(wire.OUTCOMES)])])
def test_an_outcome_that_is_not_known_is_malformed(payload: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        wire.outcome_of(payload)


def test_a_frame_of_another_version_is_refused_by_number() -> None:
    with pytest.raises(MalformedAnswer, match="protocol 9"):
        wire.check_header(wire.HEADER.pack(0, 9, wire.TOOL, 1), wire.REQUEST_LIMIT)


def test_a_frame_above_the_limit_is_refused_before_it_is_read() -> None:
    with pytest.raises(MalformedAnswer, match="limit"):
        wire.check_header(wire.HEADER.pack(wire.REQUEST_LIMIT + 1, wire.VERSION, wire.TOOL, 1), wire.REQUEST_LIMIT)


def test_a_long_message_is_cut() -> None:
    assert len(wire.pack_error(errors.DeviceFailed("x" * 100_000))) < 1000


@given(st.lists(st.tuples(*(st.integers(0, 255),) * 3, st.binary(max_size=255)), max_size=70))
def test_many_requests_come_back_as_they_were(asked: list[wire.Asked]) -> None:
    assert wire.unpack_many(wire.pack_many(7, 9, asked)) == (7, 9, asked)


@given(st.lists(st.binary(max_size=300), max_size=70), st.booleans())
def test_many_answers_come_back_with_the_error_that_ended_them(answers: list[bytes], ended: bool) -> None:
    error = errors.DeviceHung("no answer") if ended else None
    back, told = wire.unpack_answers(wire.pack_answers(answers, error))
    assert list(back) == answers
    assert (type(told), str(told)) == (type(error), str(error))


@given(st.binary(max_size=64))
def test_whatever_comes_as_many_is_read_or_refused_by_name(junk: bytes) -> None:
    for read in (wire.unpack_many, wire.unpack_answers):
        with contextlib.suppress(struct.error, errors.MalformedAnswer):
            read(junk)
