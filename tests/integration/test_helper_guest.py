"""The helper on a real kernel, as its own unit starts it: /dev/ipmi0 with a BMC behind it, an NVMe and a SATA disk.

The agent's side runs under the agent's unit, with another program in its place: what it reads, it reads through the
helper alone, and what else it tries is refused.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.demo.ports import free_port
from tests.peers.vm import Guest, image_missing

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.xdist_group("guest"),
    pytest.mark.skipif(bool(image_missing()), reason=image_missing() or "a guest is there"),
    pytest.mark.skipif(shutil.which("ipmi_sim") is None, reason="needs the Debian package openipmi"),
]

CLIENT = r"""
import asyncio, json, os, time
from pathlib import Path
from hardcase_agent.domain.errors import AgentError
from hardcase_agent.domain.frame import Moment
from hardcase_agent.domain.part import Asset
from hardcase_agent.domain.ports import Controller, IpmiRequest
from hardcase_agent.domain.reading import Number
from hardcase_agent.sensors.helper_client import HelperClient
from hardcase_agent.sensors.smart.shelf import Shelf
from hardcase_agent.sensors.smart.source import SmartSource

class Now:
    def now(self):
        return Moment(0, int(time.clock_gettime(time.CLOCK_BOOTTIME) * 1000))

def tried(path, flags=os.O_RDWR):
    try:
        os.close(os.open(path, flags))
    except OSError as error:
        return error.strerror
    return "opened"

async def main():
    said = {}
    client = HelperClient("/run/hardcase/helper.sock")
    bmc = client.ipmi()
    for name, (netfn, command, data) in {
        "device id": (0x06, 0x01, b""), "reading": (0x04, 0x2D, b"\x01"), "no sensor": (0x04, 0x2D, b"\xfe"),
        "thresholds": (0x04, 0x27, b"\x01"), "sel info": (0x0A, 0x40, b""), "chassis": (0x00, 0x01, b""),
        "power off": (0x00, 0x02, b"\x00"), "clear sel": (0x0A, 0x47, b"\x00\x00CLR\xaa"),
        "password": (0x06, 0x47, b"\x02\x02" + b"x" * 16), "lamp": (0x00, 0x04, b"\x05"),
    }.items():
        try:
            # The first one waits for the helper to start, with a fifth of a slow processor.
            said[name] = (await bmc.request(netfn, command, data, deadline_s=60.0)).hex()
        except AgentError as error:
            said[name] = type(error).__name__
    for name, address in {"behind": 0x2C, "nobody behind": 0x30}.items():
        began = time.monotonic()
        answer = await bmc.request_behind(Controller(0, address), IpmiRequest(0x04, 0x2D, b"\x03"), deadline_s=60.0)
        said[name] = [answer.hex(), time.monotonic() - began]
    for name, request in {
        "reset behind": IpmiRequest(0x06, 0x02), "message behind": IpmiRequest(0x06, 0x34, b"\x40")
    }.items():
        try:
            said[name] = (await bmc.request_behind(Controller(0, 0x2C), request, deadline_s=60.0)).hex()
        except AgentError as error:
            said[name] = type(error).__name__
    many = await asyncio.gather(*(bmc.request(0x04, 0x2D, b"\x01", deadline_s=90.0) for _ in range(40)))
    said["many"] = sorted({answer.hex() for answer in many})
    batch = await bmc.request_many([IpmiRequest(0x04, 0x2D, b"\x01")] * 100, deadline_s=90.0)
    said["batch"] = [len(batch.answers), sorted({answer.hex() for answer in batch.answers}), repr(batch.error)]
    said["refused"] = {path: tried(path) for path in ("/dev/ipmi0", "/dev/sda", "/dev/nvme0", "/dev/kmsg", "/dev/mem")}
    said["table"] = tried("/sys/firmware/dmi/tables/DMI", os.O_RDONLY)
    for tool, arguments in (("dmidecode", ("1",)), ("smbios-table", ()), ("kernel-log", ("0",)), ("lspci", ()),
                            ("smartctl-selftest", ("/dev/sda", "sat", "short")), ("identify-bay", ("/dev/sda", "5"))):
        try:
            result = await client.run(tool, arguments, deadline_s=60.0)
            said[tool] = [result.status, len(result.stdout), result.stderr.decode()[:200]]
        except AgentError as error:
            said[tool] = type(error).__name__
    shelf = Shelf(client, Path("/sys"))
    for nvme in (True, False):
        source = SmartSource(host=Asset(), shelf=shelf, commands=client, clock=Now(), nvme=nvme, period_s=600.0,
                             disk_deadline_s=120.0)
        swept = await source.sweep(Now().now())
        said[source.name] = {
            "parts": [[part.model, part.serial, *part.paths] for part in swept.parts],
            "values": {sensor.quantity: isinstance(reading, Number) and reading.value
                       for sensor, reading in zip(swept.sensors, swept.readings)},
        }
    await client.close()
    with open("/var/lib/hardcase-agent/said", "w") as file:
        json.dump(said, file)

