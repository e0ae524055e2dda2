"""A UDP port on loopback before a BMC's: passes everything on, and tells what sessions a client opened and spoke in."""

from __future__ import annotations

import select
import socket
import threading


class CountingRelay:
    """A UDP port before the BMC's that counts the log-ins sent to it, and keeps which session each packet is of."""

    def __init__(self, bmc_port: int) -> None:
        self._bmc = ("127.0.0.1", bmc_port)
        self._front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._front.bind(("127.0.0.1", 0))
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._pass_on, name="relay")
        self.port: int = self._front.getsockname()[1]
        self._challenges: set[bytes] = set()
        self.sessions: list[bytes] = []
        """Session ids of the packets sent, in order; nought before a session is there."""

    def __enter__(self) -> CountingRelay:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join(60.0)
        self._front.close()

    @property
    def log_ins(self) -> int:
        """Session challenges of RMCP+ (RAKP 1); one that was sent again for want of an answer counts once."""
        return len(self._challenges)

    def _note(self, packet: bytes) -> None:
        rmcp_plus = packet[4:5] == b"\x06"
        self.sessions.append(packet[6:10] if rmcp_plus else packet[9:13])
        if rmcp_plus and packet[5] & 0x3F == 0x12:
            self._challenges.add(packet[16:])

    def _pass_on(self) -> None:
        asker: tuple[str, int] | None = None
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as behind:
            while not self._stopped.is_set():
                ready, _, _ = select.select([self._front, behind], [], [], 0.05)
                if behind in ready and asker is not None:
                    self._front.sendto(behind.recv(4096), asker)
                if self._front in ready:
                    data, asker = self._front.recvfrom(4096)
                    self._note(data)
                    behind.sendto(data, self._bmc)
