"""Lets a guest's kernel meet real errors of emulated hardware, and keeps its log and its firmware's tables.

    python -m tests.golden.kernel.record

A sector of the NVMe disk that cannot be read, machine checks sent to a processor, a page that failed; the tables are
those of the emulator's firmware. Needs the guest image of `make test`; run by hand, read by a person.
"""

from __future__ import annotations

import base64
import shutil
import tempfile
from pathlib import Path

from hardcase_agent.helper import kmsg

from tests.peers.vm import Guest

HERE = Path(__file__).parent
BAD_SECTOR = 2048
RULE = f'[inject-error]\nevent = "read_aio"\nerrno = "5"\nsector = "{BAD_SECTOR}"\n'
SMBIOS = (
    "type=1,manufacturer=Example Systems,product=Server 2000,serial=GUEST0001",
    "type=2,manufacturer=Example Systems,product=Board 2000,serial=BOARD0001",
    "type=17,loc_pfx=DIMM_A,bank=NODE 0 CHANNEL 0,manufacturer=Example,serial=1A2B3C4D,part=EX-8G-2400",
)
MACHINE_CHECKS = (
    # Corrected memory read error on channel 1, then one of an unknown kind.
    "mce 0 8 0x8c00004000010091 0 0x12345000 0x8c",
    "mce 1 1 0x9c00000000000e0b 0 0xabcd0000 0",
)


class Failing(Guest):
    """The guest with a disk that has a bad sector and a firmware that names a board."""

    def __init__(self, directory: Path, *, share: Path) -> None:
        super().__init__(directory, share=share, bmc_port=1, bring_up="true")
        rule = directory / "rule"
        rule.write_text(RULE)
        image = str(directory / "nvme.img")
        self._command = [word.replace(f"file={image}", f"file=blkdebug:{rule}:{image}") for word in self._command]
        self._command += [word for told in SMBIOS for word in ("-smbios", told)]

    def monitor(self, line: str) -> None:
        self._qmp.call("human-monitor-command", {"command-line": line})


def record() -> None:
    with tempfile.TemporaryDirectory() as folder:
        share = Path(folder, "share")
        share.mkdir()
        shutil.copy(kmsg.__file__, share / "kmsg.py")
        with Failing(Path(folder, "vm"), share=share) as guest:
            guest.run("for i in $(seq 300); do [ -e /dev/nvme0n1 ] && break; sleep 0.1; done; true")
            guest.try_run(f"dd if=/dev/nvme0n1 of=/dev/null bs=512 skip={BAD_SECTOR} count=8 iflag=direct")
            guest.try_run("dd if=/dev/nvme0n1 of=/dev/null bs=512 count=8")
            # Corrected errors are looked for every five minutes otherwise.
            guest.run("for f in /sys/devices/system/machinecheck/machinecheck*/check_interval; do echo 1 > $f; done")
            for line in MACHINE_CHECKS:
                guest.monitor(line)
            guest.try_run("sleep 2; echo 0x10000000 > /sys/devices/system/memory/soft_offline_page")
            (HERE / "guest.kmsg").write_text(guest.run("sleep 5; python3 /mnt/share/kmsg.py 0"))
            tables = HERE / "guest-tables"
            tables.mkdir(exist_ok=True)
            for name in ("DMI", "smbios_entry_point"):
                text = guest.run(f"base64 /sys/firmware/dmi/tables/{name}")
                (tables / name).write_bytes(base64.b64decode(text))


if __name__ == "__main__":
    record()
