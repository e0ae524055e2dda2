"""A real net-snmp agent on a free loopback port: SNMP v2c and v3, one settable value. Ended by its pid."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.peers.snmp_peer import free_udp_port, stop, wait_for_answer

COMMUNITY = "public"
USER, USER_256 = "labuser", "lab256"
AUTH_SECRET, PRIV_SECRET = "authpass123", "privpass123"
SYS_DESCR = "Hardcase lab agent"


@dataclass
class Snmpd:
    port: int
    folder: Path
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        # MIBS= : no MIB files are parsed. Without -C it keeps its engine id and boots in the persistent folder.
        environment = os.environ | {
            # Without the persistent folder in its path it does not read back what it wrote there.
            "SNMPCONFPATH": f"{self.folder}:{self.folder / 'persist'}",
            "SNMP_PERSISTENT_DIR": str(self.folder / "persist"),
            "MIBS": "",
        }
        self.process = subprocess.Popen(
            ["snmpd", "-f", "-Lf", str(self.folder / "snmpd.log")],
            env=environment,
            stdin=subprocess.DEVNULL,
        )
        wait_for_answer(self.port, COMMUNITY, self.process)

    def stop(self) -> None:
        if self.process is not None:
            stop(self.process)
            self.process = None

    def restart(self, *, forgets: bool = False) -> None:
        """`forgets`: its persistent file is gone, so it comes back with a new SNMPv3 engine id."""
        self.stop()
        if forgets:
            shutil.rmtree(self.folder / "persist")
        self.start()

    def come_back_with_boots(self, boots: int) -> None:
        """As after its configuration was restored, or many restarts later: another count of them, the same engine."""
        self.stop()
        file = self.folder / "persist" / "snmpd.conf"
        # It counts one more at its start.
        text, found = re.subn(r"^engineBoots \d+$", f"engineBoots {boots - 1}", file.read_text(), flags=re.MULTILINE)
        assert found == 1
        file.write_text(text)
        self.start()

    def hang(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def write_configuration(self, contact: str) -> None:
        lines = [
            f"agentaddress udp:127.0.0.1:{self.port}",
            f"rocommunity {COMMUNITY} 127.0.0.1",
            f"sysDescr {SYS_DESCR}",
            f"sysContact {contact}",
            "sysName lab-host",
            "includeAllDisks 10%",
            f"rouser {USER} authpriv",
            f"rouser {USER_256} authpriv",
            f'createUser {USER} SHA "{AUTH_SECRET}" AES "{PRIV_SECRET}"',
            f'createUser {USER_256} SHA-256 "{AUTH_SECRET}" AES "{PRIV_SECRET}"',
        ]
        (self.folder / "snmpd.conf").write_text("\n".join(lines) + "\n")

    def set_contact(self, contact: str) -> None:
        """SIGHUP makes net-snmp read its configuration again without a restart."""
        assert self.process is not None
        self.write_configuration(contact)
        self.process.send_signal(signal.SIGHUP)


@contextmanager
def snmpd(folder: Path) -> Iterator[Snmpd]:
    if shutil.which("snmpd") is None and os.geteuid() != 0:
        pytest.skip("the Debian package snmpd is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    peer = Snmpd(port=free_udp_port(), folder=folder)
    peer.write_configuration("ops@example.invalid")
    try:
        peer.start()
        yield peer
    finally:
        peer.stop()
