"""The papers are true: the files, commands and families they name exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAPERS = (
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "agent/README.md",
    "collector/README.md",
    "protos/README.md",
    "agent/hardcase_agent/sensors/snmp/profiles/README.md",
)
TREES = ("agent/", "collector/", "protos/", "tests/", "deploy/", "docs/")


@pytest.mark.parametrize("paper", PAPERS)
def test_every_file_a_paper_names_exists(root: Path, paper: str) -> None:
    text = (root / paper).read_text(encoding="utf-8")
    named = {name for name in re.findall(r"[`(]([\w./-]+/[\w./-]*)[`)]", text) if name.startswith(TREES)}
    missing = [name for name in sorted(named) if not (root / name).exists()]
    assert missing == []


@pytest.mark.parametrize("paper", PAPERS)
def test_every_file_that_a_line_of_shell_takes_from_the_project_exists(root: Path, paper: str) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", (root / paper).read_text(encoding="utf-8"), re.DOTALL)
    named = {word for block in blocks for word in block.split() if word.startswith(TREES)}
    assert [name for name in sorted(named) if not (root / name).exists()] == []


@pytest.mark.parametrize("paper", PAPERS)
def test_every_make_target_a_paper_names_exists(root: Path, paper: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"`?make ([a-z-]+)\b[^`\n]*`", (root / paper).read_text(encoding="utf-8")))
    assert named <= targets


@pytest.mark.parametrize("paper", PAPERS)
def test_every_command_a_paper_names_is_one_the_program_knows(root: Path, paper: str) -> None:
    text = (root / paper).read_text(encoding="utf-8")
    for program in ("hardcase-agent", "hardcase-collector"):
        named = set(re.findall(rf"{program} ([a-z-]+)\b", text))
        if not named:
            continue
        told = subprocess.run(
            [str(Path(sys.executable).parent / program), "--help"],
            capture_output=True,
            text=True,
            timeout=240,
            check=True,
        ).stdout
        assert [command for command in sorted(named) if not re.search(rf"\b{command}\b", told)] == [], program


def test_every_family_has_its_rights_written_down(root: Path) -> None:
    from hardcase_agent.sensors.catalogue import FAMILIES

    rows = set(re.findall(r"^\| (\w+) \|", (root / "agent/README.md").read_text(encoding="utf-8"), re.MULTILINE))
    assert [family.name for family in FAMILIES if family.name not in rows] == []


def test_the_project_names_no_registry_and_no_path_of_a_machine(root: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=root, capture_output=True, text=True, timeout=120, check=True
    ).stdout.split("\n")
    hosts = re.compile(
        "|".join(("pypi" + r"\.org", "python" + "hosted", "npm" + r"js\.org", "deb\\." + "debian", "/" + "work/main"))
    )
    found = []
    for name in tracked:
        path = root / name
        if not name or not path.is_file() or path.suffix in {".png", ".bin", ".ico"}:
            continue
        if hosts.search(path.read_text(encoding="utf-8", errors="replace")):
            found.append(name)
    assert found == []
