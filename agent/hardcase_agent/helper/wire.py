"""Frames between the agent and the helper: a fixed little-endian header and a bounded payload, nothing nested.

Used by `server.py` and by `sensors/helper_client.py`. Both sides speak one version; another one is refused by name.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from hardcase_agent.domain import errors
from hardcase_agent.domain.errors import AgentError, MalformedAnswer
from hardcase_agent.helper.process import STDERR_LIMIT, STDOUT_LIMIT

VERSION = 1
IPMI = 1
TOOL = 2
REPLY = 0x80
"""Bit set in the kind of an answer."""

HEADER = struct.Struct("<IBBI")
"""Bytes of payload, version, kind, request id (0 = about the connection itself)."""
IPMI_HEAD = struct.Struct("<IBBB")
"""Deadline in ms, NetFn, LUN, command; the data follow."""
TOOL_HEAD = struct.Struct("<I")
"""Deadline in ms; tool and arguments follow, separated by NUL."""
RESULT_HEAD = struct.Struct("<iI")
"""Exit status, bytes of stdout; stdout and stderr follow."""

REQUEST_LIMIT = 2048
"""Bytes of a request's payload."""
REPLY_LIMIT = STDOUT_LIMIT + STDERR_LIMIT + 4096
DEADLINE_LIMIT_MS = 600_000
"""Longest deadline that may be asked for: the longest tool (a scan over many dead paths) takes minutes."""

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
