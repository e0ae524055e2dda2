"""Makes md arrays in the guest, breaks them step by step, and keeps what the kernel and mdadm say of each step.

    python -m tests.golden.arrays.record MDADM

MDADM is the program of the Debian package mdadm. Needs the guest image of `make test`; run by hand, read by a person.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

from tests.peers.vm import Guest

HERE = Path(__file__).parent
MAKE = r"""
set -e
modprobe loop; modprobe raid1; modprobe raid456
cp /mnt/share/mdadm /tmp/mdadm; cd /tmp
for i in 0 1 2 3 4 5 6; do truncate -s 48M l$i; losetup /dev/loop$i l$i; done
yes | ./mdadm --create /dev/md0 --level=1 --raid-devices=2 --metadata=1.2 /dev/loop0 /dev/loop1
yes | ./mdadm --create /dev/md1 --level=6 --raid-devices=4 --spare-devices=1 /dev/loop2 /dev/loop3 /dev/loop4 \
    /dev/loop5 /dev/loop6
./mdadm --wait /dev/md0 /dev/md1 || true
echo 10 > /proc/sys/dev/raid/speed_limit_min
echo 50 > /proc/sys/dev/raid/speed_limit_max
"""
STEPS = {
    "healthy": "true",
    "failed-member": "/tmp/mdadm /dev/md0 --fail /dev/loop1; sleep 1",
    "removed-member": "/tmp/mdadm /dev/md0 --remove /dev/loop1; sleep 1",
    "rebuilding-onto-spare": "/tmp/mdadm /dev/md1 --fail /dev/loop3; sleep 3",
}
SYSFS = r"""
cd /sys
for f in block/md*/md/array_state block/md*/md/level block/md*/md/degraded block/md*/md/raid_disks \
    block/md*/md/sync_action block/md*/md/uuid block/md*/md/dev-*/state; do
    [ -e $f ] && echo "$f=$(cat $f)"
done
true
"""


def record(mdadm: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        share = Path(folder, "share")
        share.mkdir()
        shutil.copy(mdadm, share / "mdadm")
        # No BMC listens: the guest's driver gives up on it, and nothing here asks for one.
        with Guest(Path(folder, "vm"), share=share, bmc_port=1, bring_up="true") as guest:
            guest.run(MAKE, deadline_s=300)
            for step, command in STEPS.items():
                guest.run(command)
                keep(guest, HERE / f"guest-md-{step}")


def keep(guest: Guest, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "mdstat").write_text(guest.run("cat /proc/mdstat"))
    (folder / "mdadm-detail").write_text(guest.run("/tmp/mdadm --detail /dev/md0 /dev/md1"))
    tree = dict(line.split("=", 1) for line in guest.run(SYSFS).splitlines())
    (folder / "sysfs.json").write_text(json.dumps(tree, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    record(Path(sys.argv[1]))