asyncio.run(main())
"""

BMC = """
mc_setbmc 0x20
mc_add 0x20 1 no-device-sdrs 0x01 0x02 0x15 0x9f 0x002a7c 0x0b0c
sel_enable 0x20 64 0x0a
sensor_add 0x20 0 0 35 0x6f event-only
sensor_add 0x20 0 1 1 1
sensor_set_value 0x20 0 1 0x2d 0
sensor_set_threshold 0x20 0 1 settable 111000 0x69 0x5f 0x55 0 0 0
mc_add 0x2c 0 no-device-sdrs 0x01 0x01 0x00 0x00 0x00ffff 0x0001
sensor_add 0x2c 0 3 1 1
sensor_set_value 0x2c 0 3 0x33 0
mc_enable 0x2c
mc_enable 0x20
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[dict[str, Any]]:
    """What the client in the guest read; and under "helper", what became of the helper."""
    folder = tmp_path_factory.mktemp("guest")
    port = free_port()
    (folder / "lan.conf").write_text(
        f'name "guest"\nset_working_mc 0x20\n  serial 15 127.0.0.1 {port} codec VM\n  startnow false\n'
    )
    (folder / "bmc.emu").write_text(BMC)
    (folder / "state").mkdir()
    sim = subprocess.Popen(
        ["ipmi_sim", "-c", "lan.conf", "-f", "bmc.emu", "-s", "state", "-n"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        restore_signals=False,
        preexec_fn=lambda: signal.signal(signal.SIGPIPE, signal.SIG_IGN),  # it dies of SIGPIPE otherwise
    )
    share = folder / "share"
    shutil.copytree(root / "agent", share / "agent", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(root / "deploy" / "agent", share / "deploy")
    (share / "client.py").write_text(CLIENT)
    (share / "install.sh").write_text(INSTALL)
    for path in (share, *share.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    try:
        with Guest(folder / "vm", share=share, bmc_port=port) as guest:
            yield ask(guest)
    finally:
        sim.kill()
        sim.wait(timeout=60)


INSTALL = """\
set -e
cd /mnt/share/deploy
opt=/opt/hardcase-agent
mkdir -p $opt/bin $opt/lib/python3.11/site-packages
ln -sf /usr/bin/python3 $opt/bin/python
printf 'home = /usr/bin\\ninclude-system-site-packages = false\\nversion = 3.11\\n' > $opt/pyvenv.cfg
echo /mnt/share/agent > $opt/lib/python3.11/site-packages/hardcase.pth
systemd-sysusers $PWD/sysusers.d/*.conf
cp tmpfiles.d/*.conf /usr/lib/tmpfiles.d/
systemd-tmpfiles --create hardcase-agent.conf hardcase-bays.conf
cp udev/*.rules /usr/lib/udev/rules.d/
udevadm control --reload
udevadm trigger --settle --subsystem-match=ipmi --subsystem-match=nvme
cp *.service *.socket /usr/lib/systemd/system/
mkdir -p /etc/systemd/system/hardcase-agent.service.d
cat > /etc/systemd/system/hardcase-agent.service.d/client.conf <<'UNIT'
[Service]
Type=oneshot
ExecStart=
ExecStart=/opt/hardcase-agent/bin/python /mnt/share/client.py
WatchdogSec=0
Restart=no
TimeoutStartSec=300
CPUQuota=
UNIT
systemctl daemon-reload
systemctl start hardcase-helper.socket
"""


def ask(guest: Guest) -> dict[str, Any]:
    guest.run("sh /mnt/share/install.sh")
    started = guest.try_run("systemctl start hardcase-agent.service", deadline_s=300)
    assert started.status == 0, guest.run("journalctl -o cat --no-pager -u hardcase-agent -u hardcase-helper")
    answers: dict[str, Any] = json.loads(guest.run("cat /var/lib/hardcase-agent/said"))
    as_agent = "runuser -u hardcase-agent -- sh -c ': <> /dev/ipmi0'"
    answers["helper"] = {
        "log": guest.run("journalctl -u hardcase-helper.service -o cat --no-pager"),
        "memory": guest.run("grep -E 'VmRSS|RssAnon' /proc/$(systemctl show -P MainPID hardcase-helper)/status"),
        "charged": guest.run("systemctl show -P MemoryCurrent hardcase-helper"),
        "user": guest.run("stat -c %U /proc/$(systemctl show -P MainPID hardcase-helper)").strip(),
        "free user": guest.try_run(as_agent).err,
        "nodes": guest.run("stat -c '%n %U:%G %a' /dev/ipmi0 /dev/nvme0 /dev/sda").splitlines(),
    }
    guest.run("mkdir -p /etc/hardcase && echo 'HARDCASE_HELPER_ALLOW=--allow-identify --allow-self-test' >"
              " /etc/hardcase/helper.conf && systemctl restart hardcase-helper")  # fmt: skip
    guest.run("systemctl start hardcase-agent.service", deadline_s=300)
    answers["allowed"] = json.loads(guest.run("cat /var/lib/hardcase-agent/said"))
    answers["allowed"]["written"] = guest.run(
        "systemd-run --quiet --pipe --wait -p ProtectKernelTunables=yes -p ReadWritePaths=-/sys/devices sh -c"
        " 'echo 0 > /sys/devices/system/cpu/cpu0/power/autosuspend_delay_ms 2>&1; cat /proc/self/mountinfo'"
    )
    return answers


def test_the_bmc_is_read_through_the_kernels_driver(said: dict[str, Any]) -> None:
    assert said["device id"].startswith("0001")
    assert said["reading"].startswith("002d")
    assert said["thresholds"][2:4] == "38"
    assert said["thresholds"].endswith("555f69")
    assert said["sel info"].startswith("0051")
    assert said["chassis"].startswith("0001")
    assert said["many"] == [said["reading"]]
    assert said["batch"] == [100, [said["reading"]], "None"]


def test_the_kernel_passes_a_reading_on_to_the_controller_behind_the_bmc(said: dict[str, Any]) -> None:
    assert said["behind"][0].startswith("0033")


def test_a_controller_that_is_not_there_is_told_within_the_driver_s_two_tries(said: dict[str, Any]) -> None:
    answer, took_s = said["nobody behind"]
    assert answer in ("c3", "83", "d3")
    assert took_s < 45.0, "not by the deadline of the caller"


def test_nothing_but_a_reading_is_passed_on(said: dict[str, Any]) -> None:
    assert (said["reset behind"], said["message behind"]) == ("AccessDenied", "AccessDenied")


def test_a_completion_code_is_an_answer(said: dict[str, Any]) -> None:
    assert said["no sensor"] == "cc"


def test_nothing_that_changes_the_machine_passes(said: dict[str, Any]) -> None:
    assert (said["power off"], said["clear sel"]) == ("AccessDenied", "AccessDenied")
    assert (said["password"], said["lamp"]) == ("AccessDenied", "AccessDenied")
    log = said["helper"]["log"]
    for name in ("Chassis Control", "Clear SEL", "Set User Password"):
        assert re.search(rf"^refused: uid \d+, pid \d+: IPMI {name} \(NetFn", log, re.MULTILINE)


def test_the_process_that_talks_to_the_network_opens_no_device_of_the_machine(said: dict[str, Any]) -> None:
    absent = "No such file or directory"
    assert said["refused"] == dict.fromkeys(("/dev/ipmi0", "/dev/sda", "/dev/nvme0", "/dev/kmsg", "/dev/mem"), absent)
    assert said["table"] == "Permission denied"


def test_its_user_is_refused_outside_of_the_unit_too(said: dict[str, Any]) -> None:
    assert "Permission denied" in said["helper"]["free user"]
    assert said["helper"]["nodes"] == [
        "/dev/ipmi0 root:hardcase-helper 660",
        "/dev/nvme0 root:hardcase-helper 660",
        "/dev/sda root:disk 660",
    ]


def test_the_helpers_tools_run_under_its_unit(said: dict[str, Any]) -> None:
    assert said["helper"]["user"] == "hardcase-helper"
    status, size, error = said["smbios-table"]
    assert (status, size > 100, error) == (0, True, "")
    status, size, error = said["kernel-log"]
    assert (status, size > 1000, error) == (0, True, "")
    # Not part of the guest; the other tools are smartctl's matter.
    assert (said["dmidecode"], said["lspci"]) == ("ToolMissing", "ToolMissing")


def test_what_changes_something_is_off_until_its_switch_is_in_the_helpers_file(said: dict[str, Any]) -> None:
    assert (said["smartctl-selftest"], said["identify-bay"], said["lamp"]) == ("AccessDenied",) * 3
    status, _, _ = said["allowed"]["smartctl-selftest"]
    assert status & 3 == 0
    assert said["allowed"]["identify-bay"] == "DeviceAbsent"
    assert said["allowed"]["lamp"] != "AccessDenied"
    assert (said["allowed"]["clear sel"], said["allowed"]["power off"]) == ("AccessDenied", "AccessDenied")


def test_a_drop_in_can_open_the_devices_of_sysfs_alone(said: dict[str, Any]) -> None:
    options = {line.split()[4]: line.split()[5] for line in said["allowed"]["written"].splitlines() if "/sys" in line}
    assert options["/sys"].startswith("ro")
    assert options["/sys/devices"].startswith("rw")


def test_disks_are_read_by_the_real_smartctl(said: dict[str, Any]) -> None:
    assert said["smart.nvme"]["parts"] == [["QEMU NVMe Ctrl", "GUESTNVME01", "/dev/nvme0"]]
    assert said["smart.ata"]["parts"] == [["GUEST-DISK", "GUESTSATA01", "/dev/sda"]]
    assert said["smart.nvme"]["values"]["disk.temperature"] == 50.0
    assert said["smart.ata"]["values"]["disk.reallocated"] == 0.0


def test_the_helper_is_small(said: dict[str, Any]) -> None:
    sizes = {line.split()[0]: int(line.split()[1]) for line in said["helper"]["memory"].splitlines()}
    assert sizes["VmRSS:"] <= 14 * 1024
