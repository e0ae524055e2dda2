"""A receiver of webhooks: checks each signature as the Standard Webhooks specification asks, and writes down what came.

Standard library alone, and nothing of Hardcase: what is right here is right for any receiver. The demo runs it as a
program; tests use `Sink` and may have it fail by script.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

# The specification: an older (or newer) message is a replay.
TOLERANCE_S = 300
_LONGEST_BODY = 1 << 20


@dataclass(frozen=True, slots=True)
class Received:
    """One request that arrived, whatever was answered."""

    id: str
    status: int
    body: dict[str, Any]
    at_s: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What to answer instead of 204."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    before_s: float = 0.0
    """Waits this long first (or until the sink stops)."""
    about: str = ""
    """Kept for the first message about this case; "" = for whatever comes."""


def verify(key: bytes, headers: Any, body: bytes, *, now_s: float) -> str:
    """ "" or why this message is refused."""
    message, at, signatures = (headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
    if not at.isdigit() or abs(now_s - int(at)) > TOLERANCE_S:
        return "its time is missing or too far from now"
    signed = b".".join((message.encode(), at.encode(), body))
    wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    for signature in signatures.split(" "):
        version, _, value = signature.partition(",")
        if version == "v1" and hmac.compare_digest(value, wanted):
            return ""
    return "no signature fits"


class Sink(AbstractContextManager["Sink"]):
    """An HTTP server on loopback. `script`: answers for the next requests; afterwards 204 for what is signed."""

    def __init__(
        self,
        secret: str,
        *,
        port: int = 0,
        script: Iterable[Answer] = (),
        took: Callable[[Received], None] | None = None,
        clock_s: Callable[[], float] = time.time,
    ) -> None:
        self.received: list[Received] = []
        self.refused: list[str] = []
        self.script = deque(script)
        self._key = base64.b64decode(secret.removeprefix("whsec_"))
        self._took = took
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    def ids(self) -> list[str]:
        """Ids of what was taken, in order, once for each time it came."""
        with self._lock:
            return [one.id for one in self.received if 200 <= one.status < 300]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._server.shutdown()
        self._thread.join(timeout=10)
        self._server.server_close()

    def take(self, headers: Any, body: bytes) -> Answer:
        trouble = verify(self._key, headers, body, now_s=self._clock_s())
        with self._lock:
            if trouble:
                self.refused.append(trouble)
                return Answer(401)
            told = json.loads(body)
            fits = bool(self.script) and self.script[0].about in ("", told.get("subject"))
            answer = self.script.popleft() if fits else Answer(204)
            one = Received(headers.get("webhook-id", ""), answer.status, told, self._clock_s())
            self.received.append(one)
            if self._took is not None:
                self._took(one)
        if answer.before_s:
            self._stopped.wait(answer.before_s)
        return answer

    def _handler(sink: Self) -> type[BaseHTTPRequestHandler]:  # the handler has a self of its own
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                told = self.headers.get("content-length")
                if told is None:
                    self._answer(Answer(411))
                    return
                length = int(told)
                if length > _LONGEST_BODY:
                    self._answer(Answer(413))
                    return
                body = self.rfile.read(length)
                if len(body) < length:
                    # Cut off in the middle, as by a sender that was killed: no request, and nobody to answer.
                    self.close_connection = True
                    return
                self._answer(sink.take(self.headers, body))

            def _answer(self, answer: Answer) -> None:
                try:
                    self.send_response(answer.status)
                    for name, value in answer.headers.items():
                        self.send_header(name, value)
                    if answer.status != 204:
                        self.send_header("content-length", str(len(answer.body)))
                    self.end_headers()
                    self.wfile.write(answer.body)
                except OSError:
                    self.close_connection = True

            def log_message(self, format: str, *arguments: Any) -> None:
                return

        return Handler


def main() -> None:
    parser = argparse.ArgumentParser(description="Takes signed webhooks and writes them down, one JSON object a line.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--secret-file", type=Path, required=True, help="holds whsec_...")
    parser.add_argument("--log", type=Path, required=True)
    options = parser.parse_args()
    with options.log.open("a", encoding="utf-8") as log:

        def write_down(one: Received) -> None:
            line = {"id": one.id, "status": one.status, "at": one.at_s, "body": one.body}
            log.write(json.dumps(line, ensure_ascii=False) + "\n")
            log.flush()

        secret = options.secret_file.read_text(encoding="ascii").strip()
        with Sink(secret, port=options.port, took=write_down):
            try:
                threading.Event().wait()
            except KeyboardInterrupt:
                return


if __name__ == "__main__":
    main()
