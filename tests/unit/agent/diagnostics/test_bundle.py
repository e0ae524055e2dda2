"""Support bundles: what is in them, what is hidden, what is left out and said, and that they are always the same."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hardcase_agent.diagnostics import bundle as bundles
from hardcase_agent.diagnostics import packing
from hardcase_agent.diagnostics.settings import DiagnosticsSettings, Hidden
from hardcase_agent.domain.diagnostic import DiagnosticKind, ReportState
from hardcase_agent.domain.errors import DeviceHung
from hardcase_agent.domain.ports import CommandResult

from tests.fakes.doors import FakeArrays, FakeBmcSource, FakeDisks
from tests.unit.agent.diagnostics.conftest import Bay, an_id, request

SECRET = "Tr0ub4dor&3x"
K = DiagnosticKind


def unpacked(content: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        found = {}
        for entry in archive.getmembers():
            opened = archive.extractfile(entry)
            assert opened is not None
            assert not entry.name.startswith(("/", ".."))
            found[entry.name.partition("/")[2]] = opened.read()
        return found


def equipped(bay: Bay) -> None:
    arrays = FakeArrays()
    arrays.outputs = [("storcli", "controllers", "Controller = 0\nStatus = Success\n")]
    bay.sources = [FakeBmcSource(), FakeDisks(), arrays]
    said = {
        "kernel-log": b"6,1,5,-;Linux version 6\n",
        "dmidecode": b"Serial Number: HOST1\n",
        "lspci": b"00:00.0 Host bridge\n",
        "smartctl-version": b"smartctl 7.4\n",
    }
    bay.commands.answers = {tool: CommandResult(0, text, b"") for tool, text in said.items()}


async def bundle_of(bay: Bay, **arguments: str) -> tuple[dict[str, bytes], Mapping[str, object]]:
    bay.desk.asked(request(K.BUNDLE, arguments=arguments))
    said = await bay.ended()
    assert said.state is ReportState.DONE, said.detail
    (file,) = said.files
    return unpacked(bay.uploader.files[an_id(1), file.name]), json.loads(said.answer)


async def test_everything_is_in_it_and_the_manifest_lists_it(bay: Bay) -> None:
    equipped(bay)
    files, _ = await bundle_of(bay)
    manifest = json.loads(files.pop("manifest.json"))
    assert {one["part"] for one in manifest["files"]} == {
        "log", "config", "dmesg", "sel", "fru", "smart", "arrays", "dmi", "lspci", "versions", "doctor",
    }  # fmt: skip
    assert manifest["left_out"] == []
    assert [one["name"] for one in manifest["files"]] == sorted(files)
    for one in manifest["files"]:
        assert one["sha256"] == hashlib.sha256(files[one["name"]]).hexdigest()
        assert one["bytes"] == len(files[one["name"]])
        assert one["collected_ms"] == bay.clock.wall_ms
    assert files["smart/ST1000_Z1D5.json"] == b'{"serial_number": "Z1D5"}'
    assert (manifest["asked_by"], manifest["reason"]) == ("li", "case 7")


async def test_planted_secrets_are_nowhere_in_it(bay: Bay) -> None:
    equipped(bay)
    bay.log = f"INFO password={SECRET}\n"
    bay.configuration = f'[ipmi.profiles.x]\npassword = "{SECRET}"\n'
    bay.commands.answers["kernel-log"] = CommandResult(0, f"6,1,5,-;cmd --token {SECRET}\n".encode(), b"")
    bay.commands.answers["lspci"] = CommandResult(0, f"https://a:{SECRET}@h/\n".encode(), b"")
    bay.facts = {"failing": {"ipmi": f"community: {SECRET}"}}
    arrays = next(source for source in bay.sources if isinstance(source, FakeArrays))
    arrays.outputs = [("arcconf", "config-1", f"<Password>{SECRET}</Password>\n")]
    files, answer = await bundle_of(bay)
    for name, content in files.items():
        assert SECRET.encode() not in content, name
    assert SECRET not in json.dumps(answer)
    told = {one["name"]: one.get("hidden", {}) for one in json.loads(files["manifest.json"])["files"]}
    assert sum(sum(found.values()) for found in told.values()) >= 6


async def test_what_the_site_wants_hidden_is_hidden_also_in_names(bay: Bay) -> None:
    equipped(bay)
    bay.settings = DiagnosticsSettings(redact=(Hidden.SERIALS, Hidden.HOSTNAMES))
    bay.log = "INFO box7.example runs, disk Z1D5 failing\n"
    files, answer = await bundle_of(bay)
    whole = b"".join(files.values()) + "".join(files).encode() + json.dumps(answer).encode()
    for word in (b"Z1D5", b"HOST1", b"box7"):
        assert word not in whole
    assert "serial" in json.loads(files["manifest.json"])["hidden_by"]


async def test_why_something_is_left_out_is_redacted_too(bay: Bay) -> None:
    bay.settings = DiagnosticsSettings(redact=(Hidden.ADDRESSES, Hidden.SERIALS))
    bay.commands.answers = {"lspci": DeviceHung("192.0.2.7 of HOST1 did not answer, password=" + SECRET)}
    files, answer = await bundle_of(bay, parts="log,lspci")
    (left,) = json.loads(files["manifest.json"])["left_out"]
    assert (left["part"], "did not answer" in left["reason"]) == ("lspci", True)
    for told in (files["manifest.json"].decode(), json.dumps(answer)):
        assert not [word for word in ("192.0.2.7", "HOST1", SECRET) if word in told]


async def test_what_cannot_be_had_is_left_out_with_its_reason(bay: Bay) -> None:
    equipped(bay)
    bay.commands.answers["lspci"] = DeviceHung("lspci did not end by its deadline")
    del bay.commands.answers["dmidecode"]
    bay.sources = bay.sources[1:]
    files, _ = await bundle_of(bay)
    left = {one["part"]: one["reason"] for one in json.loads(files["manifest.json"])["left_out"]}
    assert "deadline" in left["lspci"]
    assert "not installed" in left["dmi"]
    assert "watches no BMC" in left["sel"]
    assert "smart/ST1000_Z1D5.json" in files


async def test_a_defect_in_one_part_costs_the_others_nothing(bay: Bay) -> None:
    equipped(bay)

    async def defect() -> None:
        raise ZeroDivisionError("a defect")

    bay.sources[2].tool_outputs = defect  # type: ignore[attr-defined]
    files, _ = await bundle_of(bay)
    left = {one["part"]: one["reason"] for one in json.loads(files["manifest.json"])["left_out"]}
    assert "ZeroDivisionError" in left["arrays"]
    assert "agent.log" in files


async def test_only_the_parts_asked_for(bay: Bay) -> None:
    equipped(bay)
    files, _ = await bundle_of(bay, parts="log,lspci")
    assert set(files) == {"manifest.json", "agent.log", "lspci.txt"}
    bay.desk.asked(request(K.BUNDLE, 2, arguments={"parts": "log,shadow"}))
    said = await bay.ended(2)
    assert (said.state, "shadow" in said.detail) == (ReportState.REFUSED, True)


async def test_a_long_text_is_cut_where_it_matters_least(bay: Bay) -> None:
    lines = "".join(f"line {number}\n" for number in range(1_100_000))
    bay.log = lines
    bay.commands.answers["lspci"] = CommandResult(0, lines.encode(), b"")
    files, _ = await bundle_of(bay, parts="log,lspci")
    assert files["agent.log"].endswith(b"line 1099999\n")
    assert files["lspci.txt"].startswith(b"line 0\n")
    assert all(len(files[name]) <= bundles.LARGEST_FILE for name in ("agent.log", "lspci.txt"))
    told = {one["name"]: one for one in json.loads(files["manifest.json"])["files"]}
    assert told["agent.log"]["cut_from"] == len(lines)


async def test_the_whole_has_a_limit_and_what_has_no_room_is_named(bay: Bay) -> None:
    bay.settings = DiagnosticsSettings(bundle_max_mib=1)
    bay.log = "x" * (1 << 20) + "\n"
    bay.commands.answers["lspci"] = CommandResult(0, b"00:00.0 Host bridge\n", b"")
    files, _ = await bundle_of(bay, parts="log,lspci")
    assert "agent.log" not in files
    assert "lspci.txt" in files
    assert "no room" in json.loads(files["manifest.json"])["left_out"][0]["reason"]


async def test_a_manifest_too_long_for_a_report_is_shortened_there_and_whole_in_the_bundle(bay: Bay) -> None:
    arrays = FakeArrays()
    arrays.outputs = [("storcli", f"view-{number:04d}", "text\n") for number in range(700)]
    bay.sources = [arrays]
    files, answer = await bundle_of(bay, parts="arrays")
    assert answer["shortened"] is True
    assert len(json.loads(files["manifest.json"])["files"]) >= 700


async def test_another_assets_bundle_is_refused(bay: Bay) -> None:
    bay.desk.asked(request(K.BUNDLE, asset="OTHER"))
    assert (await bay.ended()).state is ReportState.REFUSED


def test_the_same_content_packs_to_the_same_bytes(tmp_path: Path) -> None:
    members = [("b.txt", tmp_path / "0"), ("a/a.txt", tmp_path / "1")]
    for _, member in members:
        member.write_bytes(member.name.encode())
    for name, order in (("one", members), ("two", members[::-1])):
        packing.pack(tmp_path / name, "bundle", {"version": 1}, order, 1_700_000_000)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert packing.read_manifest(tmp_path / "one") == {"version": 1}


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b broken"])
def test_what_is_no_bundle_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(ValueError, match="bundle"):
        packing.read_manifest(tmp_path / "x")
