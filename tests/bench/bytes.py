"""Bytes a sample: on the wire with TLS, counted by a relay that stands between, and sealed on disk."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.bench.load import Orders
from tests.bench.processes import Row, check_recount, collector, load

DAY_MS = 86_400_000
SENSORS = 120


class Relay:
    """Passes TCP on, both ways, and counts what goes each way (payload of TCP, TLS records included)."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.up = self.down = 0
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._target))
            for source, sink, up in ((near, far, True), (far, near, False)):
                threading.Thread(target=self._pass, args=(source, sink, up), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, up: bool) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
                with self._lock:
                    if up:
                        self.up += len(data)
                    else:
                        self.down += len(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            source.close()
            sink.close()

    def close(self) -> None:
        self._listener.close()


@contextmanager
def relay(address: str) -> Iterator[tuple[Relay, str]]:
    standing = Relay(int(address.rpartition(":")[2]))
    try:
        yield standing, f"localhost:{standing.port}"
    finally:
        standing.close()


def run(agents: int = 20, frames: int = 1440, per_message: int = 6) -> list[Row]:
    """A day of one frame a minute; six frames a message, as agents send when nothing is urgent."""
    with collector(agents) as (process, address, folder), relay(address) as (counted, near):
        orders = Orders(
            address=near, folder=str(folder), agents=agents, frames=frames, per_message=per_message, sensors=SENSORS,
            period_ms=60_000, compression=True,
        )  # fmt: skip
        with load(orders) as fleet:
            greeted = counted.up + counted.down
            told = fleet.ask("")
            wire = counted.up + counted.down
            facts = process.ask("seal")
    check_recount(facts, frames=agents * frames, records=agents * (frames + 1))
    assert facts["telemetry"]["samples"] == told["samples"], facts
    on_wire = (wire - greeted) / told["samples"]
    on_disk = facts["sealed_bytes"] / told["samples"]
    return [
        Row(
            f"bytes a sample on the wire with TLS, {SENSORS} sensors, {per_message} frames a message, gzip",
            f"{on_wire:.2f} (catalogue and acknowledgements included; handshakes {greeted / agents:.0f} B a stream)",
            "<= 1.6",
            on_wire <= 1.6,
        ),
        Row("bytes a sample sealed on disk", f"{on_disk:.2f}", "<= 1.2", on_disk <= 1.2),
    ]


if __name__ == "__main__":
    for row in run():
        print(row.what, "|", row.measured, "|", row.bar)
