"""A guest with systemd, a BMC and two disks under QEMU (software emulation): the test bed of the installed product.

`build.sh` makes the image in the set-up step of `make test`; `Guest` boots it, runs commands through the guest agent
with their exact exit status, loses its power when asked to, and is ended by its process id.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

IMAGE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "hardcase" / "vm"
HOST_FROM_GUEST = "10.0.2.100"
"""Where the guest finds those ports of the host's loopback that it was given; there is nothing else on its network."""
ANSWERS_WITHIN_S = 300.0
ENDS_WITHIN_S = 120.0
BRING_UP = """
for i in $(seq 1200); do
    [ -e /dev/ipmi0 ] && [ -e /dev/nvme0n1 ] && [ -e /dev/sda ] && exit 0
    sleep 0.1
done
exit 1
"""
"""AHCI probes its ports after the guest agent answers."""


def image_missing() -> str:
    """ "" or what is missing, for the reason of a skip."""
    return (
        "" if (IMAGE / "done").exists() else f"no guest image in {IMAGE} (needs root, qemu-system-x86 and debootstrap)"
    )


@dataclass(frozen=True)
class Said:
    status: int
    out: str
    err: str


class JsonSocket:
    """QMP and the guest agent both speak one JSON document a line."""

    def __init__(self, path: Path, *, deadline_s: float) -> None:
        self._deadline = time.monotonic() + deadline_s
        self._buffer = b""
        while True:
            try:
                self._socket = socket.socket(socket.AF_UNIX)
                self._socket.connect(str(path))
                return
            except (FileNotFoundError, ConnectionRefusedError):
                self._socket.close()
                if time.monotonic() > self._deadline:
                    raise
                time.sleep(0.05)

    def close(self) -> None:
        self._socket.close()

    def send(self, message: Mapping[str, Any]) -> None:
        self._socket.sendall(json.dumps(message).encode() + b"\n")

    def receive(self, *, timeout_s: float) -> dict[str, Any]:
        self._socket.settimeout(timeout_s)
        while b"\n" not in self._buffer:
            more = self._socket.recv(65536)
            if not more:
                raise EOFError("the guest closed its socket")
            self._buffer += more
        line, self._buffer = self._buffer.split(b"\n", 1)
        answer: dict[str, Any] = json.loads(line.lstrip(b"\xff"))
        return answer

    def call(self, command: str, arguments: Mapping[str, Any] | None = None, *, timeout_s: float = 120) -> Any:
        self.send({"execute": command, **({"arguments": arguments} if arguments else {})})
        while True:
            answer = self.receive(timeout_s=timeout_s)
            if "error" in answer:
                raise RuntimeError(f"{command}: {answer['error']}")
            if "return" in answer:
                return answer["return"]


def _overlay(directory: Path) -> Path:
    """A disk of its own on top of the image. Of QEMU's formats this one forgets, when QEMU is killed, clusters that the
    guest wrote and did not flush: as a disk with a volatile cache does when the power goes."""
    disk = directory / "root.qcow2"
    subprocess.run(
        ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(IMAGE / "root.img"), str(disk)],
        check=True,
        timeout=60,
    )
    return disk


