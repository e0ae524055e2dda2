"""The running agent's own unix socket: maintenance windows and a short status, for root and the agent's user.

One JSON line each way. `app.py` serves it, `cli.py` asks through `ask`. Who asks is told by the kernel.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pwd
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from hardcase_agent.domain.errors import AccessDenied, AgentError, DeviceAbsent, DeviceHung

SOCKET = "control.sock"
ANSWER_S = 30.0
"""A host that is asked what is wrong with it may be busy, and its agent has a quarter of a processor."""
LONGEST_LINE = 8192
_CREDENTIALS = struct.Struct("3i")

Answer = Mapping[str, Any]
Handler = Callable[[Mapping[str, Any], str], Awaitable[Answer]]
"""Request and the name of who asks; raises AgentError to refuse."""


class ControlServer:
    """Raises AccessDenied from `start` if the socket cannot be made."""

    def __init__(self, state_dir: Path, handler: Handler) -> None:
        self._path = state_dir / SOCKET
        self._handler = handler
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        try:
            self._path.unlink(missing_ok=True)
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
            listener.bind(str(self._path))
            os.chmod(self._path, 0o600)
            self._server = await asyncio.start_unix_server(self._serve, sock=listener, limit=LONGEST_LINE)
        except OSError as error:
            raise AccessDenied(f"{self._path} cannot be made: {error.strerror or error}") from error

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(ANSWER_S):
                answer = await self._answer(reader, writer)
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except (OSError, TimeoutError, ValueError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Answer:
        peer = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        _, uid, _ = _CREDENTIALS.unpack(peer)
        if uid not in (0, os.geteuid()):
            return {"error": f"user {_user(uid)} may not ask this agent; root and {_user(os.geteuid())} may"}
        try:
            request = json.loads(await reader.readline())
            if not isinstance(request, dict):
                return {"error": "not a request"}
            return await self._handler(request, _user(uid))
        except json.JSONDecodeError:
            return {"error": "not a request"}
        except AgentError as error:
            return {"error": str(error)}


async def ask(state_dir: Path, request: Mapping[str, Any], *, longest: int = LONGEST_LINE) -> Answer:
    """The running agent's answer, of at most `longest` bytes.

    Raises DeviceAbsent if none runs, DeviceHung, AccessDenied with its refusal.
    """
    path = state_dir / SOCKET
    try:
        async with asyncio.timeout(ANSWER_S):
            reader, writer = await asyncio.open_unix_connection(str(path), limit=longest)
            try:
                writer.write(json.dumps(request).encode() + b"\n")
                answer = json.loads(await reader.readline())
            finally:
                writer.close()
    except TimeoutError as error:
        raise DeviceHung(f"the agent does not answer on {path}") from error
    except PermissionError as error:
        raise AccessDenied(f"no right to {path}: ask as root or as the agent's user") from error
    except (OSError, ValueError) as error:
        raise DeviceAbsent(f"no agent runs on {path}: systemctl start hardcase-agent") from error
    if "error" in answer:
        raise AccessDenied(str(answer["error"]))
    return dict(answer)


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
