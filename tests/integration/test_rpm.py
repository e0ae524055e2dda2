"""The agent's .rpm: what it says of itself, and its life in an empty root and, by its own scripts, in a Debian root.

What is not tried: dnf, and a running Enterprise Linux 9 or openEuler with its SELinux policy.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.packages import staging
from tests.peers.debian_root import DebianRoot, roomy_folder
from tests.peers.packages import AGENT, package

pytestmark = [
    pytest.mark.timeout(1800),
    pytest.mark.xdist_group("packages"),
    pytest.mark.skipif(shutil.which("rpmbuild") is None, reason="needs the Debian package rpm"),
]


def rpm(*words: str) -> str:
    done = subprocess.run(["rpm", *words], capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        pytest.fail(f"rpm {' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


@pytest.fixture(scope="module")
def made() -> Path:
    return package(AGENT.name, "rpm")


@pytest.fixture
def folder() -> Iterator[Path]:
    with roomy_folder() as roomy:
        yield roomy


def test_it_says_who_it_is_and_asks_for_python_by_its_path(made: Path) -> None:
    said = rpm("-qp", "--qf", "%{NAME} %{VERSION} %{RELEASE} %{LICENSE} %{BUILDHOST} %{PAYLOADCOMPRESSOR}", str(made))

    assert said == f"hardcase-agent {staging.version()} 1 Apache-2.0 hardcase.invalid zstd"
    assert {"/usr/bin/python3.11", "glibc >= 2.34", "shadow-utils", "systemd"} <= set(
        rpm("-qp", "--requires", str(made)).splitlines()
    )
    assert rpm("-qp", "--recommends", str(made)).split() == ["smartmontools"]
    assert rpm("-qp", "--configfiles", str(made)).split() == ["/etc/hardcase/agent.toml"]


def test_everything_is_roots_and_no_folder_of_the_system_is_claimed(made: Path) -> None:
    lines = rpm("-qp", "--qf", "[%{FILEMODES:perms} %{FILEUSERNAME} %{FILEGROUPNAME} %{FILENAMES}\n]", str(made))
    folders = set()
    for line in lines.splitlines():
        mode, user, group, name = line.split(" ", 3)
        assert (user, group) == ("root", "root"), line
        assert mode in ("-rw-r--r--", "-rwxr-xr-x", "drwxr-xr-x", "lrwxrwxrwx"), line
        if mode.startswith("d"):
            folders.add(name)
    assert not folders & {"/", "/etc", "/opt", "/usr", "/usr/bin", "/usr/lib", "/usr/lib/systemd/system", "/usr/share"}
    assert {"/etc/hardcase", "/opt/hardcase-agent"} <= folders


def test_its_files_are_those_of_the_deb(made: Path) -> None:
    listed = subprocess.run(
        ["dpkg-deb", "--fsys-tarfile", str(package(AGENT.name))], capture_output=True, timeout=120, check=True
    )
    names = subprocess.run(["tar", "t"], input=listed.stdout, capture_output=True, timeout=120, check=True).stdout
    of_deb = {"/" + name.strip("./") for name in names.decode().splitlines() if not name.endswith("/")}
    of_rpm = set(rpm("-qp", "--qf", "[%{FILEMODES:perms} %{FILENAMES}\n]", str(made)).splitlines())

    assert {line.split(" ", 1)[1] for line in of_rpm if not line.startswith("d")} == of_deb


def test_it_installs_into_an_empty_root(made: Path, folder: Path) -> None:
    where = ("--root", str(folder), "--dbpath", "/var/lib/rpm")
    rpm(*where, "-i", "--nodeps", "--noscripts", str(made))

    assert rpm(*where, "-q", AGENT.name).strip() == made.name.removesuffix(".rpm")
    assert rpm(*where, "-V", "--nodeps", AGENT.name) == ""
    assert (folder / "opt/hardcase-agent/bin/python").readlink() == Path("/usr/bin/python3.11")
    rpm(*where, "-e", "--nodeps", "--noscripts", AGENT.name)
    assert not (folder / "opt/hardcase-agent").exists()


@pytest.mark.slow
def test_its_scripts_make_users_and_an_erasure_keeps_the_state(made: Path, folder: Path) -> None:
    root = DebianRoot(folder)
    where = ("--root", str(root.folder), "--dbpath", "/var/lib/rpm")
    rpm(*where, "-i", "--nodeps", str(made))
    users = {name: root.user(name) for name in ("hardcase-agent", "hardcase-helper")}
    identity = root.path("var/lib/hardcase-agent/identity.json")
    identity.write_text("of this machine\n")

    assert None not in users.values()
    assert root.run("hardcase-agent", "--version").split() == ["hardcase-agent", staging.version()]
    rpm(*where, "-U", "--force", "--nodeps", str(made))
    assert identity.read_text() == "of this machine\n"
    rpm(*where, "-e", AGENT.name)
    assert identity.exists()
    assert not root.path("opt/hardcase-agent").exists()
