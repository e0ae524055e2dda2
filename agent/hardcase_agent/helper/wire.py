"""Frames between the agent and the helper: a fixed little-endian header and a bounded payload, nothing nested.

Used by `server.py` and by `sensors/helper_client.py`. Both sides speak one version; another one is refused by name.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

from hardcase_agent.domain import errors
from hardcase_agent.domain.errors import AgentError, MalformedAnswer
from hardcase_agent.helper.process import STDERR_LIMIT, STDOUT_LIMIT

VERSION = 1
IPMI = 1
TOOL = 2
IPMI_MANY = 3
IPMI_BEHIND = 4
REPLY = 0x80
"""Bit set in the kind of an answer."""

HEADER = struct.Struct("<IBBI")
"""Bytes of payload, version, kind, request id (0 = about the connection itself)."""
IPMI_HEAD = struct.Struct("<IBBB")
"""Deadline in ms, NetFn, LUN, command; the data follow."""
BEHIND_HEAD = struct.Struct("<IBBBBB")
"""Deadline in ms, channel and slave address of a controller behind the BMC, NetFn, LUN, command; the data follow."""
MANY_HEAD = struct.Struct("<II")
"""Milliseconds until no request is begun any more, deadline of each in ms; the requests follow."""
MANY_ITEM = struct.Struct("<BBBB")
"""NetFn, LUN, command, bytes of data; the data follow."""
MANY_ANSWER = struct.Struct("<H")
"""Bytes of one answer, completion code first; they follow. NO_ANSWER: the rest is the error that ended it."""
NO_ANSWER = 0xFFFF
TOOL_HEAD = struct.Struct("<I")
"""Deadline in ms; tool and arguments follow, separated by NUL."""
RESULT_HEAD = struct.Struct("<iI")
"""Exit status, bytes of stdout; stdout and stderr follow."""

REQUEST_LIMIT = 2048
"""Bytes of a request's payload."""
REPLY_LIMIT = STDOUT_LIMIT + STDERR_LIMIT + 4096
DEADLINE_LIMIT_MS = 600_000
"""Longest deadline that may be asked for: the longest tool (a scan over many dead paths) takes minutes."""

Asked = tuple[int, int, int, bytes]
"""NetFn, LUN, command, data."""

OUTCOMES: tuple[type[AgentError] | None, ...] = (
    None,
    errors.DeviceHung,
    errors.OutputFlood,
    errors.ToolMissing,
    errors.AccessDenied,
    errors.DeviceAbsent,
    errors.DeviceFailed,
    errors.DeviceBusy,
    errors.Unsupported,
    errors.MalformedAnswer,
)
"""First byte of an answer's payload is an index of this; None = what was asked for follows, else a message in UTF-8."""


def pack(kind: int, request: int, payload: bytes) -> bytes:
    return HEADER.pack(len(payload), VERSION, kind, request) + payload


def pack_tool(deadline_ms: int, tool: str, arguments: Sequence[str]) -> bytes:
    return TOOL_HEAD.pack(deadline_ms) + "\0".join((tool, *arguments)).encode()


def pack_many(until_ms: int, each_ms: int, asked: Iterable[Asked]) -> bytes:
    """Raises ValueError for data of more than 255 bytes: no request of the list has as much."""
    items = []
    for netfn, lun, command, data in asked:
        if len(data) > 0xFF:
            raise ValueError(f"{len(data)} bytes of data")
        items.append(MANY_ITEM.pack(netfn, lun, command, len(data)) + data)
    return MANY_HEAD.pack(until_ms, each_ms) + b"".join(items)


def unpack_many(payload: bytes) -> tuple[int, int, list[Asked]]:
    """Raises struct.error, MalformedAnswer."""
    until_ms, each_ms = MANY_HEAD.unpack_from(payload)
    asked: list[Asked] = []
    at = MANY_HEAD.size
    while at < len(payload):
        netfn, lun, command, length = MANY_ITEM.unpack_from(payload, at)
        at += MANY_ITEM.size + length
        if at > len(payload):
            raise MalformedAnswer("a request is cut short")
        asked.append((netfn, lun, command, payload[at - length : at]))
    return until_ms, each_ms, asked


def pack_answers(answers: Iterable[bytes], error: AgentError | None) -> bytes:
    found = b"".join(MANY_ANSWER.pack(len(answer)) + answer for answer in answers)
    return found if error is None else found + MANY_ANSWER.pack(NO_ANSWER) + pack_error(error)


def unpack_answers(body: bytes) -> tuple[tuple[bytes, ...], AgentError | None]:
    """Raises MalformedAnswer."""
    answers: list[bytes] = []
    at = 0
    while at < len(body):
        try:
            (length,) = MANY_ANSWER.unpack_from(body, at)
        except struct.error as error:
            raise MalformedAnswer("the answers are cut short") from error
        at += MANY_ANSWER.size
        if length == NO_ANSWER:
            try:
                outcome_of(body[at:])
            except AgentError as error:
                return tuple(answers), error
            raise MalformedAnswer("an error without a name")
        if at + length > len(body):
            raise MalformedAnswer("the answers are cut short")
        answers.append(body[at : at + length])
        at += length
    return tuple(answers), None


def pack_error(error: AgentError) -> bytes:
    outcome = OUTCOMES.index(type(error)) if type(error) in OUTCOMES else OUTCOMES.index(errors.DeviceFailed)
    return bytes((outcome,)) + str(error)[:400].encode(errors="replace")


def check_header(header: bytes, limit: int) -> tuple[int, int, int]:
    """(bytes of payload, kind, request id). Raises MalformedAnswer for another version or too long a payload."""
    length, version, kind, request = HEADER.unpack(header)
    if version != VERSION:
        raise MalformedAnswer(
            f"speaks protocol {version} where {VERSION} is spoken: agent and helper differ in version"
        )
    if length > limit:
        raise MalformedAnswer(f"a frame of {length} bytes; the limit is {limit}")
    return length, kind, request


def outcome_of(payload: bytes) -> bytes:
    """The body of a good answer. Raises the error that the helper named."""
    if not payload or payload[0] >= len(OUTCOMES):
        raise MalformedAnswer("an answer without a known outcome")
    error = OUTCOMES[payload[0]]
    if error is not None:
        raise error(payload[1:].decode(errors="replace"))
    return payload[1:]
