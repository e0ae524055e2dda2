"""The findings together, and the command: by table and JSON, with its exit status."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hardcase_agent import tables
from hardcase_agent.clock import MachineClock
from hardcase_agent.config import parse_config
from hardcase_agent.doctor import findings as all_findings
from hardcase_agent.doctor import helper_socket
from hardcase_agent.doctor.place import Account, Place
from hardcase_agent.domain.event import CoverageLine, CoverageStatus
from hardcase_agent.helper import wire
from hardcase_agent.probing import Examined

BAD, FINE = CoverageStatus.UNREADABLE, CoverageStatus.WATCHED


def place(root: Path, uid: int = 0) -> Place:
    (root / "etc").mkdir(exist_ok=True)
    users = "root:x:0:0::/:/bin/sh\nhardcase-agent:x:901:901::/:/x\nhardcase-helper:x:902:902::/:/x\n"
    (root / "etc/passwd").write_text(users)
    (root / "etc/group").write_text("disk:x:6:\n")
    return Place(root=root, uid=uid)


async def told(root: Path, tables_: str = "", uid: int = 0) -> dict[str, list[CoverageLine]]:
    settings = parse_config(f'state_dir = "{root}"\n{tables_}')
    return await all_findings.findings(settings, MachineClock(), place(root, uid))


async def test_without_a_helper_and_a_collector_both_are_told_with_what_to_do(tmp_path: Path) -> None:
    found = await told(tmp_path)
    (helper,) = found["helper"]
    assert (helper.status, helper.cure) == (FINE, helper_socket.START)
    (collector,) = found["collector"]
    assert (collector.status, collector.cure) == (BAD, "set collector.address")


async def test_a_collector_elsewhere_without_a_certificate_is_a_fault(tmp_path: Path) -> None:
    found = await told(tmp_path, '[collector]\naddress = "no-such-host.invalid:7444"\n')
    assert [line.status for line in found["collector"]] == [BAD, BAD]
    assert "enroll" in found["collector"][0].cure


async def test_an_identity_that_others_may_read_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "identity.json").write_text("{}")
    (tmp_path / "identity.json").chmod(0o644)
    found = await told(tmp_path, '[collector]\naddress = "127.0.0.1:1"\n')
    assert "chmod 0600" in found["collector"][0].reason


@pytest.mark.parametrize(
    ("uid", "word"), [(0, "asked as root"), (901, ""), (1000, "neither root nor the service's user")]
)
async def test_who_asks_is_told_what_that_means(uid: int, word: str, tmp_path: Path) -> None:
    lines = [line for line in (await told(tmp_path, uid=uid))["agent"] if "asked as" in line.reason]
    assert [word in line.reason for line in lines] == ([True] if word else [])


async def test_a_machine_without_the_services_user_says_how_to_make_it(tmp_path: Path) -> None:
    settings = parse_config(f'state_dir = "{tmp_path}"\n')
    found = await all_findings.findings(settings, MachineClock(), Place(root=tmp_path))
    assert "systemd-sysusers" in found["agent"][0].cure


def test_devices_are_judged_for_the_user_that_the_helpers_unit_names(root: Path, tmp_path: Path) -> None:
    here = place(tmp_path, uid=1000)
    assert all_findings.opener(here, helped=False).uid == 1000
    assert all_findings.opener(here, helped=True).uid == 902
    shipped = tmp_path / "usr/lib/systemd/system"
    shipped.mkdir(parents=True)
    unit = "hardcase-helper.service"
    (shipped / unit).write_text((root / "deploy/agent" / unit).read_text())
    assert all_findings.opener(here, helped=True).gids == {902, 6}
    (shipped / f"{unit}.d").mkdir()
    (shipped / f"{unit}.d/root.conf").write_text("[Service]\nUser=root\n")
    assert all_findings.opener(here, helped=True).uid == 0


@contextlib.asynccontextmanager
async def helper(path: Path, answer: bytes | None) -> AsyncIterator[None]:
    """Something that listens in the helper's place and says this to whatever comes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError):
            await reader.read(4096)
            if answer is not None:
                writer.write(answer)
            await reader.read(1)
        writer.close()

    server = await asyncio.start_unix_server(serve, str(path))
    async with server:
        yield


