"""A simulated server BMC: starts ipmi_sim on the files of `bmc_files.py`, and moves its sensors.

`make demo` shows the agent reading it by IPMI; `tests/peers/ipmi_sim.py` builds the tests' peer on it. Standard library
only. Needs the Debian package openipmi (ipmi_sim 2.0.33). Everything stays under one directory and on loopback.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.demo.bmc_files import Ports, SimSensor, emulation, fru_image, lan_configuration, server_sensors
from deploy.demo.ports import free_port

STARTS_WITHIN_S = 90.0
ANSWERS_WITHIN_S = 60.0
"""A console command; ipmi_sim is one thread, and one that writes its SEL to a busy disk answers nobody."""
_PROMPT = re.compile(rb"(?:[\r\n]|\xff[\xfb-\xfe].)> ", re.DOTALL)
"""At the start of a line, or after the telnet options with which the console opens."""


def free_ports() -> Ports:
    """Three; the first is UDP."""
    return Ports(*(free_port(kind) for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM, socket.SOCK_STREAM)))


class SimulatedBmc:
    """One running ipmi_sim. A context manager: nothing of it is left running afterwards."""

    user = "admin"

    def __init__(self, directory: Path, sensors: Sequence[SimSensor] | int = 26, *, serial: str = "RS900042") -> None:
        self.directory = directory
        self.sensors = server_sensors(sensors) if isinstance(sensors, int) else tuple(sensors)
        self.serial = serial
        self.ports = free_ports()
        self.password = secrets.token_hex(8)
        self.firmware = (2, 0x15)
        self._process: subprocess.Popen[bytes] | None = None
        self._console: socket.socket | None = None
        self._host: socket.socket | None = None
        self._starts = 0

    @property
    def lan_port(self) -> int:
        return self.ports.lan

    @property
    def password_file(self) -> Path:
        return self.directory / "password"

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError("the simulated BMC is not running")
        return self._process.pid

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self, *, power: bool = True) -> None:
        """Starts it (again, on the same port, with an empty SEL as a BMC after losing its battery)."""
        for attempt in range(3):
            self._write()
            self._launch()
            try:
                self._connect()
                break
            except OSError:
                self.kill()
                if attempt == 2 or self._starts:
                    raise
                self.ports = free_ports()
        self._starts += 1
        self.set_power(power)

    def _write(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.password_file.touch(mode=0o600)
        self.password_file.write_text(self.password + "\n")
        fru = self.directory / "fru0.bin"
        fru.write_bytes(fru_image(self.serial))
        (self.directory / "bmc.emu").write_text(emulation(self.sensors, fru, self.firmware))
        configuration = self.directory / "lan.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(lan_configuration("bmc", self.ports, self.user, self.password))
        # ipmi_sim keeps its SEL and its users in its state directory and would bring old ones back.
        shutil.rmtree(self.directory / "state", ignore_errors=True)
        (self.directory / "state").mkdir()

    def _launch(self) -> None:
        program = shutil.which("ipmi_sim")
        if program is None:
            raise FileNotFoundError("ipmi_sim is not installed (Debian package openipmi)")
        at = self.directory
        with (at / "output.log").open("wb") as output:
            self._process = subprocess.Popen(
                [program, "-c", at / "lan.conf", "-f", at / "bmc.emu", "-s", at / "state", "-n"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # Python ignores SIGPIPE; the child must keep that: a console client that closes early kills it else.
                restore_signals=False,
            )

    def _connect(self) -> None:
        until = time.monotonic() + STARTS_WITHIN_S
        while True:
            if self._process is None or self._process.poll() is not None:
                raise OSError("ipmi_sim ended at its start; see " + str(self.directory / "output.log"))
            try:
                self._console = socket.create_connection(("127.0.0.1", self.ports.console), timeout=ANSWERS_WITHIN_S)
                self._until_prompt()
                return
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)

    def _until_prompt(self, echo: bytes = b"") -> bytes:
        """What is said from the echo to the prompt. ipmi_sim tells its log here too, before, after and at any time."""
        assert self._console is not None
        said = b""
        while True:
            _, echoed, answer = said.partition(echo) if echo else (b"", b"", said)
            if (echoed or not echo) and (prompt := _PROMPT.search(answer)):
                return answer[: prompt.start()]
            chunk = self._console.recv(4096)
            if not chunk:
                raise OSError("ipmi_sim closed its console")
            said += chunk

    def command(self, line: str) -> str:
        """One console command; raises ValueError with ipmi_sim's words if it refuses it."""
        if self._console is None:
            raise RuntimeError("the simulated BMC is not running")
        self._console.sendall(line.encode() + b"\n")
        said = self._until_prompt(line.encode()).decode("latin-1").replace("\r", "")
        if "**" in said:
            raise ValueError(f"{line}: {said.strip()}")
        return said

    def set_reading(self, number: int, raw: int, *, event: bool = True) -> None:
        """Sets the raw byte; with `event` it logs each limit passed, as a BMC does."""
        self.command(f"sensor_set_value 0x20 0 {number} {raw} {int(event)}")

    def set_bit(self, number: int, bit: int, on: bool, *, event: bool = True) -> None:
        self.command(f"sensor_set_bit 0x20 0 {number} {bit} {int(on)} {int(event)}")

    def set_power(self, on: bool) -> None:
        """ipmi_sim calls the chassis on while something is attached to its system interface."""
        if self._host is not None:
            self._host.close()
            self._host = None
        if on:
            self._host = socket.create_connection(("127.0.0.1", self.ports.system), timeout=ANSWERS_WITHIN_S)

    def pause(self) -> None:
        """The BMC hangs: it takes packets and answers nothing."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """Ends it at once; idempotent."""
        for sock in (self._console, self._host):
            if sock is not None:
                sock.close()
        self._console = self._host = None
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=ANSWERS_WITHIN_S)
            self._process = None
