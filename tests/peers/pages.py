"""An application of pages behind real TLS on loopback, in a thread of its own, for tests that drive a browser."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from hardcase_collector import pki

WITHIN_S = 60


@contextmanager
def served(app: FastAPI, folder: Path) -> Iterator[str]:
    """Its address. The certificate is of an authority that nobody knows."""
    files = pki.ServerFiles.below(folder)
    files.chain.parent.mkdir(parents=True, exist_ok=True)
    pki.make_server(
        pki.Authority.create(("127.0.0.1",), now=datetime.now(UTC)), files, ("127.0.0.1",), now=datetime.now(UTC)
    )
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, ssl_certfile=str(files.chain), ssl_keyfile=str(files.key), log_level="error", lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + WITHIN_S
        while not server.started:
            assert time.monotonic() < deadline, "the pages do not answer"
            time.sleep(0.02)
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(WITHIN_S)
        listener.close()
