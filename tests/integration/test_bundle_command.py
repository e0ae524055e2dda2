"""`hardcase-agent bundle` and `diagnostics` on this machine, without any collector."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(900)

SECRET = "Tr0ub4dor3xyz"


def agent(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    config = folder / "agent.toml"
    if not config.exists():
        config.write_text(
            f'state_dir = "{folder / "state"}"\nwithout = ["ipmi", "arrays", "smart"]\n[helper]\nsocket = ""\n'
            f'[diagnostics]\nredact = ["hostnames", "addresses"]\n# password = "{SECRET}"\n'
        )
    command = [sys.executable, "-m", "hardcase_agent", "--config", str(config), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, cwd=folder)


def test_a_bundle_is_made_listed_and_private(tmp_path: Path) -> None:
    made = agent(tmp_path, "bundle", "--output", str(tmp_path / "b.tar.gz"), "--json")
    assert made.returncode == 0, made.stderr
    manifest = json.loads(made.stdout)
    assert (tmp_path / "b.tar.gz").stat().st_mode & 0o777 == 0o600
    with tarfile.open(tmp_path / "b.tar.gz") as archive:
        names = [entry.name.partition("/")[2] for entry in archive.getmembers()]
        opened = [archive.extractfile(entry) for entry in archive.getmembers()]
        whole = b"".join(one.read() for one in opened if one is not None)
    assert names == ["manifest.json", *(one["name"] for one in manifest["files"])]
    assert {"agent.toml", "versions.json", "doctor.json"} <= set(names)
    assert SECRET.encode() not in whole
    assert {"sel", "smart", "arrays", "log"} <= {one["part"] for one in manifest["left_out"]}
    listed = agent(tmp_path, "bundle", "--list", str(tmp_path / "b.tar.gz"))
    assert "agent.toml" in listed.stdout
    assert "left out: sel" in listed.stdout
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".hardcase-bundle-")]


def test_parts_by_name_and_mistakes_by_name(tmp_path: Path) -> None:
    made = agent(tmp_path, "bundle", "--parts", "versions,config")
    assert made.returncode == 0, made.stderr
    (bundle,) = tmp_path.glob("bundle-*.tar.gz")
    assert "dmesg" not in agent(tmp_path, "bundle", "--list", str(bundle)).stdout
    for words, said in (
        (("--parts", "shadow"), "shadow"),
        (("--list", str(tmp_path / "agent.toml")), "no support bundle"),
        (("--list", str(tmp_path / "missing")), "No such file"),
        (("--output", str(tmp_path / "no" / "where.tar.gz")), "no such folder"),
    ):
        refused = agent(tmp_path, "bundle", *words)
        assert refused.returncode == 1
        assert said in refused.stderr
        assert "Traceback" not in refused.stderr


def test_without_a_running_agent_nobody_can_be_asked(tmp_path: Path) -> None:
    for words in (("list",), ("consent", "abcd"), ("refuse", "abcd")):
        told = agent(tmp_path, "diagnostics", *words)
        assert told.returncode == 1
        assert "no agent runs" in told.stderr
    assert "needs the id" in agent(tmp_path, "diagnostics", "consent").stderr
