"""systemd, host identity, durations, tokens, tables."""

from __future__ import annotations

import argparse
import io
import os
import socket
import stat
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hardcase_agent.cli import duration_s
from hardcase_agent.domain.errors import AccessDenied, EnrolmentRefused, ToolMissing
from hardcase_agent.domain.ports import CommandResult
from hardcase_agent.enrolling import read_token
from hardcase_agent.host_asset import drill_host, read_host
from hardcase_agent.systemd import Notifier
from hardcase_agent.tables import columns
from hardcase_agent.uplink import identity
from hardcase_agent.uplink.endpoint import is_loopback


def test_systemd_is_told_over_its_socket_and_a_status_once(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(path)
        listener.settimeout(60)
        notifier = Notifier({"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())})
        notifier.ready()
        notifier.status("two\nlines")
        notifier.status("two\nlines")
        notifier.alive()
        notifier.stopping()
        told = [listener.recv(100) for _ in range(4)]
    assert told == [b"READY=1", b"STATUS=two lines", b"WATCHDOG=1", b"STOPPING=1"]
    assert notifier.watchdog_s == 60


def test_without_systemd_nothing_happens_and_a_watchdog_of_another_process_is_not_ours() -> None:
    Notifier({}).ready()
    Notifier({"NOTIFY_SOCKET": "/nowhere/at/all"}).ready()
    assert Notifier({"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}).watchdog_s is None


class Commands:
    """A machine of which only these entries of the tools' table answer."""

    def __init__(self, **said: bytes) -> None:
        self.said = {name.replace("_", "-"): text for name, text in said.items()}
        self.asked: list[str] = []

    async def run(self, tool: str, arguments: Sequence[str], *, deadline_s: float) -> CommandResult:
        self.asked.append(tool)
        if tool not in self.said:
            raise ToolMissing(f"{tool} is not installed")
        return CommandResult(0, self.said[tool], b"")


def _structure(kind: int, handle: int, strings: list[str], body: bytes) -> bytes:
    text = b"\0".join(one.encode() for one in strings) + b"\0\0"
    return bytes((kind, 4 + len(body))) + handle.to_bytes(2, "little") + body + text


UUID = "33221100-5544-7766-8899-aabbccddeeff"
SYSTEM = _structure(1, 1, ["Dell Inc.", "R740", "1.0", "ABC"], bytes((1, 2, 3, 4, *bytes.fromhex(
    "00112233445566778899aabbccddeeff"), 6, 0, 0)))  # fmt: skip
BOARD = _structure(2, 2, ["X", "BoardName", "A0", "BOARD"], bytes((1, 2, 3, 4)))
TEXT = (
    b"Handle 0x0001, DMI type 1, 27 bytes\nSystem Information\n\tManufacturer: Dell Inc.\n\tProduct Name: R740\n"
    b"\tSerial Number: ABC\n\tUUID: 33221100-5544-7766-8899-AABBCCDDEEFF\n\n"
    b"Handle 0x0002, DMI type 2, 8 bytes\nBase Board Information\n\tManufacturer: X\n"
    b"\tSerial Number: BOARD\n\tAsset Tag: Not Specified\n"
)


@pytest.fixture
def sysfs(tmp_path: Path) -> Path:
    """As an account without rights sees it: no serial number, no UUID, no tables."""
    (tmp_path / "class/dmi/id").mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize(
    ("commands", "asked"),
    [
        (Commands(smbios_table=SYSTEM + BOARD), ["smbios-table"]),
        (Commands(dmidecode=TEXT), ["smbios-table", "dmidecode"]),
    ],
)
async def test_the_host_is_told_by_the_firmwares_table_else_by_dmidecode(
    sysfs: Path, commands: Commands, asked: list[str]
) -> None:
    host = await read_host(sysfs, commands)
    assert (host.vendor, host.model, host.serial, host.uuid, host.node) == ("Dell Inc.", "R740", "ABC", UUID, "BOARD")
    assert commands.asked == asked


async def test_a_host_of_which_nothing_can_be_read_is_still_one(sysfs: Path) -> None:
    host = await read_host(sysfs, Commands())
    assert (host.serial, host.uuid, host.kind) == ("", "", "server")


def test_a_drill_host_keeps_its_own_identity_and_is_marked(tmp_path: Path) -> None:
    first = drill_host(tmp_path)
    assert first == drill_host(tmp_path)
    assert first.rehearsal
    assert first.machine_id != drill_host(tmp_path / "other").machine_id


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("30m", 1800), ("2h", 7200), ("1d", 86400), ("0", 0)])
def test_durations(text: str, seconds: int) -> None:
    assert duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "2 h", "-1h", "h", "2w", "99999999d"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        duration_s(text)


def test_a_token_comes_from_a_file_or_stdin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "token"
    path.write_text("abc\n")
    assert read_token(str(path)) == "abc"
    monkeypatch.setattr("sys.stdin", io.StringIO("xyz\n"))
    assert read_token("-") == "xyz"
    for bad in ("", "two words"):
        path.write_text(bad)
        with pytest.raises(EnrolmentRefused):
            read_token(str(path))
    with pytest.raises(EnrolmentRefused):
        read_token(str(tmp_path / "missing"))


@pytest.mark.parametrize(
    ("target", "loopback"),
    [
        ("127.0.0.1:1", True),
        ("127.9.9.9:1", True),
        ("[::1]:1", True),
        ("localhost:1", True),
        ("unix:/x", True),
        ("10.0.0.1:1", False),
        ("collector:1", False),
        ("localhost.example.com:1", False),
    ],
)
def test_loopback_is_told_from_the_rest(target: str, loopback: bool) -> None:
    assert is_loopback(target) is loopback


def test_columns_line_up_with_wide_characters() -> None:
    assert columns([("温度", "x"), ("a", "y")]) == "温度  x\na     y"


IDENTITY = identity.Identity(
    agent_id="id",
    enrolment="h:1",
    server_name="",
    ca_pem="ca",
    certificate_pem="cert",
    key_pem="KEY",
    not_before_ms=0,
    not_after_ms=90_000,
)


def test_an_identity_is_kept_privately_and_comes_back(tmp_path: Path) -> None:
    assert identity.load(tmp_path) is None
    identity.store(tmp_path, IDENTITY)
    identity.store(tmp_path, IDENTITY)
    assert identity.load(tmp_path) == IDENTITY
    assert stat.S_IMODE((tmp_path / identity.FILE).stat().st_mode) == 0o600
    assert "KEY" not in repr(IDENTITY)
    assert [path.name for path in tmp_path.iterdir()] == [identity.FILE]


def test_an_identity_others_may_read_or_that_is_damaged_is_refused(tmp_path: Path) -> None:
    identity.store(tmp_path, IDENTITY)
    path = tmp_path / identity.FILE
    path.chmod(0o644)
    with pytest.raises(AccessDenied, match="chmod"):
        identity.load(tmp_path)
    path.chmod(0o600)
    path.write_text("{")
    with pytest.raises(EnrolmentRefused):
        identity.load(tmp_path)


def test_renewal_is_due_at_two_thirds_of_the_life() -> None:
    assert not IDENTITY.renewal_due(59_999)
    assert IDENTITY.renewal_due(60_000 + 90_000 // 32)


def test_identities_of_one_hour_are_due_one_after_the_other() -> None:
    fleet = [replace(IDENTITY, agent_id=f"a{number}", not_after_ms=397 * 86_400_000) for number in range(200)]
    month_ms = 30 * 86_400_000
    due = [
        sum(one.renewal_due(397 * 86_400_000 * 2 // 3 + at_ms) for one in fleet)
        for at_ms in (0, month_ms // 6, month_ms)
    ]
    assert due[0] < 5
    assert 20 < due[1] < 180
    assert due[2] == 200
