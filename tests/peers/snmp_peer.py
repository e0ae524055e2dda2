"""What both SNMP peers need: a free port, "does it answer yet", an end by pid.

Raw bytes, so that it leans on no client.
"""

from __future__ import annotations

import socket
import subprocess
import time

from deploy.demo.ports import free_port

_START_S = 120.0


def free_udp_port() -> int:
    return free_port(socket.SOCK_DGRAM)


def get_request(community: str) -> bytes:
    """An SNMP v2c GET of sysUpTime.0 in BER, every length below 128."""
    name = bytes.fromhex("06082b06010201010300")
    bindings = _tlv(0x30, _tlv(0x30, name + b"\x05\x00"))
    pdu = _tlv(0xA0, b"\x02\x01\x01" + b"\x02\x01\x00" + b"\x02\x01\x00" + bindings)
    return _tlv(0x30, b"\x02\x01\x01" + _tlv(0x04, community.encode()) + pdu)


def _tlv(tag: int, body: bytes) -> bytes:
    return bytes((tag, len(body))) + body


def wait_for_answer(port: int, community: str, process: subprocess.Popen[bytes]) -> None:
    """Asks until the agent answers; fails when it ended or after 120 s."""
    end = time.monotonic() + _START_S
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(0.1)
        while time.monotonic() < end:
            if process.poll() is not None:
                raise AssertionError(f"the SNMP peer ended with status {process.returncode}")
            asker.sendto(get_request(community), ("127.0.0.1", port))
            try:
                asker.recv(2048)
            except TimeoutError:
                continue
            return
    raise AssertionError(f"the SNMP peer on port {port} did not answer within {_START_S:g} s")


def stop(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, then SIGKILL after 60 s; a stopped process gets SIGKILL at once, for it would not see the first."""
    if process.poll() is not None:
        return
    with open(f"/proc/{process.pid}/stat", encoding="ascii") as stat:
        stopped = stat.read().rpartition(")")[2].split()[0] in "Tt"
    if stopped:
        process.kill()
    else:
        process.terminate()
    try:
        process.wait(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=60)
