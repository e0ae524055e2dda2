"""The helper on a real kernel: /dev/ipmi0 with a BMC behind it, an NVMe and a SATA disk, started by systemd's socket.

The agent's side runs as `nobody` there: what it reads, it reads through the helper alone.
"""

from __future__ import annotations

import base64
import json
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.peers.vm import Guest, image_missing

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.xdist_group("guest"),
    pytest.mark.skipif(bool(image_missing()), reason=image_missing() or "a guest is there"),
    pytest.mark.skipif(shutil.which("ipmi_sim") is None, reason="needs the Debian package openipmi"),
]

CLIENT = r"""
import asyncio, json, time
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

async def main():
    said = {}
    client = HelperClient("/run/helper.sock")
    bmc = client.ipmi()
    for name, (netfn, command, data) in {
        "device id": (0x06, 0x01, b""), "reading": (0x04, 0x2D, b"\x01"), "no sensor": (0x04, 0x2D, b"\xfe"),
        "thresholds": (0x04, 0x27, b"\x01"), "sel info": (0x0A, 0x40, b""), "chassis": (0x00, 0x01, b""),
        "power off": (0x00, 0x02, b"\x00"), "clear sel": (0x0A, 0x47, b"\x00\x00CLR\xaa"),
    }.items():
        try:
            said[name] = (await bmc.request(netfn, command, data, deadline_s=10.0)).hex()
        except AgentError as error:
            said[name] = type(error).__name__
    for name, address in {"behind": 0x2C, "nobody behind": 0x30}.items():
        began = time.monotonic()
        answer = await bmc.request_behind(Controller(0, address), IpmiRequest(0x04, 0x2D, b"\x03"), deadline_s=10.0)
        said[name] = [answer.hex(), time.monotonic() - began]
    for name, request in {
        "reset behind": IpmiRequest(0x06, 0x02), "message behind": IpmiRequest(0x06, 0x34, b"\x40")
    }.items():
        try:
            said[name] = (await bmc.request_behind(Controller(0, 0x2C), request, deadline_s=10.0)).hex()
        except AgentError as error:
            said[name] = type(error).__name__
    many = await asyncio.gather(*(bmc.request(0x04, 0x2D, b"\x01", deadline_s=30.0) for _ in range(40)))
    said["many"] = sorted({answer.hex() for answer in many})
    batch = await bmc.request_many([IpmiRequest(0x04, 0x2D, b"\x01")] * 100, deadline_s=30.0)
    said["batch"] = [len(batch.answers), sorted({answer.hex() for answer in batch.answers}), repr(batch.error)]
    shelf = Shelf(client, Path("/sys"))
    for nvme in (True, False):
        source = SmartSource(host=Asset(), shelf=shelf, commands=client, clock=Now(), nvme=nvme, period_s=600.0,
                             disk_deadline_s=40.0)
        swept = await source.sweep(Now().now())
        said[source.name] = {
            "parts": [[part.model, part.serial, *part.paths] for part in swept.parts],
            "values": {sensor.quantity: isinstance(reading, Number) and reading.value
                       for sensor, reading in zip(swept.sensors, swept.readings)},
        }
    await client.close()
    print(json.dumps(said))

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
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
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
    for path in (share, *share.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    try:
        with Guest(folder / "vm", share=share, bmc_port=port) as guest:
            yield ask(guest)
    finally:
        sim.kill()
        sim.wait(timeout=20)


def ask(guest: Guest) -> dict[str, Any]:
    python = "--setenv=PYTHONPATH=/mnt/share/agent --setenv=PYTHONDONTWRITEBYTECODE=1"
    guest.run(
        f"systemd-run --quiet --unit=helper --socket-property=ListenStream=/run/helper.sock {python} "
        "/usr/bin/python3 -m hardcase_agent.helper --allow-user nobody"
    )
    script = base64.b64encode(CLIENT.encode()).decode()
    guest.run(f"echo {script} | base64 -d > /tmp/client.py")
    client = f"systemd-run --quiet --pipe --wait --uid=nobody {python} /usr/bin/python3 /tmp/client.py"
    answers: dict[str, Any] = json.loads(guest.run(client, deadline_s=180))
    answers["helper"] = {
        "log": guest.run("journalctl -u helper.service -o cat --no-pager"),
        "memory": guest.run("grep -E 'VmRSS|RssAnon' /proc/$(systemctl show -P MainPID helper.service)/status"),
    }
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
    assert took_s < 9.0


def test_nothing_but_a_reading_is_passed_on(said: dict[str, Any]) -> None:
    assert (said["reset behind"], said["message behind"]) == ("AccessDenied", "AccessDenied")


def test_a_completion_code_is_an_answer(said: dict[str, Any]) -> None:
    assert said["no sensor"] == "cc"


def test_nothing_that_changes_the_machine_passes(said: dict[str, Any]) -> None:
    assert (said["power off"], said["clear sel"]) == ("AccessDenied", "AccessDenied")
    assert "refused: IPMI NetFn 0x00 LUN 0 command 0x02" in said["helper"]["log"]


def test_disks_are_read_by_the_real_smartctl(said: dict[str, Any]) -> None:
    assert said["smart.nvme"]["parts"] == [["QEMU NVMe Ctrl", "GUESTNVME01", "/dev/nvme0"]]
    assert said["smart.ata"]["parts"] == [["GUEST-DISK", "GUESTSATA01", "/dev/sda"]]
    assert said["smart.nvme"]["values"]["disk.temperature"] == 50.0
    assert said["smart.ata"]["values"]["disk.reallocated"] == 0.0


def test_the_helper_is_small(said: dict[str, Any]) -> None:
    sizes = {line.split()[0]: int(line.split()[1]) for line in said["helper"]["memory"].splitlines()}
    assert sizes["VmRSS:"] <= 14 * 1024
