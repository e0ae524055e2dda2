"""A guest with systemd, a BMC and two disks under QEMU (software emulation): the test bed of the installed product.

`build.sh` makes the image in the set-up step of `make test`; `Guest` boots it from a snapshot, runs commands through
the guest agent with their exact exit status, and is ended by its process id.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

IMAGE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "hardcase" / "vm"
HOST_FROM_GUEST = "10.0.2.2"
"""Where the guest's user-mode network finds the host's loopback."""


BRING_UP = """
set -e
card=$(ls /sys/class/net | grep -v lo | head -n 1)
ip link set dev $card up
ip addr add 10.0.2.15/24 dev $card
for i in $(seq 200); do
    [ -e /dev/ipmi0 ] && [ -e /dev/nvme0n1 ] && [ -e /dev/sda ] && exit 0
    sleep 0.1
done
exit 1
"""
"""The guest has no network service; and AHCI probes its ports after the guest agent answers."""


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

    def call(self, command: str, arguments: Mapping[str, Any] | None = None, *, timeout_s: float = 30) -> Any:
        self.send({"execute": command, **({"arguments": arguments} if arguments else {})})
        while True:
            answer = self.receive(timeout_s=timeout_s)
            if "error" in answer:
                raise RuntimeError(f"{command}: {answer['error']}")
            if "return" in answer:
                return answer["return"]


class Guest:
    """`with Guest(directory, share=..., bmc_port=...) as guest: guest.run("uname -a")`."""

    def __init__(self, directory: Path, *, share: Path, bmc_port: int, bring_up: str = BRING_UP) -> None:
        self._directory = directory
        self._bring_up = bring_up
        directory.mkdir(parents=True, exist_ok=True)
        for disk in ("nvme", "sata"):
            with (directory / f"{disk}.img").open("wb") as image:
                image.truncate(64 << 20)
        self._command = [
            *("qemu-system-x86_64", "-machine", "q35", "-accel", "tcg,thread=multi,tb-size=256", "-cpu", "Nehalem"),
            *("-smp", "2", "-m", "640", "-nodefaults", "-display", "none", "-no-reboot"),
            *("-kernel", str(IMAGE / "vmlinuz"), "-initrd", str(IMAGE / "initrd.img")),
            *("-append", "root=/dev/vda rw console=ttyS0 quiet loglevel=3 mitigations=off audit=0 random.trust_cpu=on"),
            *("-drive", f"file={IMAGE / 'root.img'},format=raw,if=none,id=root,snapshot=on"),
            *("-device", "virtio-blk-pci,drive=root", "-device", "virtio-rng-pci"),
            *("-serial", f"file:{directory / 'serial.log'}"),
            *("-qmp", f"unix:{directory / 'qmp'},server=on,wait=off"),
            *("-device", "virtio-serial-pci"),
            *("-chardev", f"socket,id=agent,path={directory / 'agent'},server=on,wait=off"),
            *("-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"),
            *("-fsdev", f"local,id=share,path={share},security_model=none,readonly=on"),
            *("-device", "virtio-9p-pci,fsdev=share,mount_tag=share"),
            *("-netdev", "user,id=net0", "-device", "virtio-net-pci,netdev=net0"),
            *("-drive", f"file={directory / 'nvme.img'},format=raw,if=none,id=nvmedisk"),
            *("-device", "nvme,id=nvme0,serial=GUESTNVME01,drive=nvmedisk"),
            *("-drive", f"file={directory / 'sata.img'},format=raw,if=none,id=satadisk"),
            *("-device", "ide-hd,id=sata0,drive=satadisk,bus=ide.0,serial=GUESTSATA01,model=GUEST-DISK"),
            *("-chardev", f"socket,id=bmc,host=127.0.0.1,port={bmc_port},reconnect=1"),
            *("-device", "ipmi-bmc-extern,id=bmc0,chardev=bmc", "-device", "isa-ipmi-kcs,bmc=bmc0"),
        ]

    def __enter__(self) -> Self:
        with (self._directory / "qemu.log").open("wb") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self._qmp = JsonSocket(self._directory / "qmp", deadline_s=60)
            self._qmp.call("qmp_capabilities")
            self._agent = JsonSocket(self._directory / "agent", deadline_s=60)
            self._wait_for_agent(deadline_s=300)
            self.run(self._bring_up)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        self._process.kill()
        self._process.wait(timeout=60)

    def _wait_for_agent(self, *, deadline_s: float) -> None:
        deadline = time.monotonic() + deadline_s
        token = 0
        patience_s = 1.0
        while True:
            if self._process.poll() is not None:
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

    def try_run(self, command: str, *, deadline_s: float = 120) -> Said:
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

    def run(self, command: str, *, deadline_s: float = 120) -> str:
        said = self.try_run(command, deadline_s=deadline_s)
        assert said.status == 0, f"{command}: exit {said.status}\n{said.out}\n{said.err}"
        return said.out

    def device(self, device: str, name: str, value: object) -> None:
        """Changes a property of an emulated device, e.g. the NVMe disk's critical warning."""
        self._qmp.call("qom-set", {"path": f"/machine/peripheral/{device}", "property": name, "value": value})
