"""A small HTTP proxy on loopback that passes connections on by CONNECT, for tests of who goes through it.

A context manager on threads of its own; with `user` it wants Basic authorization and answers 407 without.
"""

from __future__ import annotations

import base64
import contextlib
import selectors
import socket
import threading
from types import TracebackType
from typing import Self

CLOSE_S = 60.0


class ConnectProxy:
    def __init__(self, *, user: str = "", password: str = "") -> None:
        self._wanted = f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}" if user else ""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._open: set[socket.socket] = set()
        self.passed: list[str] = []
        """host:port of every connection that was passed on."""
        self.turned_away = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        # A thread in accept() is woken by a connection; a closed listener alone would leave it there.
        with contextlib.suppress(OSError):
            socket.create_connection(self._listener.getsockname(), timeout=CLOSE_S).close()
        self._listener.close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(CLOSE_S)
            assert not thread.is_alive(), "a thread of the proxy hangs"

    def _start(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]  # a function
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        self._open.add(connection)
        with contextlib.suppress(OSError), connection:
            connection.settimeout(CLOSE_S)
            head = b""
            while b"\r\n\r\n" not in head:
                piece = connection.recv(4096)
                if not piece:
                    return
                head += piece
            target = self._target(head.decode("latin-1"))
            if target is None:
                self.turned_away += 1
                connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                return
            host, _, port = target.rpartition(":")
            with socket.create_connection((host.strip("[]"), int(port)), timeout=CLOSE_S) as beyond:
                self._open.add(beyond)
                self.passed.append(target)
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                self._pump(connection, beyond)
        self._open.discard(connection)

    def _target(self, head: str) -> str | None:
        lines = head.split("\r\n")
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
        }
        if self._wanted and headers.get("proxy-authorization") != self._wanted:
            return None
        return lines[0].split()[1]

    def _pump(self, one: socket.socket, other: socket.socket) -> None:
        with selectors.DefaultSelector() as ready:
            ready.register(one, selectors.EVENT_READ, other)
            ready.register(other, selectors.EVENT_READ, one)
            while not self._stopping.is_set():
                for key, _ in ready.select(timeout=0.5):
                    source = key.fileobj
                    assert isinstance(source, socket.socket)
                    piece = source.recv(65536)
                    if not piece:
                        return
                    key.data.sendall(piece)
