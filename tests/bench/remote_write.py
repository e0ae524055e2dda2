"""For comparison: pre-encoded remote write into VictoriaMetrics, and the ratio to our own ingest in the same run."""

from __future__ import annotations

import http.client
import multiprocessing
import shutil
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.bench.ingest import flood
from tests.bench.processes import Row

SENSORS = 100
HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}


def varint(number: int) -> bytes:
    found = b""
    while number > 0x7F:
        found += bytes([number & 0x7F | 0x80])
        number >>= 7
    return found + bytes([number])


def field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def snappy(data: bytes) -> bytes:
    """Raw snappy of literals alone (format description, 2.1): right for every reader, and costs the sender nothing."""
    found = [varint(len(data))]
    for at in range(0, len(data), 65536):
        piece = data[at : at + 65536]
        found.append(bytes([61 << 2]) + struct.pack("<H", len(piece) - 1) + piece)
    return b"".join(found)


def bodies(agent: int, frames: int, per_request: int) -> list[bytes]:
    """Requests of one agent: every sensor's samples with their full labels, as the protocol asks for."""
    now = time.time_ns() // 1_000_000
    labels = [
        b"".join(
            field(1, field(1, name.encode()) + field(2, value.encode()))
            for name, value in (
                ("__name__", "hardware_temperature_celsius"),
                ("host", f"bench{agent:05d}"),
                ("sensor", f"Temp {sensor}"),
                ("source", "ipmi"),
            )
        )
        for sensor in range(SENSORS)
    ]
    found = []
    for first in range(0, frames, per_request):
        request = []
        for sensor in range(SENSORS):
            samples = b"".join(
                field(2, b"\x09" + struct.pack("<d", 45 + (at * 7 + sensor) % 5) + b"\x10"
                      + varint(now - (frames - at) * 1000))
                for at in range(first, min(first + per_request, frames))
            )  # fmt: skip
            request.append(field(1, labels[sensor] + samples))
        found.append(snappy(b"".join(request)))
    return found


@contextmanager
def victoria() -> Iterator[int]:
    with (
        tempfile.TemporaryDirectory(prefix="hardcase-bench-vm-") as folder,
        socket.create_server(("127.0.0.1", 0)) as free,
    ):
        port = free.getsockname()[1]
        free.close()
        process = subprocess.Popen(
            ["victoria-metrics", f"-httpListenAddr=127.0.0.1:{port}", f"-storageDataPath={folder}",
             "-retentionPeriod=1", "-memory.allowedBytes=512MB"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            until = time.monotonic() + 20
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    if time.monotonic() > until:
                        raise
                    time.sleep(0.05)
            yield port
        finally:
            process.terminate()
            process.wait(30)


def post(port: int, agents: range, frames: int, per_request: int, ready: object, go: object) -> None:
    requests = [bodies(agent, frames, per_request) for agent in agents]
    connection = http.client.HTTPConnection("127.0.0.1", port)
    ready.set()  # type: ignore[attr-defined]  # multiprocessing's events have no public class
    go.wait()  # type: ignore[attr-defined]  # the same
    for turn in zip(*requests, strict=True):
        for body in turn:
            connection.request("POST", "/api/v1/write", body, HEADERS)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 204:
                raise SystemExit(f"VictoriaMetrics answered {answer.status}")


def remote_write(per_request: int, agents: int = 50, frames: int = 1000) -> float:
    """Samples a second from one sender process, over one kept connection."""
    context = multiprocessing.get_context("spawn")
    with victoria() as port:
        ready, go = context.Event(), context.Event()
        sender = context.Process(target=post, args=(port, range(agents), frames, per_request, ready, go))
        sender.start()
        ready.wait(120)
        started = time.perf_counter()
        go.set()
        sender.join(600)
        took = time.perf_counter() - started
        if sender.exitcode:
            raise RuntimeError("the sender of remote write failed")
    return agents * frames * SENSORS / took


def run() -> list[Row]:
    if shutil.which("victoria-metrics") is None:
        return [Row("ratio to VictoriaMetrics' remote write", "skipped: victoria-metrics is not installed", "printed")]
    rows = []
    for per_message, frames in ((1, 2000), (10, 4000)):
        theirs = remote_write(per_message)
        ours, _ = flood(per_message=per_message, frames=frames)
        rows.append(
            Row(
                f"ratio to VictoriaMetrics' remote write, {per_message} frame{'s' * (per_message > 1)} a request",
                f"{ours / theirs:.2f} ({ours:,.0f} : {theirs:,.0f} samples/s)",
                "printed",
            )
        )
    return rows


if __name__ == "__main__":
    for row in run():
        print(row.what, "|", row.measured, "|", row.bar)
