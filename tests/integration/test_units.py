"""The systemd units: accepted without a word, tight by systemd's own measure, and the agent without any device."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNITS = (
    "deploy/agent/hardcase-agent.service",
    "deploy/agent/hardcase-helper.service",
    "deploy/agent/hardcase-helper.socket",
    "deploy/collector/hardcase-collector.service",
)
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs the package systemd")


def settings(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, value in re.findall(r"^([A-Za-z]+)=(.*)$", text, re.MULTILINE):
        found.setdefault(key, []).append(value)
    return found


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


@needs_systemd
@pytest.mark.parametrize("unit", UNITS)
def test_systemd_accepts_the_unit_without_a_word(root: Path, tmp_path: Path, unit: str) -> None:
    # verify wants the programs and the documents to exist; everything else stays as it is shipped. A socket needs its
    # service beside it.
    (tmp_path / "doc").mkdir()
    for name in UNITS:
        text = re.sub(
            r"/opt/hardcase-\w+/bin", str(Path(sys.executable).parent), (root / name).read_text(encoding="utf-8")
        )
        (tmp_path / Path(name).name).write_text(text, encoding="utf-8")
    done = run("systemd-analyze", "verify", "--man=no", str(tmp_path / Path(unit).name))

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


@needs_systemd
@pytest.mark.parametrize(
    ("unit", "threshold"),
    [
        # In tenths. What is left is the network that they are for, and unix sockets.
        ("deploy/agent/hardcase-agent.service", 11),
        ("deploy/collector/hardcase-collector.service", 14),
        # It has four capabilities and the devices; everything else is closed.
        ("deploy/agent/hardcase-helper.service", 15),
    ],
)
def test_the_unit_stays_below_its_exposure(root: Path, unit: str, threshold: int) -> None:
    done = run(
        "systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={threshold}", str(root / unit)
    )

    assert done.returncode == 0, done.stdout[-600:]


@pytest.mark.parametrize("unit", ["deploy/agent/hardcase-agent.service", "deploy/collector/hardcase-collector.service"])
def test_what_talks_to_the_network_has_no_device_no_capability_and_is_not_root(root: Path, unit: str) -> None:
    found = settings((root / unit).read_text(encoding="utf-8"))

    assert found["User"] != ["root"]
    assert found["CapabilityBoundingSet"] == [""]
    assert found["AmbientCapabilities"] == [""]
    assert found["PrivateDevices"] == ["yes"]
    assert "DeviceAllow" not in found
    assert found["Type"] == ["notify"]
    assert "WatchdogSec" in found


def test_the_helper_has_the_devices_and_no_network(root: Path) -> None:
    found = settings((root / "deploy/agent/hardcase-helper.service").read_text(encoding="utf-8"))

    assert found["PrivateNetwork"] == ["yes"]
    assert found["IPAddressDeny"] == ["any"]
    assert found["RestrictAddressFamilies"] == ["AF_UNIX"]
    assert found["DevicePolicy"] == ["closed"]
    assert found["User"] == ["hardcase-helper"]
    assert found["CapabilityBoundingSet"] == found["AmbientCapabilities"]
    assert found["CapabilityBoundingSet"][0].split() == [
        "CAP_SYS_RAWIO",
        "CAP_SYS_ADMIN",
        "CAP_DAC_READ_SEARCH",
        "CAP_SYSLOG",
    ]


def test_the_shipped_helper_has_every_switch_off_and_only_root_can_turn_one_on(root: Path) -> None:
    text = (root / "deploy/agent/hardcase-helper.service").read_text(encoding="utf-8")
    found = settings(text)

    assert re.findall(r"--allow-\S+", text[text.index("ExecStart=") :].split("\nRuntime")[0]) == ["--allow-user"] * 2
    assert found["Environment"] == ["HARDCASE_HELPER_ALLOW="]
    assert found["EnvironmentFile"] == ["-/etc/hardcase/helper.conf"]


@pytest.mark.parametrize("unit", [unit for unit in UNITS if unit.endswith(".service")])
def test_every_service_is_closed_but_for_what_it_is_for(root: Path, unit: str) -> None:
    found = settings((root / unit).read_text(encoding="utf-8"))

    for closed in ("NoNewPrivileges", "PrivateTmp", "PrivateIPC", "PrivateMounts", "ProtectHome", "ProtectClock"):
        assert found[closed] == ["yes"], closed
    for closed in ("ProtectKernelTunables", "ProtectKernelModules", "ProtectControlGroups", "MemoryDenyWriteExecute"):
        assert found[closed] == ["yes"], closed
    assert found["ProtectSystem"] == ["strict"]
    assert found["UMask"] == ["0077"]
    assert found["SystemCallFilter"][0] == "@system-service"
    assert {"~@privileged", "@resources"} <= set(found["SystemCallFilter"][1].split())


def make_users(root: Path, below: Path) -> None:
    (below / "etc").mkdir()
    for part in ("agent", "collector"):
        sysusers = root / f"deploy/{part}/sysusers.d/hardcase-{part}.conf"
        done = run("systemd-sysusers", f"--root={below}", str(sysusers))
        assert done.returncode == 0, done.stderr


@needs_systemd
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to write the files of passwords below a root")
def test_the_users_of_the_units_are_made_by_sysusers(root: Path, tmp_path: Path) -> None:
    make_users(root, tmp_path)
    users = (tmp_path / "etc/passwd").read_text(encoding="utf-8")
    groups = (tmp_path / "etc/group").read_text(encoding="utf-8")

    for unit in UNITS:
        for user in settings((root / unit).read_text(encoding="utf-8")).get("User", []):
            assert f"{user}:x:" in users
            assert "/usr/sbin/nologin" in users
    assert "hardcase-admin:" in groups


@needs_systemd
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give directories to other users")
def test_tmpfiles_gives_each_state_directory_to_its_user_alone(root: Path, tmp_path: Path) -> None:
    make_users(root, tmp_path)
    for part in ("agent", "collector"):
        tmpfiles = root / f"deploy/{part}/tmpfiles.d/hardcase-{part}.conf"
        done = run("systemd-tmpfiles", "--create", f"--root={tmp_path}", str(tmpfiles))
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
    users = dict(
        re.findall(r"^([a-z-]+):x:(\d+):", (tmp_path / "etc/passwd").read_text(encoding="utf-8"), re.MULTILINE)
    )

    for user in ("hardcase-agent", "hardcase-collector"):
        state = (tmp_path / "var/lib" / user).stat()
        assert state.st_mode & 0o777 == 0o700
        assert state.st_uid == int(users[user])
    assert (tmp_path / "etc/hardcase/rules.d").is_dir()


def test_the_collector_leaves_the_host_memory_and_is_ended_before_a_database_beside_it(root: Path) -> None:
    found = settings((root / "deploy/collector/hardcase-collector.service").read_text(encoding="utf-8"))

    assert re.fullmatch(r"\d\d%", found["MemoryMax"][0])
    assert int(found["OOMScoreAdjust"][0]) > 0
    assert found["Restart"] == ["always"]