GONE = b""
RESULT = wire.pack(wire.REPLY | wire.TOOL, 1, b"\0" + wire.RESULT_HEAD.pack(0, 0))
REFUSED = wire.pack(wire.REPLY, 0, bytes((4,)) + b"uid 7 may not use the helper")
OTHER = wire.HEADER.pack(0, 99, wire.REPLY, 1)


@pytest.mark.parametrize(
    ("answer", "status", "reason", "cure"),
    [
        (RESULT, FINE, "which answers", ""),
        (REFUSED, BAD, "uid 7 may not use", "--allow-user"),
        (OTHER, BAD, "differ in version", "restart hardcase-helper hardcase-agent"),
        (None, BAD, "does not answer", "restart hardcase-helper"),
    ],
)
async def test_a_helper_that_answers_or_not_is_told(
    answer: bytes | None,
    status: CoverageStatus,
    reason: str,
    cure: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(helper_socket, "_ASKED_S", 0.2)
    monkeypatch.setattr("hardcase_agent.sensors.helper_client.GRACE_S", 0.1)
    async with helper(tmp_path / "helper.sock", answer):
        line = await helper_socket.ask(str(tmp_path / "helper.sock"))
    assert line.status is status
    assert reason in line.reason
    assert cure in line.cure


async def test_a_socket_that_nobody_listens_at_is_told_with_how_to_start_it(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(tmp_path / "helper.sock"))
    line = await helper_socket.ask(str(tmp_path / "helper.sock"))
    assert line.status is BAD
    assert helper_socket.START in line.cure


def test_a_socket_that_is_closed_to_the_agents_user_is_told(tmp_path: Path) -> None:
    path = tmp_path / "run/hardcase/helper.sock"
    path.parent.mkdir(parents=True)
    path.touch(mode=0o600)
    agent = Account(name="hardcase-agent", uid=64001)
    (line,) = helper_socket.socket_lines(place(tmp_path), "/run/hardcase/helper.sock", agent)
    assert line.status is BAD
    assert "SocketGroup=hardcase-agent" in line.cure
    member = Account(name="hardcase-agent", uid=64001, gids=frozenset((os.getegid(),)))
    path.chmod(0o660)
    assert list(helper_socket.socket_lines(place(tmp_path), "/run/hardcase/helper.sock", member)) == []


def test_a_hint_leaves_the_exit_status_good_and_a_fault_does_not() -> None:
    hint = CoverageLine(component="agent", status=FINE, reason="r", cure="c")  # type: ignore[arg-type]  # a name will do
    fault = CoverageLine(component="agent", status=BAD, reason="r", cure="c")  # type: ignore[arg-type]  # a name will do
    assert tables.healthy([Examined("agent", (hint,))])
    assert not tables.healthy([Examined("agent", (hint, fault))])


@pytest.mark.parametrize("as_json", [True, False])
async def test_the_command_tells_everything_and_ends_with_one_where_something_is_not_watched(
    as_json: bool, tmp_path: Path
) -> None:
    config = tmp_path / "agent.toml"
    config.write_text(
        f'state_dir = "{tmp_path}"\nwithout = ["smart", "ipmi", "arrays", "kernel", "host"]\n'
        '[helper]\nsocket = ""\n[collector]\naddress = "127.0.0.1:9"\n'
    )
    words = [
        sys.executable,
        "-m",
        "hardcase_agent",
        "--config",
        str(config),
        "doctor",
        *(["--json"] if as_json else []),
    ]
    process = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(90):
        out, _ = await process.communicate()
    assert process.returncode == 1
    if as_json:
        told = {one["source"]: one["lines"] for one in json.loads(out)}
        assert {"agent", "helper", "machine", "collector"} <= set(told)
        (reach,) = [line for line in told["collector"] if "cannot be reached" in line["reason"]]
        assert reach["status"] == "unreadable"
        assert reach["cure"]
    else:
        assert "WHAT TO DO" in out.decode()
        assert "cannot be reached" in out.decode()
