"""A receiver of webhooks that notes when each arrived. Used by the benchmarks of latency."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(slots=True)
class Arrivals:
    """Seconds from the deciding reading to the arrival, by case; and how often each event id came."""

    opened: dict[str, float] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)


@contextmanager
def sink() -> Iterator[tuple[str, Arrivals]]:
    """Its URL and what arrived."""
    arrivals = Arrivals()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            now = time.time()
            arrivals.ids[body["id"]] = arrivals.ids.get(body["id"], 0) + 1
            if body["data"]["event"]["code"] == "opened":
                since = datetime.fromisoformat(body["data"]["case"]["since"])
                arrivals.opened[body["subject"]] = now - since.timestamp()
            self.send_response(204)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", arrivals
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