class Guest:
    """`with Guest(directory, share=..., bmc_port=...) as guest: guest.run("uname -a")`.

    `ports`: those of the host's loopback that it may reach. `keeps_disk`: what it writes outlives `cut` and `reboot`;
    else each start begins with the image as it was built.
    """

    def __init__(
        self,
        directory: Path,
        *,
        share: Path,
        bmc_port: int,
        bring_up: str = BRING_UP,
        ports: Sequence[int] = (),
        keeps_disk: bool = False,
    ) -> None:
        self._directory = directory
        self._bring_up = bring_up
        self._process: subprocess.Popen[bytes] | None = None
        directory.mkdir(parents=True, exist_ok=True)
        for disk in ("nvme", "sata"):
            with (directory / f"{disk}.img").open("wb") as image:
                image.truncate(64 << 20)
        root = f"file={IMAGE / 'root.img'},format=raw,snapshot=on"
        if keeps_disk:
            root = f"file={_overlay(directory)},format=qcow2"
        ways = "".join(
            f",guestfwd=tcp:{HOST_FROM_GUEST}:{port}-cmd:socat STDIO TCP4:127.0.0.1:{port}" for port in ports
        )
        self._command = [
            *("qemu-system-x86_64", "-machine", "q35", "-accel", "tcg,thread=multi,tb-size=256", "-cpu", "Nehalem"),
            *("-smp", "2", "-m", "640", "-nodefaults", "-display", "none", "-no-reboot"),
            *("-kernel", str(IMAGE / "vmlinuz"), "-initrd", str(IMAGE / "initrd.img")),
            *("-append", "root=/dev/vda rw console=ttyS0 quiet loglevel=3 mitigations=off audit=0 random.trust_cpu=on"),
            *("-drive", f"{root},if=none,id=root"),
            *("-device", "virtio-blk-pci,drive=root", "-device", "virtio-rng-pci"),
            *("-serial", f"file:{directory / 'serial.log'}"),
            *("-qmp", f"unix:{directory / 'qmp'},server=on,wait=off"),
            *("-device", "virtio-serial-pci"),
            *("-chardev", f"socket,id=agent,path={directory / 'agent'},server=on,wait=off"),
            *("-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"),
            *("-fsdev", f"local,id=share,path={share},security_model=none,readonly=on"),
            *("-device", "virtio-9p-pci,fsdev=share,mount_tag=share"),
            *("-netdev", f"user,id=net0,restrict=on{ways}", "-device", "virtio-net-pci,netdev=net0"),
            *("-drive", f"file={directory / 'nvme.img'},format=raw,if=none,id=nvmedisk"),
            *("-device", "nvme,id=nvme0,serial=GUESTNVME01,drive=nvmedisk"),
            *("-drive", f"file={directory / 'sata.img'},format=raw,if=none,id=satadisk"),
            *("-device", "ide-hd,id=sata0,drive=satadisk,bus=ide.0,serial=GUESTSATA01,model=GUEST-DISK"),
            *("-chardev", f"socket,id=bmc,host=127.0.0.1,port={bmc_port},reconnect=1"),
            *("-device", "ipmi-bmc-extern,id=bmc0,chardev=bmc", "-device", "isa-ipmi-kcs,bmc=bmc0"),
        ]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()

    def start(self) -> None:
        """Power on; returns when commands can be run and every device is there."""
        for left in ("qmp", "agent"):
            (self._directory / left).unlink(missing_ok=True)
        with (self._directory / "qemu.log").open("wb") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self._qmp = JsonSocket(self._directory / "qmp", deadline_s=120)
            self._qmp.call("qmp_capabilities")
            self._agent = JsonSocket(self._directory / "agent", deadline_s=120)
            self._wait_for_agent(self._process, deadline_s=ANSWERS_WITHIN_S)
            self.run(self._bring_up)
        except BaseException:
            self.cut()
            raise

    def cut(self) -> None:
        """The power goes: what the guest had not flushed to its disk is lost. Idempotent."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(timeout=60)
            self._hang_up()

    def reboot(self) -> None:
        """The guest's own orderly shutdown, then a start."""
        assert self._process is not None, "the guest is off"
        with contextlib.suppress(EOFError, OSError):
            # It may be gone before it answers.
            self._agent.call("guest-exec", {"path": "/bin/systemctl", "arg": ["reboot"]})
        self._process.wait(timeout=ENDS_WITHIN_S)
        self._process = None
        self._hang_up()
        self.start()

    def _hang_up(self) -> None:
        for name in ("_qmp", "_agent"):
            if (line := self.__dict__.pop(name, None)) is not None:
                line.close()

    def _wait_for_agent(self, process: subprocess.Popen[bytes], *, deadline_s: float) -> None:
        deadline = time.monotonic() + deadline_s
        token = 0
        patience_s = 1.0
        while True:
            if process.poll() is not None:
                raise RuntimeError((self._directory / "qemu.log").read_text())
            token += 1
            self._agent.send({"execute": "guest-sync", "arguments": {"id": token}})
            try:
                while self._agent.receive(timeout_s=patience_s).get("return") != token:
                    pass
                return
            except TimeoutError:
                if time.monotonic() > deadline:
                    raise RuntimeError("guest agent does not answer:\n" + self.serial()[-2000:]) from None
                # Nobody reads the port before the guest has started: what is asked too often fills it.
                patience_s = min(2 * patience_s, 15.0)

    def serial(self) -> str:
        return (self._directory / "serial.log").read_text(errors="replace")

    def try_run(self, command: str, *, deadline_s: float = 300) -> Said:
        started = self._agent.call("guest-exec", {"path": "/bin/sh", "arg": ["-c", command], "capture-output": True})
        deadline = time.monotonic() + deadline_s
        while True:
            status = self._agent.call("guest-exec-status", {"pid": started["pid"]})
            if status["exited"]:
                out, err = (
                    base64.b64decode(status.get(key, "")).decode(errors="replace") for key in ("out-data", "err-data")
                )
                return Said(status.get("exitcode", -status.get("signal", 0)), out, err)
            if time.monotonic() > deadline:
                raise TimeoutError(command)
            time.sleep(0.1)

    def run(self, command: str, *, deadline_s: float = 300) -> str:
        said = self.try_run(command, deadline_s=deadline_s)
        assert said.status == 0, f"{command}: exit {said.status}\n{said.out}\n{said.err}"
        return said.out

    def device(self, device: str, name: str, value: object) -> None:
        """Changes a property of an emulated device, e.g. the NVMe disk's critical warning."""
        self._qmp.call("qom-set", {"path": f"/machine/peripheral/{device}", "property": name, "value": value})
